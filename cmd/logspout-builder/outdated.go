package main

import (
	"cmp"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/gliderlabs/logspout-builder/generator"
)

func newOutdatedCommand(p process) *cobra.Command {
	var s selection
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "outdated [-f FILE] [--json]",
		Short: "List the modules that there are newer versions of, and what moves them",
		Long: `List the modules of the build list that there are newer versions of, those whose version was retracted by its author, and those that are
deprecated, each with what moves it: an entry of the manifest, or 'logspout-builder lock --update'. Nothing is changed.`,
		Args:                  cobra.NoArgs,
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			view := newProgressView(p, false)
			defer view.close()
			o, err := s.start(cmd.Context(), p, view)
			if err != nil {
				return err
			}
			found, err := o.builder.Outdated(cmd.Context(), o.plan)
			if err != nil {
				return err
			}
			view.close()
			if asJSON {
				return writeJSON(p.stdout, append([]generator.Outdated{}, found...))
			}
			if len(found) == 0 {
				view.note("outdated", "nothing newer")
				return nil
			}
			t := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
			_, _ = fmt.Fprintln(t, "MODULE\tCURRENT\tLATEST\tNEXT") // Flush has the error
			for _, o := range found {
				note := ""
				if o.Retracted != "" {
					note += "; retracted: " + printable(o.Retracted)
				}
				if o.Deprecated != "" {
					note += "; deprecated: " + printable(o.Deprecated)
				}
				_, _ = fmt.Fprintf(t, "%s\t%s\t%s\t%s%s\n", o.Module, o.Current, cmp.Or(o.Latest, "-"), o.Next, note)
			}
			return t.Flush()
		},
	}
	s.addFlags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON array of module, current, latest, retracted, deprecated, next")
	return cmd
}
