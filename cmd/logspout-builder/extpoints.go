package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/gliderlabs/logspout-builder/generator/extpoint"
	"github.com/gliderlabs/logspout-builder/generator/wholefile"
)

func newExtpointsCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "extpoints [-o FILE] [DIR [Type[=Variable] ...]]",
		Short: "Generate extension points for a package's interface and function types",
		Long: `Generate extension points for the Go package in DIR (default ./extpoints): for each Type, an interface or function type
of that package, a variable named by its plural at which other packages register components by name. Without types it
is every exported one; in a package main, every one. Type=Variable names the variable otherwise.

The command line and the generated API are those of github.com/progrium/go-extpoints.`,
		Example: `  //go:generate logspout-builder extpoints -o extpoints_gen.go . Sink Filter

  logspout-builder extpoints ./extpoints
  logspout-builder extpoints -o - ./plugins Codec Series=AllSeries`,
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, types := "extpoints", []string(nil)
			if len(args) > 0 {
				dir, types = args[0], args[1:]
			}
			if output == "-" {
				source, err := extpoint.GenerateDir(dir, "", types)
				if err != nil {
					return err
				}
				_, err = cmd.OutOrStdout().Write(source)
				return err
			}
			return writeExtpoints(cmd, dir, output, types)
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "", `file to write, "-" for stdout (default DIR/`+extpoint.DefaultOutput+")")
	return cmd
}

// writeExtpoints generates into a file and prints its path.
func writeExtpoints(cmd *cobra.Command, dir, output string, types []string) error {
	if output == "" {
		output = filepath.Join(dir, extpoint.DefaultOutput)
	}
	if !sameDir(dir, filepath.Dir(output)) {
		return fmt.Errorf("output %s is not in the package's directory %s: generated code belongs to the package", output, dir)
	}
	source, err := extpoint.GenerateDir(dir, filepath.Base(output), types)
	if err != nil {
		return err
	}
	if old, err := os.ReadFile(output); err != nil || !bytes.Equal(old, source) { // what is unchanged keeps its time
		if err := wholefile.Write(output, source, 0o644); err != nil {
			return fmt.Errorf("write extension points: %w", err)
		}
	}
	_, err = fmt.Fprintln(cmd.OutOrStdout(), output)
	return err
}

// sameDir tells whether two paths are the same directory; one that cannot be read passes here and is told of by whoever reads it.
func sameDir(a, b string) bool {
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	return errA != nil || errB != nil || os.SameFile(infoA, infoB)
}
