package main

import (
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/gliderlabs/logspout-builder/generator"
	"github.com/gliderlabs/logspout-builder/generator/describe"
	"github.com/gliderlabs/logspout-builder/generator/manifest"
	"github.com/gliderlabs/logspout-builder/generator/plan"
)

func newInspectCommand(p process) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:                   "inspect PACKAGE[@VERSION][=DIR]|BINARY [--json]",
		Short:                 "Tell what a package or a logspout binary is made of: modules, sums, licences, registrations, options",
		Example:               "  logspout-builder inspect ./logspout\n  logspout-builder inspect example.com/you/logspout-gelf@v1.2.0",
		Args:                  cobra.ExactArgs(1),
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			view := newProgressView(p, false)
			defer view.close()
			b, err := newBuilder(p, view.report)
			if err != nil {
				return err
			}
			registry, err := loadRegistry(cmd.Context(), p)
			if err != nil {
				return err
			}
			var d *describe.Description
			if info, statErr := os.Stat(args[0]); statErr == nil && info.Mode().IsRegular() {
				d, err = describe.Binary(cmd.Context(), b, args[0], registry)
			} else {
				d, err = describePackage(cmd, b, registry, args[0])
			}
			if err != nil {
				return err
			}
			view.close()
			if asJSON {
				return writeJSON(p.stdout, d)
			}
			return writeDescription(p.stdout, d)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// describePackage describes the package that an argument names as --with does.
func describePackage(cmd *cobra.Command, b *generator.Builder, registry *manifest.Registry, spec string) (*describe.Description, error) {
	module, err := manifest.ParseModule(spec, manifest.Pos{File: spec}, registry)
	if err == nil && module.Name == manifest.StandardName {
		err = fmt.Errorf("%s is a set of modules: name one of them (logspout-builder modules)", spec)
	}
	if err != nil {
		return nil, codedError{err, exitUsage}
	}
	m := manifest.Default()
	m.Modules = []manifest.Module{module}
	planned, err := plan.New(m, registry, b.Core)
	if err != nil {
		return nil, codedError{err, exitUsage}
	}
	return describe.Package(cmd.Context(), b, planned, registry)
}

func writeDescription(w io.Writer, d *describe.Description) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0) // Flush has the error of all that is written
	_, _ = fmt.Fprintf(t, "%s\t%s\n", d.Kind, printable(d.Name))
	for _, f := range [][2]string{
		{"version", d.Version},
		{"summary", printable(d.Summary)},
		{"core", d.Core},
		{"go", d.Go},
		{"platform", d.Platform},
		{"digest", d.Digest},
		{"manifest", d.Manifest},
		{"lock", d.Lock},
	} {
		if f[1] != "" {
			_, _ = fmt.Fprintf(t, "%s\t%s\n", f[0], f[1])
		}
	}
	if d.Bytes > 0 {
		_, _ = fmt.Fprintf(t, "size\t%.1f MB\n", float64(d.Bytes)/1e6)
	}
	_, _ = fmt.Fprintln(t, "\nRegisters\n  POINT\tNAME\tPACKAGE")
	for _, e := range d.Extensions {
		_, _ = fmt.Fprintf(t, "  %s\t%s\t%s\n", dash(e.Point), dash(printable(e.Name)), e.Package)
	}
	_, _ = fmt.Fprintln(t, "\nGo modules\n  MODULE\tVERSION\tLICENCE\tSUM")
	for _, m := range d.Modules {
		version := m.Version
		if m.Replace != "" {
			version += " => " + m.Replace
		}
		_, _ = fmt.Fprintf(t, "  %s\t%s\t%s\t%s\n", m.Path, version, dash(m.License), dash(m.Sum))
	}
	for _, o := range d.Options {
		_, _ = fmt.Fprintf(t, "\nOptions of %s\n", o.Package)
		writeOptions(t, o.Options)
	}
	if len(d.Effects) > 0 {
		_, _ = fmt.Fprintln(t, "\nDoes more than register when a binary starts")
		for _, e := range d.Effects {
			_, _ = fmt.Fprintf(t, "  %s\t%s\n", e.At, e.What)
		}
	}
	return t.Flush()
}
