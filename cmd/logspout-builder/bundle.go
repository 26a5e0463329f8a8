package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/gliderlabs/logspout-builder/generator"
	"github.com/gliderlabs/logspout-builder/generator/fault"
	"github.com/gliderlabs/logspout-builder/generator/gotool"
)

func newBundleCommand(p process) *cobra.Command {
	var s selection
	var output string
	var platforms []string
	cmd := &cobra.Command{
		Use:   "bundle [-f FILE] [--for ROUTE-URI]... [--with NAME[@VERSION][=DIR]]... [--without NAME]... [--platform OS/ARCH,...] -o FILE.tar",
		Short: "Put all that a build needs into one file, for a machine without network",
		Long: `Put all that a build needs into one file: the core, the modules and their checksums, the generated source and the lock. Before the file
appears it is rehearsed: the platforms are built from it alone, with an empty module cache and no network.

  logspout-builder build --bundle FILE.tar

builds it on a machine that has this builder and Go.`,
		Args:                  cobra.NoArgs,
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if output == "" {
				return codedError{errors.New("bundle needs a file: -o FILE.tar"), exitUsage}
			}
			var on []gotool.Platform
			for _, text := range platforms {
				platform, err := gotool.ParsePlatform(text)
				if err != nil {
					return codedError{fmt.Errorf("--platform: %w", err), exitUsage}
				}
				on = append(on, platform)
			}
			view := newProgressView(p, false)
			defer view.close()
			o, err := s.start(cmd.Context(), p, view)
			if err != nil {
				return err
			}
			if output, err = outputPath(output, o.manifest.Name+".tar"); err != nil {
				return err
			}
			resolved, err := o.builder.Bundle(cmd.Context(), o.plan, output, on)
			if err != nil {
				return err
			}
			view.close()
			if err := o.lock.write(view, resolved); err != nil {
				return err
			}
			_, err = fmt.Fprintln(p.stdout, output)
			return err
		},
	}
	s.addFlags(cmd)
	cmd.Flags().StringVarP(&output, "output", "o", "", "the bundle's `file`")
	cmd.Flags().StringSliceVar(&platforms, "platform", nil, "rehearse the build for `OS/ARCH[/VARIANT]`, several with commas between (default the environment's)")
	return cmd
}

// buildFromBundle makes the binaries of a bundle's file.
func buildFromBundle(cmd *cobra.Command, b *generator.Builder, file string, targets func(name string) ([]generator.Target, error)) ([]*generator.Result, error) {
	for _, flag := range []string{"file", "for", "with", "without", "lock", "keep-going"} {
		if cmd.Flags().Changed(flag) {
			return nil, codedError{fmt.Errorf("--bundle: the bundle says what is built: leave --%s out", flag), exitUsage}
		}
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read bundle: %w", err)
	}
	results, err := b.BuildBundle(cmd.Context(), data, targets)
	if e := (*fault.Error)(nil); err != nil && !errors.As(err, &e) {
		err = fmt.Errorf("%s: %w", file, err)
	}
	return results, err
}
