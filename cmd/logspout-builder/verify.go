package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gliderlabs/logspout-builder/generator/lock"
)

func newVerifyCommand(p process) *cobra.Command {
	var lockFile string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "verify BINARY [--lock FILE]",
		Short: "Compare a binary with a lock",
		Long: `Compare what the linker noted in a binary with a lock: every module, its version and checksum, the version of Go and how it was built. The
binary is read, not run. All differences are told at once, with exit code 6.`,
		Args:                  cobra.ExactArgs(1),
		DisableFlagsInUseLine: true,
		RunE: func(_ *cobra.Command, args []string) error {
			data, err := os.ReadFile(lockFile)
			if err != nil {
				return fmt.Errorf("read lock: %w; name it with --lock FILE", err)
			}
			l, err := lock.Parse(lockFile, data)
			if err != nil {
				return codedError{err, exitManifest}
			}
			info, err := readBuildInfo(args[0])
			if err != nil {
				return err
			}
			differences, unverified := l.VerifyBinary(info)
			if asJSON {
				report := verifyReport{args[0], lockFile, len(differences) == 0, differences, unverified}
				if err := writeJSON(p.stdout, report); err != nil {
					return err
				}
			}
			if len(differences) > 0 {
				var b strings.Builder
				for _, d := range differences {
					b.WriteString("\n  " + printable(d.String()))
				}
				return codedError{fmt.Errorf("%s is not what %s says:%s\nnext: build it again with build --locked, or find out who made it", args[0], lockFile, b.String()), exitVerify}
			}
			if len(unverified) > 0 {
				_, _ = fmt.Fprintf(p.stderr, "%-9s %s: built from a directory, whose content a lock does not say\n", "skipped", printable(strings.Join(unverified, ", ")))
			}
			if !asJSON {
				_, err = fmt.Fprintf(p.stdout, "%s is what %s says: %d modules, %s\n", args[0], lockFile, len(info.Deps), printable(info.GoVersion))
			}
			return err
		},
	}
	cmd.Flags().StringVar(&lockFile, "lock", lock.FileName, "the lock's `FILE`")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the differences as JSON")
	_ = cmd.MarkFlagFilename("lock", "lock") // the flag is there
	return cmd
}

// verifyReport is what verify --json prints.
type verifyReport struct {
	Binary      string            `json:"binary"`
	Lock        string            `json:"lock"`
	Fits        bool              `json:"fits"`
	Differences []lock.Difference `json:"differences"`
	Unverified  []string          `json:"unverified"` // modules built from directories
}
