package main

import (
	"errors"

	"github.com/spf13/cobra"
)

func newAddCommand(p process) *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:                   "add [-f FILE] NAME[@VERSION][=DIR]...",
		Short:                 "Add modules to the manifest and its lock, or change their version or directory",
		Example:               "  logspout-builder add kafka example.com/ops/logspout-gelf@v1.2.3",
		Args:                  cobra.MinimumNArgs(1),
		DisableFlagsInUseLine: true,
		ValidArgsFunction:     completeModules,
		RunE: func(cmd *cobra.Command, args []string) error {
			e, err := openManifest(cmd.Context(), p, file)
			if err != nil {
				return err
			}
			var problems []error
			for _, spec := range args {
				m, err := e.module(spec)
				if err != nil {
					problems = append(problems, err)
					continue
				}
				e.m.Add(m)
			}
			if len(problems) > 0 {
				return codedError{errors.Join(problems...), exitUsage}
			}
			return e.save(cmd.Context(), p)
		},
	}
	editFlags(cmd, &file)
	return cmd
}
