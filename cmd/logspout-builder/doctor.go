package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gliderlabs/logspout-builder/generator/doctor"
)

func newDoctorCommand(p process) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Tell what builds need that is missing on this machine, and how to get it",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			b, err := newBuilder(p, nil)
			if err != nil {
				return err
			}
			findings := doctor.Diagnose(cmd.Context(), b)
			missing := false
			for _, f := range findings {
				missing = missing || f.State == doctor.Missing
				if asJSON {
					continue
				}
				_, _ = fmt.Fprintf(p.stdout, "%-8s %-11s %s\n", f.State, f.Name, f.Found)
				if f.Next != "" {
					_, _ = fmt.Fprintf(p.stdout, "%-8s %-11s %s\n", "", "", f.Next)
				}
			}
			if asJSON {
				if err := writeJSON(p.stdout, findings); err != nil {
					return err
				}
			}
			if missing {
				return errors.New("no build works here yet")
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON: name, state (ok, limited, missing), found, next")
	return cmd
}
