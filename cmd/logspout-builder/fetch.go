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
			b, err := newBuilder(p, view.report)
			if err != nil {
				return err
			}
			plan, m, err := s.plan(cmd.Context(), p, b.Core)
			if err != nil {
				return err
			}
			kept, err := s.lockFor(m)
			if err != nil {
				return err
			}
			kept.bind(b)
			resolved, modules, err := b.Fetch(cmd.Context(), plan)
			if err != nil {
				return err
			}
			view.close()
			if err := kept.write(view, resolved); err != nil {
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
