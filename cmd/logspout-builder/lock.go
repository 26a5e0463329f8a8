package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gliderlabs/logspout-builder/generator"
)

func newLockCommand(p process) *cobra.Command {
	var s selection
	var check, update, asJSON bool
	cmd := &cobra.Command{
		Use:   "lock [-f FILE] [--check | --update [NAME...]]",
		Short: "Write the exact versions and checksums of a manifest's modules",
		Long: `Write the lock of a manifest: the core, Go, and every module that is built from, with its checksum. build writes it, too, and obeys
it from then on. What the lock has already stays as it is; what the manifest asks for anew is added, and what it no longer asks for goes.

--check compares without network and changes nothing: exit code 4 when the lock does not fit the manifest.
--update asks again for the versions that the manifest leaves open, of all modules or of those named. A module that is only needed
by others can be named, too, with the version that it shall have: golang.org/x/sys@v0.50.0.`,
		Example: `  logspout-builder lock
  logspout-builder lock --check
  logspout-builder lock --update
  logspout-builder lock --update example.com/ops/logspout-gelf golang.org/x/sys`,
		DisableFlagsInUseLine: true,
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case check && update:
				return errors.New("--check changes nothing: leave --update out, or --check")
			case len(args) > 0 && !update:
				return fmt.Errorf("unexpected %q: names stand behind --update", args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			view := newProgressView(p, false)
			defer view.close()
			o, err := s.start(cmd.Context(), p, view)
			if err != nil {
				return err
			}
			b, kept := o.builder, o.lock
			if kept.file == "" {
				return codedError{errors.New("there is no manifest that the lock could stand beside: write " + manifestFile + ", or name the lock with --lock FILE"), exitUsage}
			}
			if check {
				b.Locked = true
				moves, err := b.Check(cmd.Context(), o.plan)
				if asJSON && (err == nil || kept.before != nil) {
					if err := writeJSON(p.stdout, lockReport{kept.file, len(moves) == 0, moves}); err != nil {
						return err
					}
				}
				return err
			}
			b.Update = generator.Update{All: update && len(args) == 0, Names: args}
			now, err := b.Resolve(cmd.Context(), o.plan)
			if err != nil {
				return err
			}
			view.close()
			if err := kept.write(view, now); err != nil {
				return err
			}
			if asJSON {
				return writeJSON(p.stdout, lockReport{kept.file, true, now.Moves})
			}
			if kept.before != nil && len(now.Moves) == 0 {
				_, _ = fmt.Fprintf(p.stderr, "%-9s nothing moved\n", "lock")
			}
			_, err = fmt.Fprintln(p.stdout, kept.file)
			return err
		},
	}
	s.addFileFlags(cmd)
	cmd.Flags().BoolVar(&check, "check", false, "compare the lock with the manifest, and change nothing")
	cmd.Flags().BoolVar(&update, "update", false, "ask again for the versions that the manifest leaves open")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print what moved, or does not fit, as JSON")
	return cmd
}

// lockReport is what lock --json prints.
type lockReport struct {
	Lock  string           `json:"lock"`
	Fits  bool             `json:"fits"`
	Moves []generator.Move `json:"moves"`
}
