package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func newVersionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the versions of the builder and of the core it carries",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			core, err := loadCore()
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "logspout-builder %s %s/%s %s\ncore %s\n",
				builderVersion(), runtime.GOOS, runtime.GOARCH, runtime.Version(), core.Version.Version)
			return err
		},
	}
}

// builderVersion is the version of this very program, "(devel)" for one that was not built from a released module.
func builderVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
