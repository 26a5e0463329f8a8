package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/gliderlabs/logspout-builder/generator/manifest"
)

// newModulesCommand lists the modules that can be had by name.
func newModulesCommand(p process) *cobra.Command {
	var asJSON bool
	list := func(cmd *cobra.Command, _ []string) error {
		registry, err := loadRegistry(cmd.Context(), p)
		if err != nil {
			return err
		}
		if asJSON {
			return writeJSON(cmd.OutOrStdout(), registry.Entries())
		}
		return writeModules(cmd.OutOrStdout(), registry.Entries())
	}
	cmd := &cobra.Command{
		Use:   "modules",
		Short: "List the modules that can be had by name, or tell about one",
		Args:  cobra.NoArgs,
		RunE:  list,
	}
	cmd.PersistentFlags().BoolVar(&asJSON, "json", false, "print JSON, as in registry.json")
	cmd.AddCommand(
		&cobra.Command{
			Use:   "list",
			Short: "List the modules that can be had by name",
			Args:  cobra.NoArgs,
			RunE:  list,
		},
		&cobra.Command{
			Use:     "search WORD...",
			Short:   "List the modules in which all words are found, the best match first",
			Example: "  logspout-builder modules search tls",
			Args:    cobra.MinimumNArgs(1),
			RunE: func(cmd *cobra.Command, words []string) error {
				registry, err := loadRegistry(cmd.Context(), p)
				if err != nil {
					return err
				}
				found := registry.Search(words...)
				if asJSON {
					if err := writeJSON(cmd.OutOrStdout(), found); err != nil || len(found) > 0 {
						return err
					}
				}
				if len(found) == 0 {
					return codedError{fmt.Errorf("no module has %s in its name, summary or options", strings.Join(words, " and ")), exitFailure}
				}
				return writeModules(cmd.OutOrStdout(), found)
			},
		},
		&cobra.Command{
			Use:     "info NAME",
			Short:   "Tell what a module does, its options, and how to add it",
			Example: "  logspout-builder modules info kafka",
			Args:    cobra.ExactArgs(1),
			ValidArgsFunction: func(cmd *cobra.Command, args []string, start string) ([]cobra.Completion, cobra.ShellCompDirective) {
				if len(args) > 0 {
					return nil, cobra.ShellCompDirectiveNoFileComp
				}
				return completeModules(cmd, args, start)
			},
			RunE: func(cmd *cobra.Command, args []string) error {
				registry, err := loadRegistry(cmd.Context(), p)
				if err != nil {
					return err
				}
				e, ok := registry.ByPackage(args[0])
				if !ok {
					if e, err = registry.Lookup(args[0]); err != nil {
						return codedError{err, exitUsage}
					}
				}
				if asJSON {
					return writeJSON(cmd.OutOrStdout(), e)
				}
				return writeModule(cmd.OutOrStdout(), e)
			},
		},
	)
	return cmd
}

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// writeModules is one line a module.
func writeModules(w io.Writer, entries []manifest.Entry) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "NAME\tKIND\tSTANDARD\tSUMMARY") // Flush has the error
	for _, e := range entries {
		standard := "no"
		if e.Standard {
			standard = "yes"
		}
		_, _ = fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", e.Name, e.Kind(), standard, printable(e.Summary))
	}
	return t.Flush()
}

// writeModule is all about one module.
func writeModule(w io.Writer, e manifest.Entry) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0) // Flush has the error of all that is written
	_, _ = fmt.Fprintf(t, "%s: %s\n\n", e.Name, printable(e.Summary))
	_, _ = fmt.Fprintf(t, "kind\t%s\n", e.Kind())
	_, _ = fmt.Fprintf(t, "package\t%s\n", e.Package)
	if e.Version != "" {
		_, _ = fmt.Fprintf(t, "version\t%s\n", e.Version)
	}
	if len(e.Versions) > 0 {
		_, _ = fmt.Fprintf(t, "versions\t%s\n", strings.Join(e.Versions, ", "))
	}
	if e.From != "" {
		_, _ = fmt.Fprintf(t, "registry\t%s\n", printable(e.From))
	}
	for _, point := range e.Points() {
		_, _ = fmt.Fprintf(t, "registers\t%s %s\n", point, strings.Join(e.Registers[point], ", "))
	}
	if e.Transport != "" {
		_, _ = fmt.Fprintf(t, "transport\t%s, unless a route names another\n", e.Transport)
	}
	_, _ = fmt.Fprintf(t, "stability\t%s\n", e.Stability)
	_, _ = fmt.Fprintf(t, "license\t%s\n", printable(e.License))
	_, _ = fmt.Fprintf(t, "home\t%s\n", e.Home)
	if len(e.Options) > 0 {
		_, _ = fmt.Fprintln(t, "\nOptions")
		writeOptions(t, e.Options)
	}
	if e.Example != "" {
		_, _ = fmt.Fprintf(t, "\nExample\n  logspout %s\n", shellQuote(e.Example))
	}
	if e.Standard {
		_, _ = fmt.Fprintf(t, "\nIt is in the standard set. To leave it out\n  logspout-builder build --without %s\n", e.Name)
	} else {
		_, _ = fmt.Fprintf(t, "\nTo add it\n  logspout-builder build --with %s\nor in %s\n  modules:\n    - %s\n    - %s\n", e.Name, manifestFile, manifest.StandardName, e.Name)
	}
	return t.Flush()
}

// writeOptions is a line an option.
func writeOptions(w io.Writer, options []manifest.Option) {
	_, _ = fmt.Fprintf(w, "  NAME\tTYPE\tDEFAULT\tENVIRONMENT\tDESCRIPTION\n") // w is a table, whose Flush has the error
	for _, o := range options {
		_, _ = fmt.Fprintf(w, "  %s\t%s\t%s\t%s\t%s\n", dash(printable(o.Name)), o.Type, dash(printable(o.Default)), dash(o.Env), printable(o.Description))
	}
}

// dash stands for what is not there, so that columns stay columns.
func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// printable keeps a registry's text from steering the terminal or the table.
func printable(s string) string {
	return strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) {
			return ' '
		}
		return c
	}, s)
}

// shellQuote is s as one word of a shell's command line.
func shellQuote(s string) string {
	special := func(c rune) bool { return !strings.ContainsRune("+-_./:,@%=", c) && !isAlphanumeric(c) }
	if s != "" && strings.IndexFunc(s, special) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

func isAlphanumeric(c rune) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}
