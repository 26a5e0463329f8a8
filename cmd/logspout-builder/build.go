package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gliderlabs/logspout-builder/generator"
	"github.com/gliderlabs/logspout-builder/generator/gotool"
)

// buildRequest is what build is asked for.
type buildRequest struct {
	selection
	output    string
	platforms []string
	keepGoing bool
	bundle    string
	timings   bool
	asEvents  bool
	about     documents
}

func newBuildCommand(p process) *cobra.Command {
	var r buildRequest
	cmd := &cobra.Command{
		Use:                   "build [-f FILE] [--for ROUTE-URI]... [--with NAME[@VERSION][=DIR]]... [--without NAME]... [--platform OS/ARCH,...] [-o PATH]",
		Short:                 "Build a static logspout binary and print its path",
		Args:                  cobra.NoArgs,
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			view := newProgressView(p, r.asEvents)
			defer view.close()
			err := r.run(cmd, p, view)
			if r.asEvents {
				view.events.done(err, view.hide)
			}
			return err
		},
	}
	r.addFlags(cmd)
	r.about.addFlags(cmd)
	flags := cmd.Flags()
	flags.BoolVar(&r.keepGoing, "keep-going", false, "build without the modules from elsewhere that cannot be built in, and say which")
	flags.StringVar(&r.bundle, "bundle", "", "build what the bundle `FILE` holds, from it alone")
	_ = cmd.MarkFlagFilename("bundle", "tar") // the flag is there
	flags.StringVarP(&r.output, "output", "o", "", "where the binary goes: a `path`, or a directory with a slash at its end, made when it is not there (default the manifest's name); {name}, {os} and {arch} stand for what they say")
	flags.StringSliceVar(&r.platforms, "platform", nil, "build for `OS/ARCH[/VARIANT]`, several with commas between; the binaries of several are named NAME_OS_ARCH")
	flags.BoolVar(&r.timings, "timings", false, "print where the time went: the steps, the slowest packages, the linker")
	flags.BoolVar(&r.asEvents, "json", false, "print what happens as JSON objects, one a line, instead of the path")
	return cmd
}

func (r *buildRequest) run(cmd *cobra.Command, p process, view *progressView) error {
	if err := r.about.check(len(r.platforms), r.bundle != ""); err != nil {
		return err
	}
	b, err := newBuilder(p, view.report)
	if err != nil {
		return err
	}
	b.Timings = r.timings
	targets := func(name string) ([]generator.Target, error) {
		wanted, err := targets(name, r.output, p.getenv("GOOS"), r.platforms)
		if err != nil {
			return nil, err
		}
		return wanted, keepOthers(wanted)
	}
	var results []*generator.Result
	kept := new(keptLock)
	if r.bundle != "" {
		b.Locked = r.locked
		results, err = buildFromBundle(cmd, b, r.bundle, targets)
	} else {
		b.KeepGoing = r.keepGoing
		results, err = r.build(cmd.Context(), p, b, kept, targets)
	}
	view.close()
	if err == nil && len(results[0].LeftOut) == 0 { // else the lock would forget what it has of them
		if err := kept.write(view, &results[0].Resolution); err != nil {
			return err
		}
	}
	times := provenanceTimes{view.started, time.Now()}
	for _, result := range results {
		if result == nil {
			continue
		}
		if err := r.about.write(cmd.Context(), p, b, view, result, times); err != nil {
			return err
		}
	}
	if failed := r.show(p, view, results); failed != nil {
		return failed
	}
	return err
}

// show tells of the binaries that were made.
func (r *buildRequest) show(p process, view *progressView, results []*generator.Result) error {
	started := view.started
	for _, result := range results {
		if result == nil {
			continue
		}
		if r.asEvents {
			view.events.built(result)
			continue
		}
		what, how := "", ""
		if len(results) > 1 {
			what = result.Platform + " "
		}
		if result.Cached {
			how = ", unchanged"
		}
		view.note("built", fmt.Sprintf("%s%.1f MB in %s%s", what, float64(result.Size)/1e6, short(time.Since(started)), how))
		started = time.Now()
		if _, err := fmt.Fprintln(p.stdout, result.Path); err != nil {
			return err
		}
	}
	if r.timings {
		view.showTimings()
	}
	return nil
}

// build makes the selection's binaries. kept becomes its lock.
func (s *selection) build(ctx context.Context, p process, b *generator.Builder, kept *keptLock, targets func(name string) ([]generator.Target, error)) ([]*generator.Result, error) {
	o, err := s.open(ctx, p, b)
	if err != nil {
		return nil, err
	}
	*kept = *o.lock
	wanted, err := targets(o.manifest.Name)
	if err != nil {
		return nil, err
	}
	return b.BuildAll(ctx, o.plan, wanted)
}

// targets are the binaries of a build: one for the platform that the environment says, or one for each that is named.
func targets(name, output, goos string, platforms []string) ([]generator.Target, error) {
	if len(platforms) == 0 {
		if goos == "" {
			goos = runtime.GOOS
		}
		path, err := outputPath(output, generator.BinaryName(name, goos))
		return []generator.Target{{Output: path}}, err
	}
	var out []generator.Target
	var problems []error
	for _, text := range platforms {
		platform, err := gotool.ParsePlatform(text)
		if err != nil {
			problems = append(problems, fmt.Errorf("--platform: %w", err))
			continue
		}
		fill := strings.NewReplacer("{name}", name, "{os}", platform.OS, "{arch}", platform.Arch+platform.Variant)
		file, to := name, output
		switch {
		case strings.Contains(output, "{"):
			if to = fill.Replace(output); platform.OS == "windows" && filepath.Ext(to) != ".exe" {
				to += ".exe"
			}
		case len(platforms) > 1:
			file = fill.Replace("{name}_{os}_{arch}")
			if to != "" {
				to += "/"
			}
		}
		path, err := outputPath(to, generator.BinaryName(file, platform.OS))
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(out, func(t generator.Target) bool { return t.Output == path }) {
			problems = append(problems, fmt.Errorf("--platform %s: %s is the output of another platform, too", text, path))
		}
		out = append(out, generator.Target{Platform: platform, Output: path})
	}
	if len(problems) > 0 {
		return nil, codedError{errors.Join(problems...), exitUsage}
	}
	return out, nil
}

// outputPath is where a binary of this name goes; the directories on the way are made.
func outputPath(output, name string) (string, error) {
	if output == "" {
		return name, nil
	}
	info, err := os.Stat(output)
	if err == nil && info.IsDir() || strings.HasSuffix(output, "/") || strings.HasSuffix(output, string(filepath.Separator)) {
		output = filepath.Join(output, name)
	}
	if err := os.MkdirAll(filepath.Dir(output), 0o755); err != nil { //nolint:gosec // as mkdir -p does
		return "", fmt.Errorf("make directory of the output: %w", err)
	}
	return output, nil
}
