package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gliderlabs/logspout-builder/generator/describe"
	"github.com/gliderlabs/logspout-builder/generator/manifest"
	"github.com/gliderlabs/logspout-builder/generator/registry"
	"github.com/gliderlabs/logspout-builder/generator/wholefile"
)

// registryFile is the registry that registry add writes where no other is named.
const registryFile = "registry.json"

func newRegistryCommand(p process) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "registry",
		Short: "Keep a registry of modules: add entries, verify them",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newRegistryAddCommand(p), newRegistryVerifyCommand(p))
	return cmd
}

func newRegistryAddCommand(p process) *cobra.Command {
	var file, name string
	cmd := &cobra.Command{
		Use:                   "add PACKAGE[@VERSION] [--file FILE] [--name NAME]",
		Short:                 "Write an entry for a package, from inspection, into a registry",
		Example:               "  logspout-builder registry add example.com/you/logspout-gelf@v1.2.0",
		Args:                  cobra.ExactArgs(1),
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			view := newProgressView(p, false)
			defer view.close()
			b, err := newBuilder(p, view.report)
			if err != nil {
				return err
			}
			known, err := carriedRegistry()
			if err != nil {
				return err
			}
			d, err := describePackage(cmd, b, known, args[0])
			if err != nil {
				return err
			}
			view.close()
			e := describe.EntryOf(d)
			if name != "" {
				e.Name = name
			}
			if e.Bundled() {
				return codedError{fmt.Errorf("%s comes with the builder, whose registry has it", e.Package), exitUsage}
			}
			before, err := os.ReadFile(file)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			after, replaced, err := registry.Add(before, e)
			if err != nil {
				return codedError{fmt.Errorf("%s: %w", file, err), exitManifest}
			}
			if err := wholefile.Write(file, after, 0o644); err != nil {
				return err
			}
			what := "added"
			if replaced {
				what = "renewed"
			}
			_, _ = fmt.Fprintf(p.stderr, "%-9s %s in %s: look through its summary, options and example\n", what, e.Package, file)
			_, err = fmt.Fprintln(p.stdout, file)
			return err
		},
	}
	cmd.Flags().StringVar(&file, "file", registryFile, "the registry to write: a `FILE`, made when it is not there")
	cmd.Flags().StringVar(&name, "name", "", "the module's `NAME` in it (default made of the package's path)")
	return cmd
}

func newRegistryVerifyCommand(p process) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:                   "verify [NAME]... [--registry FILE|URL]... [--json]",
		Short:                 "Build modules of the registries and compare what the binaries register with the registries' word",
		DisableFlagsInUseLine: true,
		ValidArgsFunction:     completeModules,
		RunE: func(cmd *cobra.Command, names []string) error {
			view := newProgressView(p, false)
			defer view.close()
			b, err := newBuilder(p, view.report)
			if err != nil {
				return err
			}
			all, err := loadRegistry(cmd.Context(), p)
			if err != nil {
				return err
			}
			entries := all.Entries()
			if len(names) > 0 {
				entries = nil
			}
			for _, n := range names {
				e, err := all.Lookup(n)
				if err != nil {
					return codedError{err, exitUsage}
				}
				entries = append(entries, e)
			}
			wrong, err := describe.VerifyEntries(cmd.Context(), b, all, entries)
			if err != nil {
				return err
			}
			view.close()
			return writeVerified(p, entries, wrong, asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print an array of {name, package, ok, problem}")
	return cmd
}

// verified is what was found out about one entry.
type verified struct {
	Name    string `json:"name"`
	Package string `json:"package"`
	OK      bool   `json:"ok"`
	Problem string `json:"problem,omitempty"`
}

func writeVerified(p process, entries []manifest.Entry, wrong map[string]error, asJSON bool) error {
	list := []verified{}
	for _, e := range entries {
		v := verified{Name: e.Name, Package: e.Package, OK: wrong[e.Name] == nil}
		if !v.OK {
			v.Problem = wrong[e.Name].Error()
		}
		list = append(list, v)
	}
	if asJSON {
		if err := writeJSON(p.stdout, list); err != nil {
			return err
		}
	} else {
		for _, v := range list {
			state := "ok"
			if !v.OK {
				state = "wrong"
			}
			if _, err := fmt.Fprintln(p.stdout, strings.TrimSpace(fmt.Sprintf("%-6s %s  %s", state, v.Name, v.Problem))); err != nil {
				return err
			}
		}
	}
	if len(wrong) > 0 {
		return codedError{fmt.Errorf("%d of %d entries do not say what their modules are", len(wrong), len(entries)), exitVerify}
	}
	return nil
}
