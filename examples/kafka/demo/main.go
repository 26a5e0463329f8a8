// Command demo shows the whole way once: it builds a custom logspout with logspout-builder from a manifest, runs it against the local
// Docker Engine (or standard input, where none answers) with an embedded Kafka as its destination, and prints what a consumer reads.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	var o options
	flag.StringVar(&o.builder, "builder", "bin/logspout-builder", "the builder's `path`")
	flag.StringVar(&o.manifest, "f", "examples/kafka/logspout.yaml", "the manifest's `path`")
	flag.StringVar(&o.intake, "intake", "auto", "docker, stdin, or auto: docker where an engine answers")
	flag.IntVar(&o.lines, "lines", 20, "lines of each container")
	flag.DurationVar(&o.timeout, "timeout", time.Minute, "how long the lines may take to arrive")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, o, os.Stdout, os.Stderr)
	if ctx.Err() != nil {
		err = errors.New("interrupted; nothing is left running")
	}
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

type options struct {
	builder, manifest, intake string
	lines                     int
	timeout                   time.Duration
}

// line is one line of a container, as it is printed and as it arrives.
type line struct{ container, source, text string }

// run is the demo. Whatever way it ends, nothing that it made is left.
func run(ctx context.Context, o options, stdout, stderr io.Writer) (err error) {
	started := time.Now()
	dir, err := os.MkdirTemp("", "logspout-demo-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()

	step := func(format string, args ...any) { _, _ = fmt.Fprintf(stderr, "==> "+format+"\n", args...) }
	step("build a logspout from %s", o.manifest)
	binary, err := build(ctx, o, dir, stderr)
	if err != nil {
		return err
	}
	info, err := os.Stat(binary)
	if err != nil {
		return err
	}
	built := time.Since(started)

	topic, err := newTopic("logs")
	if err != nil {
		return err
	}
	defer topic.close()
	step("embedded Kafka at %s, topic logs", topic.address)

	source, err := newSource(ctx, o, dir, step)
	if err != nil {
		return err
	}
	defer func() {
		if closing := source.close(context.WithoutCancel(ctx)); err == nil {
			err = closing
		}
	}()

	route := fmt.Sprintf("kafka://%s/logs", topic.address)
	step("run %s %s", info.Name(), route)
	f, err := start(ctx, binary, dir, route, source)
	if err != nil {
		return err
	}
	defer f.kill()

	arrived, err := f.watch(ctx, o.timeout, func(ctx context.Context) (*tally, error) {
		if err := source.begin(ctx); err != nil {
			return nil, err
		}
		return topic.read(ctx, source.want, stdout)
	})
	if arrived != nil {
		_, _ = fmt.Fprintf(stderr, "==> lines in %d, delivered %d, missing %d, twice %d; binary %.1f MB; %.1f s, %.1f of them to build\n", len(source.want),
			arrived.delivered, len(arrived.missing), arrived.twice, float64(info.Size())/1e6, time.Since(started).Seconds(), built.Seconds())
	}
	return err
}
