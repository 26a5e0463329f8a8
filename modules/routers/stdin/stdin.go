// Package stdin is the log router that reads lines from the process's standard input: for trying routes, and for pipes.
package stdin

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/gliderlabs/logspout-builder/core"
)

const (
	name      = "stdin"
	chunkSize = 64 << 10
	// maxLineVar bounds a line, in bytes: what is longer comes as several messages. It is docker's variable too.
	maxLineVar     = "LOGSPOUT_MAX_LINE"
	defaultMaxLine = 1 << 20
	minMaxLine     = 1 << 10
	// appendGrace is how long the last lines may wait for a route that asked to be waited for, once the process stops.
	appendGrace = time.Second
)

// Router reads Env.Stdin. It has no state: Run may be called again, and goes on where the input is.
type Router struct{}

// New makes the log router.
func New() *Router { return &Router{} }

// Name implements core.LogRouter.
func (*Router) Name() string { return name }

// Check implements core.Checker.
func (*Router) Check(env core.Env) error {
	_, err := maxLine(env.Vars)
	return err
}

// Run appends the lines of the input until it ends, and then returns nil: nothing will ever come any more. When ctx ends it
// returns at once, even while a read blocks. A read of a terminal or an inherited pipe cannot be interrupted: the goroutine that
// waits in it then stays until the input ends or the process does.
func (*Router) Run(ctx context.Context, in core.Intake) error {
	env := in.Env()
	limit, err := maxLine(env.Vars)
	if err != nil {
		return err
	}
	if env.Stdin == nil {
		return nil
	}
	in.Report(nil)
	s := splitter{container: container(env), limit: limit}
	chunks, stopReading := read(ctx, env.Stdin)
	defer stopReading()
	for {
		select {
		case <-ctx.Done():
			select {
			case c := <-chunks: // was read before the stop
				s.write(c.data, time.Now())
			default:
			}
			return s.finish(ctx, in)
		case c := <-chunks:
			s.write(c.data, time.Now())
			if c.err != nil {
				if !errors.Is(c.err, io.EOF) {
					err := fmt.Errorf("read standard input: %w", c.err)
					in.Report(err)
					env.Logger.ErrorContext(ctx, "input ended", "error", err)
				}
				return s.finish(ctx, in)
			}
			if err := s.flush(ctx, in); err != nil {
				return s.finish(ctx, in) // it was ctx's end
			}
		}
	}
}

func maxLine(vars core.Vars) (int, error) {
	n, err := vars.Size(maxLineVar, defaultMaxLine)
	if err == nil && (n < minMaxLine || n > 1<<30) {
		err = fmt.Errorf("%s=%q: want from 1k to 1g", maxLineVar, vars[maxLineVar])
	}
	return int(n), err
}

// container is what stands for the origin of the lines: the same on every run.
func container(env core.Env) *core.Container {
	host := env.Hostname
	if host == "" {
		host, _ = os.Hostname()
	}
	return &core.Container{ID: name, Name: "/" + name, Config: core.Config{Hostname: host}}
}

type chunk struct {
	data []byte
	err  error
}

// read reads src in a goroutine of its own, one chunk ahead. stop ends it, as far as src lets a read be ended, and waits for it then.
func read(ctx context.Context, src io.Reader) (chunks <-chan chunk, stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	out, done := make(chan chunk), make(chan struct{})
	go func() {
		defer close(done)
		for {
			buf := make([]byte, chunkSize)
			n, err := src.Read(buf)
			if n == 0 && err == nil {
				continue
			}
			select {
			case out <- chunk{buf[:n], err}:
			case <-ctx.Done():
				return
			}
			if err != nil {
				return
			}
		}
	}()
	return out, func() {
		cancel()
		if d, ok := src.(interface{ SetReadDeadline(t time.Time) error }); ok && d.SetReadDeadline(time.Unix(1, 0)) == nil {
			<-done
			_ = d.SetReadDeadline(time.Time{})
		}
	}
}

// splitter makes messages of chunks. Lines that end in the same chunk are slices of one string.
type splitter struct {
	container *core.Container
	limit     int
	rest      []byte // of a line whose end has not come
	split     uint64 // lines over the limit, not counted yet
	inSplit   bool   // rest continues a line that was split
	batch     []core.Message
	last      time.Time
	ordinal   uint32
}

// write takes the lines that data ends, and full pieces of a line over the limit.
func (s *splitter) write(data []byte, now time.Time) {
	s.rest = append(s.rest, data...)
	cut := bytes.LastIndexByte(s.rest, '\n') + 1
	if open := len(s.rest) - cut; open > s.limit {
		cut += (open - 1) / s.limit * s.limit
	}
	for text := string(s.rest[:cut]); text != ""; {
		end := strings.IndexByte(text, '\n')
		if end > s.limit || end < 0 {
			s.add(text[:s.limit], now)
			if !s.inSplit {
				s.split++
			}
			s.inSplit = true
			text = text[s.limit:]
			continue
		}
		s.add(strings.TrimSuffix(text[:end], "\r"), now)
		s.inSplit = false
		text = text[end+1:]
	}
	s.rest = append(s.rest[:0], s.rest[cut:]...)
}

// add appends one line. Times never go back, so that ordinals keep telling lines apart when the clock is set.
func (s *splitter) add(line string, now time.Time) {
	if now.After(s.last) {
		s.last, s.ordinal = now.UTC().Round(0), 0
	}
	s.batch = append(s.batch, core.Message{Container: s.container, Source: name, Data: line, Time: s.last, Ordinal: s.ordinal})
	s.ordinal++
}

func (s *splitter) flush(ctx context.Context, in core.Intake) error {
	if s.split > 0 {
		in.Count("split_lines", s.split)
		s.split = 0
	}
	if len(s.batch) == 0 {
		return nil
	}
	if err := in.Append(ctx, s.batch, core.Position{}); err != nil {
		return err
	}
	s.batch = make([]core.Message, 0, len(s.batch))
	return nil
}

// finish appends what is left, a last line without its line feed too, even though ctx may have ended: nobody could read it again.
func (s *splitter) finish(ctx context.Context, in core.Intake) error {
	if len(s.rest) > 0 {
		s.add(string(s.rest), time.Now())
		s.rest = nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), appendGrace)
	defer cancel()
	if err := s.flush(ctx, in); err != nil {
		in.Count("lost_at_stop", uint64(len(s.batch)))
	}
	return nil
}

var (
	_ core.LogRouter = (*Router)(nil)
	_ core.Checker   = (*Router)(nil)
)
