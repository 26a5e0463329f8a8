package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/gliderlabs/logspout-builder/generator/audit"
	"github.com/gliderlabs/logspout-builder/generator/describe"
	"github.com/gliderlabs/logspout-builder/generator/manifest"
)

// databaseTimeout is how long one file of the vulnerability database may take.
const databaseTimeout = time.Minute

func newAuditCommand(p process) *cobra.Command {
	var s selection
	var address, failOn string
	var ignored []string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "audit [BINARY | -f FILE] [--db URL] [--fail-on any|low|medium|high|critical|none] [--ignore ID]...",
		Short: "Find known vulnerabilities in a binary, or in what build would make",
		Long: `Look up the modules of a binary, or of the manifest's build list, and Go's standard library in a vulnerability database of govulncheck's
layout, and name the smallest upgrades that end what was found. Exit code 6 when there is something.

A vulnerability in packages that are not in the binary is shown as "not linked", and does not fail. One whose severity the database does
not tell (Go's own does not) fails at every level.`,
		Example: `  logspout-builder audit bin/logspout
  logspout-builder audit --fail-on high --ignore GO-2026-1234
  logspout-builder audit --db ./vulndb`,
		Args:                  cobra.MaximumNArgs(1),
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			least, err := failLevel(failOn)
			if err != nil {
				return codedError{err, exitUsage}
			}
			address := cmp.Or(address, p.getenv("GOVULNDB"), audit.DefaultDatabase)
			if s.offline && strings.HasPrefix(address, "http") {
				return codedError{errors.New("--offline: the vulnerability database has to be a copy on this machine: --db DIRECTORY"), exitUsage}
			}
			db, err := audit.Open(address, &http.Client{Timeout: databaseTimeout})
			if err != nil {
				return codedError{err, exitUsage}
			}
			c, err := s.contents(cmd.Context(), p, args)
			if err != nil {
				return err
			}
			subject, err := c.subject(cmd.Context(), p.stderr)
			if err != nil {
				return err
			}
			report, err := db.Audit(cmd.Context(), subject)
			if err != nil {
				return fmt.Errorf("%w\nnext: name a copy of the database that can be reached with --db URL or GOVULNDB", err)
			}
			failing := slices.DeleteFunc(report.Failing(least), func(f audit.Finding) bool {
				return failOn == "none" || slices.ContainsFunc(ignored, func(id string) bool { return id == f.ID || slices.Contains(f.Aliases, id) })
			})
			if asJSON {
				err = writeJSON(p.stdout, report)
			} else {
				err = writeReport(p.stdout, report, failing)
			}
			if err != nil {
				return err
			}
			if len(failing) > 0 {
				var ids []string
				for _, f := range failing {
					ids = append(ids, f.ID)
				}
				return codedError{fmt.Errorf("%s: %s%s", vulnerabilities(len(failing)), strings.Join(ids, ", "), remedy(report, failing)), exitVerify}
			}
			return nil
		},
	}
	s.addFlags(cmd)
	cmd.Flags().StringVar(&address, "db", "", "`URL` or directory of the database (default $GOVULNDB, else "+audit.DefaultDatabase+")")
	cmd.Flags().StringVar(&failOn, "fail-on", "any", "the lowest `severity` to fail for: any, low, medium, high, critical; none only reports")
	cmd.Flags().StringArrayVar(&ignored, "ignore", nil, "do not fail for the vulnerability with this `ID` or alias (CVE-...)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the findings as JSON")
	_ = cmd.RegisterFlagCompletionFunc("fail-on", cobra.FixedCompletions([]string{"any", "low", "medium", "high", "critical", "none"}, cobra.ShellCompDirectiveNoFileComp)) // the flag is there
	return cmd
}

// failLevel is the lowest severity that fails.
func failLevel(word string) (audit.Severity, error) {
	if word == "any" || word == "none" {
		return audit.Unknown, nil
	}
	if least := audit.ParseSeverity(word); least != audit.Unknown {
		return least, nil
	}
	return 0, fmt.Errorf("--fail-on %s: want any, low, medium, high, critical or none", word)
}

