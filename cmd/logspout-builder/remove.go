package main

import (
	"errors"

	"github.com/spf13/cobra"
)

func newRemoveCommand(p process) *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:                   "remove [-f FILE] NAME...",
		Short:                 "Remove modules from the manifest and its lock; of the standard set the others stay",
		Example:               "  logspout-builder remove routesapi",
		Args:                  cobra.MinimumNArgs(1),
		DisableFlagsInUseLine: true,
		ValidArgsFunction:     completeOwnModules(p, &file),
		RunE: func(cmd *cobra.Command, args []string) error {
			e, err := openManifest(cmd.Context(), p, file)
			if err != nil {
				return err
			}
			var problems []error
			for _, name := range args {
				if err := e.m.Remove(name, e.registry); err != nil {
					problems = append(problems, err)
				}
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
