package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/gliderlabs/logspout-builder/generator"
	"github.com/gliderlabs/logspout-builder/generator/foreground"
)

func newRunCommand(p process) *cobra.Command {
	var s selection
	var watch bool
	cmd := &cobra.Command{
		Use:   "run [-f FILE] [--for ROUTE-URI]... [--with MODULE|DIR]... [--without NAME]... [--watch] [-- ROUTE-URI...]",
		Short: "Build a binary and run it",
		Long: "Build a binary, which is kept nowhere, and run it with the arguments behind -- and this process's environment, input and output. Signals are passed on; the exit code is the binary's.\n" +
			"With --watch it is built and started anew whenever the manifest or a module's directory has changed; while they do not compile, the binary built before runs on.",
		Example:               "  logspout-builder run --with . --watch -- 'gelf://localhost:12201'\n  echo hello | LOG_ROUTERS=stdin logspout-builder run --with . --with stdin -- 'gelf://localhost:12201'",
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 && cmd.ArgsLenAtDash() != 0 {
				return codedError{fmt.Errorf("argument %q: the binary's arguments stand behind --", args[0]), exitUsage}
			}
			return s.run(cmd.Context(), p, args, watch)
		},
	}
	s.addFlags(cmd)
	cmd.Flags().BoolVar(&watch, "watch", false, "build and start again whenever the manifest or a directory of --with has changed")
	return cmd
}

func (s *selection) run(ctx context.Context, p process, args []string, watch bool) error {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)
	view := newProgressView(p, false)
	defer view.close()
	b, err := newBuilder(p, view.report)
	if err != nil {
		return err
	}
	dir, done, err := b.Cache.Scratch()
	if err != nil {
		return err
	}
	defer done()
	var watched []string // as of the last manifest that could be read
	r := foreground.Runner{
		Dir: dir, Name: generator.BinaryName("logspout", runtime.GOOS),
		Args: args, Environ: p.environ, Stdin: p.stdin, Stdout: p.stdout, Stderr: p.stderr,
		Signals: signals, Terminal: isTerminal(p.stdin),
		Tell: func(line string) { view.note("watch", line) },
		Build: func(ctx context.Context, path string) (built foreground.Built, err error) {
			defer view.close()
			built.SHA256, err = s.buildFor(ctx, p, b, path, &watched)
			built.Watch = watched
			return built, err
		},
	}
	start := r.Run
	if watch {
		start = r.Watch
	}
	code, err := start(ctx)
	if err == nil && code != 0 {
		return exitStatusError(code)
	}
	return err
}

// buildFor builds a binary to be run, and notes what it is made of: a manifest that cannot be read is watched with what the one before named.
func (s *selection) buildFor(ctx context.Context, p process, b *generator.Builder, path string, watched *[]string) (sum string, err error) {
	var files []string
	file := s.file
	if file == "" {
		file = manifestFile
	}
	if _, err := os.Stat(file); err == nil {
		files = append(files, file)
	}
	plan, m, err := s.plan(ctx, p, b.Core)
	if err != nil {
		if len(*watched) == 0 {
			*watched = files
		}
		return "", err
	}
	*watched = append(files, plan.Directories()...)
	kept, err := s.lockFor(m)
	if err != nil {
		return "", err
	}
	kept.bind(b)
	result, err := b.Build(ctx, plan, path)
	if err != nil {
		return "", err
	}
	return result.SHA256, nil
}

func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
