package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/gliderlabs/logspout-builder/generator/adopt"
	"github.com/gliderlabs/logspout-builder/generator/manifest"
	"github.com/gliderlabs/logspout-builder/generator/wholefile"
)

func newInitCommand(p process) *cobra.Command {
	var source adopt.Source
	var output string
	var force bool
	cmd := &cobra.Command{
		Use:   "init [ROUTE-URI...] [--from FILE|URL] [-o FILE]",
		Short: "Write a manifest from routes, a modules.go, a compose file, a running forwarder or a binary",
		Long: `Write a manifest, ` + manifestFile + `, from what is there already:

  routes            the manifest has these, and the binary what they need
  --from modules.go of a custom Logspout
  --from FILE.yaml  a compose file, of which --service names the service
  --from URL        a running forwarder, ours or the original, is asked for its routes, with LOGSPOUT_TOKEN
  --from FILE       a logspout binary

Without any of them it names the standard set. Secrets are not written down: variables stand for them.`,
		Example: `  logspout-builder init syslog+tls://logs.example.com:6514
  logspout-builder init --from docker-compose.yml
  logspout-builder init --from http://localhost:8000 -o -`,
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, routes []string) error {
			registry, err := loadRegistry(cmd.Context(), p)
			if err != nil {
				return err
			}
			source.Token = p.getenv("LOGSPOUT_TOKEN")
			draft, err := adopt.Find(cmd.Context(), source, registry)
			if err != nil {
				return manifestFault(err)
			}
			for _, list := range routes {
				for _, uri := range manifest.SplitRoutes(list) {
					if err := manifest.Default().Serve(manifest.Route{URI: uri}, registry); err != nil {
						return codedError{err, exitUsage}
					}
					draft.Routes = append(draft.Routes, uri)
				}
			}
			text, notes, err := draft.Manifest(registry)
			if err != nil {
				return manifestFault(err)
			}
			for _, note := range notes {
				_, _ = fmt.Fprintf(p.stderr, "note: %s\n", note)
			}
			return writeNew(p.stdout, output, text, force)
		},
	}
	cmd.Flags().StringVar(&source.From, "from", "", "a `FILE|URL` that tells what goes in")
	cmd.Flags().StringVar(&source.Service, "service", "", "the compose file's `service` that runs logspout (default the one whose name or image says so)")
	cmd.Flags().StringVarP(&output, "output", "o", manifestFile, "`file` to write, - for stdout")
	cmd.Flags().BoolVar(&force, "force", false, "overwrite a file that is there")
	_ = cmd.MarkFlagFilename("output", "yaml", "yml") // the flag is there
	return cmd
}

// manifestFault gives an error the exit code of wrong manifests, unless it has one.
func manifestFault(err error) error {
	if _, ok := errors.AsType[coded](err); ok || err == nil {
		return err
	}
	return codedError{err, exitManifest}
}

// writeNew writes a file and prints its name; "-" is stdout.
func writeNew(stdout io.Writer, name string, data []byte, force bool) error {
	if name == "-" {
		_, err := stdout.Write(data)
		return err
	}
	if _, err := os.Lstat(name); !force && !errors.Is(err, fs.ErrNotExist) {
		if err != nil {
			return err
		}
		return codedError{fmt.Errorf("%s is there already: change it with add and remove, or give --force or another -o", name), exitUsage}
	}
	if err := wholefile.Write(name, data, 0o644); err != nil {
		return fmt.Errorf("write manifest: %w", err)
	}
	_, err := fmt.Fprintln(stdout, name)
	return err
}
