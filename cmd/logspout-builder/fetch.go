package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func newFetchCommand(p process) *cobra.Command {
	var s selection
	cmd := &cobra.Command{
		Use:                   "fetch [-f FILE] [--for ROUTE-URI]... [--with NAME[@VERSION][=DIR]]... [--without NAME]... [--locked]",
		Short:                 "Fill the module cache with what a build needs on any platform, and list it",
		Args:                  cobra.NoArgs,
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			view := newProgressView(p, false)
			defer view.close()
			o, err := s.start(cmd.Context(), p, view)
			if err != nil {
				return err
			}
			resolved, modules, err := o.builder.Fetch(cmd.Context(), o.plan)
			if err != nil {
				return err
			}
			view.close()
			if err := o.lock.write(view, resolved); err != nil {
				return err
			}
			for _, m := range modules {
				if _, err := fmt.Fprintln(p.stdout, m.Path, m.Version); err != nil {
					return err
				}
			}
			return nil
		},
	}
	s.addFlags(cmd)
	return cmd
}
