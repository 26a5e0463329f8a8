package main

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/gliderlabs/logspout-builder/generator/lint"
	"github.com/gliderlabs/logspout-builder/generator/manifest"
)

// corePackage is what modules import.
const corePackage = manifest.CorePath + "/core"

func newLintCommand(p process) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:                   "lint [DIR]... [--json]",
		Short:                 "Check a module's source and README, and tell the remedy of all that is found",
		DisableFlagsInUseLine: true,
		RunE: func(_ *cobra.Command, dirs []string) error {
			if len(dirs) == 0 {
				dirs = []string{"."}
			}
			all := []lint.Finding{} // JSON has an array, never null
			for _, dir := range dirs {
				findings, err := lint.Package(dir, corePackage)
				if err != nil {
					return err
				}
				for _, f := range findings {
					f.File = filepath.Join(dir, f.File)
					all = append(all, f)
				}
			}
			if asJSON {
				if err := writeJSON(p.stdout, all); err != nil {
					return err
				}
			} else {
				for _, f := range all {
					if _, err := fmt.Fprintf(p.stdout, "%s\n  next: %s\n", f, f.Next); err != nil {
						return err
					}
				}
			}
			switch len(all) {
			case 0:
				_, _ = fmt.Fprintf(p.stderr, "%-9s nothing found\n", "lint")
				return nil
			case 1:
				return codedError{errors.New("1 finding"), exitFailure}
			}
			return codedError{fmt.Errorf("%d findings", len(all)), exitFailure}
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print an array of {rule, file, line, column, message, next}")
	return cmd
}