// subject is what an audit looks up.
func (c *contents) subject(ctx context.Context, stderr io.Writer) (audit.Subject, error) {
	s := audit.Subject{GOOS: c.setting("GOOS"), GOARCH: c.setting("GOARCH")}
	goVersion := audit.GoVersion(c.info.GoVersion)
	s.Modules = append(s.Modules, audit.Module{Path: audit.Stdlib, Version: cmp.Or(goVersion, c.info.GoVersion)})
	for _, m := range c.info.Deps {
		x := audit.Module{Path: m.Path, Version: m.Version}
		if r := m.Replace; r != nil {
			x = audit.Module{Path: r.Path, Version: r.Version, Replaced: r.Path != m.Path}
		}
		s.Modules = append(s.Modules, x)
	}
	var err error
	if c.binary == "" {
		s.Packages, err = describe.Packages(ctx, c.builder, c.plan)
		return s, err
	}
	if s.Packages, err = audit.LinkedPackages(c.binary); err != nil {
		s.Packages = nil
		_, _ = fmt.Fprintf(stderr, "%-9s the packages in %s are not known, so every one of a vulnerable module counts: %v\n", "note", c.binary, err)
	}
	return s, nil
}

// writeReport is the report for people.
func writeReport(w io.Writer, r *audit.Report, failing []audit.Finding) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0) // Flush has the error of all that is written
	for _, f := range r.Findings {
		state := ""
		switch {
		case !f.Linked:
			state = " (not linked)"
		case !slices.ContainsFunc(failing, func(x audit.Finding) bool { return x.ID == f.ID && x.Module == f.Module }):
			state = " (accepted)"
		}
		_, _ = fmt.Fprintf(t, "%s\t%s\t%s %s\t%s%s\n", printable(f.ID), f.Severity, printable(f.Module), f.Version, printable(f.Summary), state)
	}
	if len(r.Upgrades) > 0 {
		_, _ = fmt.Fprintln(t)
	}
	for _, u := range r.Upgrades {
		_, _ = fmt.Fprintf(t, "upgrade\t%s\t%s -> %s\t%s\n", printable(u.Module), u.Version, u.To, printable(strings.Join(u.Fixes, ", ")))
	}
	for _, m := range r.Unchecked {
		_, _ = fmt.Fprintf(t, "unchecked\t%s\tits version is no release\n", printable(m))
	}
	if len(r.Findings) == 0 {
		_, _ = fmt.Fprintf(t, "no known vulnerabilities (%s)\n", printable(r.Database))
	}
	return t.Flush()
}

func vulnerabilities(n int) string {
	if n == 1 {
		return "1 known vulnerability"
	}
	return fmt.Sprintf("%d known vulnerabilities", n)
}

// remedy is what to do next about what fails.
func remedy(r *audit.Report, failing []audit.Finding) string {
	var steps []string
	for _, u := range r.Upgrades {
		if !slices.ContainsFunc(failing, func(f audit.Finding) bool { return f.Module == u.Module }) {
			continue
		}
		switch to := strings.TrimPrefix(u.To, "v"); u.Module {
		case audit.Stdlib:
			steps = append(steps, fmt.Sprintf("build with Go %s or newer (GOTOOLCHAIN=go%s)", to, to))
		case manifest.CorePath:
			steps = append(steps, "use a newer logspout-builder: the core comes with it")
		default:
			steps = append(steps, fmt.Sprintf("run 'logspout-builder lock --update %s@%s', or ask for that version in the manifest, and build again", printable(u.Module), u.To))
		}
	}
	if len(steps) == 0 {
		return "\nnext: there is no version without it yet: leave the module out, or accept it with --ignore ID"
	}
	return "\nnext: " + strings.Join(steps, "; ")
}
