package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	assets "github.com/gliderlabs/logspout-builder"
	"github.com/gliderlabs/logspout-builder/generator/contract"
	"github.com/gliderlabs/logspout-builder/generator/packed"
	"github.com/gliderlabs/logspout-builder/generator/skeleton"
)

func newNewCommand(p process) *cobra.Command {
	var modulePath, dir string
	cmd := &cobra.Command{
		Use:                   "new " + strings.Join(skeleton.Kinds(), "|") + " NAME [--module PATH] [-o DIR]",
		Short:                 "Begin a module: code that works, its test, README and registry entry",
		Example:               "  logspout-builder new adapter gelf\n  logspout-builder test gelf",
		Args:                  cobra.ExactArgs(2),
		DisableFlagsInUseLine: true,
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return skeleton.Kinds(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			registry, err := loadRegistry(cmd.Context(), p)
			if err != nil {
				return err
			}
			b, err := newBuilder(p, nil)
			if err != nil {
				return err
			}
			spec := skeleton.Spec{Kind: args[0], Name: args[1], Module: modulePath, Go: b.Core.Bundled.Go, CoreRelease: b.Core.Release()}
			if modulePath == "" {
				spec.Module = "example.com/logspout-" + spec.Name
			}
			if err := spec.Check(registry); err != nil {
				return codedError{err, exitUsage}
			}
			files, err := spec.Files(assets.Files)
			if err != nil {
				return err
			}
			if dir == "" {
				dir = spec.Package()
			}
			if err := skeleton.Write(dir, files); err != nil {
				return err
			}
			if _, err := contract.UseCore(cmd.Context(), b, dir); err != nil {
				return fmt.Errorf("%s is written, but the plain go command does not find the core yet (run 'logspout-builder core %s' later): %w", dir, dir, err)
			}
			_, _ = fmt.Fprintf(p.stderr, "next: logspout-builder test %s\n", dir)
			_, err = fmt.Fprintln(p.stdout, dir)
			return err
		},
	}
	cmd.Flags().StringVar(&modulePath, "module", "", "`path` of the Go module (default example.com/logspout-NAME)")
	cmd.Flags().StringVarP(&dir, "output", "o", "", "`directory` to write to (default the package's name)")
	return cmd
}

// newCoreCommand lets the plain go command work in a module's directory.
func newCoreCommand(p process) *cobra.Command {
	return &cobra.Command{
		Use:   "core [DIR]",
		Short: "Print the version of the core, and let the plain go command find it from the module in DIR",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			b, err := newBuilder(p, nil)
			if err != nil {
				return err
			}
			if len(args) == 1 {
				_, dir, err := packed.LocalPackage(args[0])
				if err != nil {
					return err
				}
				if _, err := contract.UseCore(cmd.Context(), b, dir); err != nil {
					return err
				}
			}
			_, err = fmt.Fprintln(p.stdout, b.Core.Version.Version)
			return err
		},
	}
}
