package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gliderlabs/logspout-builder/generator/plan"
	"github.com/gliderlabs/logspout-builder/generator/size"
)

func newSizeCommand(p process) *cobra.Command {
	var s selection
	var asJSON bool
	cmd := &cobra.Command{
		Use:                   "size [-f FILE] [--with NAME[@VERSION][=DIR]]... [--without NAME]... [--json]",
		Short:                 "Show the bytes and the Go modules that each module adds to a binary",
		Args:                  cobra.NoArgs,
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			view := newProgressView(p, false)
			defer view.close()
			o, err := s.start(cmd.Context(), p, view)
			if err != nil {
				return err
			}
			sizes, err := o.builder.Cost(cmd.Context(), o.plan)
			if err != nil {
				return err
			}
			view.close()
			if asJSON {
				return writeJSON(p.stdout, sizes)
			}
			return writeSizes(p.stdout, o.plan, sizes)
		},
	}
	s.addFlags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// writeSizes is a line a module, the largest first.
func writeSizes(w io.Writer, planned *plan.Plan, sizes *size.Sizes) error {
	name := map[string]string{}
	for _, x := range planned.Packages {
		if name[x.Path] = x.Name; x.Name == "" {
			name[x.Path] = x.Path
		}
	}
	width := len("several of them")
	for _, n := range name {
		width = max(width, len(n))
	}
	var b strings.Builder
	row := func(what string, bytes int64, modules string) {
		_, _ = fmt.Fprintf(&b, "%-*s  %6.2f MB  %s\n", width, what, float64(bytes)/1e6, modules)
	}
	_, _ = fmt.Fprintf(&b, "%-*s       ADDS  GO MODULES\n", width, "MODULE")
	for _, m := range sizes.Modules {
		row(name[m.Package], m.Bytes, strconv.Itoa(len(m.Needs)))
		for _, need := range m.Needs {
			b.WriteString("  " + need + "\n")
		}
		for _, shared := range m.Shares {
			b.WriteString("  " + shared + " (shared)\n")
		}
	}
	row("several of them", sizes.Shared, "")
	row("every binary", sizes.Base, "")
	row("total", sizes.Bytes, strconv.Itoa(sizes.GoModules))
	_, err := io.WriteString(w, b.String())
	return err
}
