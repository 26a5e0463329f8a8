package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gliderlabs/logspout-builder/generator"
	"github.com/gliderlabs/logspout-builder/generator/provenance"
	"github.com/gliderlabs/logspout-builder/generator/sbom"
	"github.com/gliderlabs/logspout-builder/generator/wholefile"
)

func newSBOMCommand(p process) *cobra.Command {
	var s selection
	var format string
	cmd := &cobra.Command{
		Use:   "sbom [BINARY | -f FILE] [--format cyclonedx|spdx]",
		Short: "Print the bill of materials of a binary, or of what build would make",
		Long: `Print the software bill of materials of a binary: its modules with versions, checksums and licences, and the standard library.
Without a binary it is that of the manifest's build list, all of which build may need.

Licences are read from the module cache; a module that is not in there has none in the bill.`,
		Example:               "  logspout-builder sbom logspout >logspout.cdx.json\n  logspout-builder sbom -f logspout.yaml --format spdx",
		Args:                  cobra.MaximumNArgs(1),
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			write, err := sbomFormat(format)
			if err != nil {
				return codedError{err, exitUsage}
			}
			c, err := s.contents(cmd.Context(), p, args)
			if err != nil {
				return err
			}
			out, err := c.bill(cmd.Context(), p, write)
			if err != nil {
				return err
			}
			_, err = p.stdout.Write(out)
			return err
		},
	}
	s.addFlags(cmd)
	cmd.Flags().StringVar(&format, "format", "cyclonedx", "cyclonedx (1.6) or spdx (2.3)")
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"cyclonedx", "spdx"}, cobra.ShellCompDirectiveNoFileComp)) // the flag is there
	return cmd
}

type sbomWriter func(*sbom.Program) ([]byte, error)

func sbomFormat(name string) (sbomWriter, error) {
	switch name {
	case "cyclonedx":
		return sbom.CycloneDX, nil
	case "spdx":
		return sbom.SPDX, nil
	}
	return nil, fmt.Errorf("unknown format %q of a bill of materials: want cyclonedx or spdx", name)
}

// bill is the bill of materials of the contents.
func (c *contents) bill(ctx context.Context, p process, write sbomWriter) ([]byte, error) {
	program, err := c.program(ctx, p)
	if err != nil {
		return nil, err
	}
	return write(program)
}

// documents are what build writes about its binaries.
type documents struct {
	bills      []string // files; SPDX where the name has "spdx" in it, else CycloneDX
	provenance string
	builderID  string
}

func (d *documents) addFlags(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&d.bills, "sbom", nil, "write the bill of materials to a `FILE`: SPDX where its name has spdx in it, else CycloneDX")
	cmd.Flags().StringVar(&d.provenance, "provenance", "", "write how the binary was made to a `FILE`: an in-toto statement with SLSA provenance, not signed")
	cmd.Flags().StringVar(&d.builderID, "provenance-builder", "", "`URI` of the builder in the provenance: who vouches for this machine")
}

func (d *documents) any() bool { return len(d.bills) > 0 || d.provenance != "" }

// check reports what cannot be written for so many platforms, or of a bundle.
func (d *documents) check(platforms int, fromBundle bool) error {
	if fromBundle && d.any() {
		return codedError{errors.New("--sbom and --provenance cannot be had of a bundle: run 'logspout-builder sbom' with the binary, or write them where the bundle is made"), exitUsage}
	}
	for _, file := range append([]string{d.provenance}, d.bills...) {
		if file != "" && platforms > 1 && (!strings.Contains(file, "{os}") || !strings.Contains(file, "{arch}")) {
			return codedError{fmt.Errorf("%s would be written for %d platforms: name it with {os} and {arch} in it", file, platforms), exitUsage}
		}
	}
	return nil
}

// provenanceTimes are when a build began and ended.
type provenanceTimes struct{ started, ended time.Time }

// write writes the documents about one binary.
func (d *documents) write(ctx context.Context, p process, b *generator.Builder, view *progressView, r *generator.Result, times provenanceTimes) error {
	if !d.any() {
		return nil
	}
	c, err := contentsOfBinary(b, r.Path)
	if err != nil {
		return err
	}
	c.name, c.version, c.plan = r.Plan.Name, r.Plan.Version, r.Plan
	goos, arch, _ := strings.Cut(r.Platform, "/")
	fill := strings.NewReplacer("{name}", r.Plan.Name, "{os}", goos, "{arch}", strings.ReplaceAll(arch, "/", ""))
	save := func(file string, data []byte) error {
		file = fill.Replace(file)
		if err := wholefile.Write(file, data, 0o644); err != nil {
			return fmt.Errorf("write %s: %w", file, err)
		}
		view.note("wrote", file)
		return nil
	}
	for _, file := range d.bills {
		write := sbom.CycloneDX
		if strings.Contains(filepath.Base(file), "spdx") {
			write = sbom.SPDX
		}
		out, err := c.bill(ctx, p, write)
		if err != nil {
			return err
		}
		if err := save(file, out); err != nil {
			return err
		}
	}
	if d.provenance == "" {
		return nil
	}
	out, err := c.statement(ctx, p, r, times, d.builderID)
	if err != nil {
		return err
	}
	return save(d.provenance, out)
}

// statement is the provenance of a binary that was just made of a plan.
func (c *contents) statement(ctx context.Context, p process, r *generator.Result, times provenanceTimes, builderID string) ([]byte, error) {
	modules, err := c.modules(ctx)
	if err != nil {
		return nil, err
	}
	fixed, err := p.sourceDate()
	if err != nil {
		return nil, err
	}
	if !fixed.IsZero() {
		times = provenanceTimes{fixed, fixed}
	}
	settings := map[string]string{}
	for _, s := range c.info.Settings {
		settings[s.Key] = s.Value
	}
	return provenance.Statement(&provenance.Build{
		Name: filepath.Base(r.Path), SHA256: r.SHA256, Plan: c.plan.Public(), Manifest: "sha256:" + c.plan.Digest(), Lock: r.Lock.Digest(),
		Platform: r.Platform, Settings: settings, Modules: modules, Go: c.info.GoVersion,
		Builder: builderVersion(), BuilderID: builderID, Started: times.started, Ended: times.ended,
	})
}
