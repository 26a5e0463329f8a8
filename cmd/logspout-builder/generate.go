package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
)

func newGenerateCommand(p process) *cobra.Command {
	var s selection
	var dir string
	cmd := &cobra.Command{
		Use:                   "generate [-f FILE] [--for ROUTE-URI]... [--with NAME[@VERSION][=DIR]]... [--without NAME]... -o DIR",
		Short:                 "Write the project that build compiles, for the go command alone",
		Args:                  cobra.NoArgs,
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if dir == "" {
				return codedError{errors.New("generate needs a directory: -o DIR"), exitUsage}
			}
			view := newProgressView(p, false)
			defer view.close()
			o, err := s.start(cmd.Context(), p, view)
			if err != nil {
				return err
			}
			if err := o.builder.Generate(cmd.Context(), o.plan, dir); err != nil {
				return err
			}
			view.close()
			_, err = fmt.Fprintln(p.stdout, dir)
			return err
		},
	}
	s.addFlags(cmd)
	cmd.Flags().StringVarP(&dir, "output", "o", "", "`directory` to write into; made when it is not there")
	_ = cmd.MarkFlagDirname("output") // the flag is there
	return cmd
}
