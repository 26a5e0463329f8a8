package docker

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/moby/moby/client"

	"github.com/gliderlabs/logspout-builder/core"
)

const (
	smallRead = 4 << 10
	largeRead = 32 << 10
	// attempts is how often the engine is asked for what it cannot give: the log of a stopped container, a description.
	attempts = 5
	// openHeadStart is how much sooner than its inspection a container's log is asked for.
	openHeadStart = 200 * time.Millisecond
)

// read reads a container until it has stopped and all of its log is taken, it is gone, or ctx ends. A stream ends in four ways; each is
// resumed exactly where it was.
func (k *intake) read(ctx context.Context, c *container) {
	opened, inspected := make(chan struct{}), make(chan struct{})
	k.readings.Go(func() {
		defer close(inspected)
		// The engine takes one request about a container at a time: the log comes first, before the end of a short life.
		select {
		case <-opened:
		case <-time.After(openHeadStart): // Podman answers with the first line
		case <-ctx.Done():
		}
		_, _ = k.inspect(ctx, c)
	})
	open := sync.OnceFunc(func() { close(opened) })
	defer open()
	wait := newBackoff(firstWait, longestWait)
	for failures, early := 0, 0; ctx.Err() == nil; {
		before, stopped := k.stateOf(c), k.stopped(c)
		lines, err := k.stream(ctx, c, !stopped, open, inspected)
		if err == nil && !stopped {
			// Engine 20.10 leaves an unterminated last line out of a stream that follows. At once: a container of "docker run --rm" is
			// being removed.
			var rest int
			stopped = k.stopped(c)
			rest, err = k.stream(ctx, c, false, open, inspected)
			lines += rest
		}
		if lines > 0 {
			wait.reset()
			failures = 0
		}
		switch {
		case ctx.Err() != nil, errors.Is(err, errUnwanted):
			return
		case err == nil && stopped && !k.over(ctx, c, before): // read once more
		case err == nil && stopped, isGone(err):
			k.finish(ctx, c, inspected)
			return
		case err == nil:
			if running, err := k.inspect(ctx, c); isGone(err) || err == nil && !running {
				c.running.Store(false) // read once more: this stream may have ended before the container did
				continue
			}
			if lines > 0 {
				early = 0
				continue
			}
			if early++; early > 1 { // the first time it may just have begun
				k.Count("streams_ended_early", 1)
				k.log.WarnContext(ctx, "the engine ended the log of a running container, trying again", "container", c.about.Load().Name)
			}
			wait.wait(ctx)
		case errors.Is(err, errUnsupported):
			k.Count("unreadable_containers", 1)
			k.refuse(ctx, c, err.Error())
			return
		case errors.Is(err, errSilent):
			k.Count("silent_streams", 1)
		case client.IsErrConnectionFailed(err): // the loop reports it
			wait.wait(ctx)
		default:
			if _, inspectErr := k.inspectOnce(ctx, c); isGone(inspectErr) {
				k.finish(ctx, c, inspected)
				return
			}
			k.Count("stream_errors", 1)
			if failures++; stopped && failures >= attempts {
				k.log.ErrorContext(ctx, "log of a stopped container cannot be read, given up", "container", c.about.Load().Name, "error", err)
				k.haul(ctx, c, inspected)
				return
			}
			k.log.WarnContext(ctx, "log stream broke, resuming", "container", c.about.Load().Name, "error", err)
			wait.wait(ctx)
		}
	}
}

// stopped reports whether the container has stopped, before a stream is opened. The start of a container sets running, then again: one that
// happens before is in that stream, one after it makes the reading go on.
func (k *intake) stopped(c *container) bool {
	k.mu.Lock()
	c.again = false
	k.mu.Unlock()
	return !c.running.Load()
}

// over reports whether a container that has stopped, before it was read, will not go on with the line that it left without a line feed. It may be
// that the reading has met the next run, of which no event has come yet, in the middle of a line. So the container must not run, and must have been
// found like this before the stream was opened.
func (k *intake) over(ctx context.Context, c *container, before state) bool {
	if c.splitter == nil || !c.splitter.unended() {
		return true
	}
	running, err := k.inspectOnce(ctx, c)
	switch {
	case ctx.Err() != nil, client.IsErrConnectionFailed(err):
		return false
	case err != nil: // gone, or nobody tells
		return true
	case running:
		c.running.Store(true)
		return false
	}
	return !before.running && k.stateOf(c) == before
}

// stateOf is what the newest inspection told.
func (k *intake) stateOf(c *container) state {
	k.mu.Lock()
	defer k.mu.Unlock()
	return c.state
}

// stream reads one log stream to its end, which is clean when err is nil. The log is opened before the container is inspected: it may live
// for milliseconds, and an open file stays readable. Lines are taken once it is known that they are wanted.
func (k *intake) stream(ctx context.Context, c *container, follow bool, opened func(), inspected <-chan struct{}) (lines int, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	limit := k.options.inactivity
	if !follow && (limit == 0 || limit > dyingSilence) {
		limit = dyingSilence
	}
	c.silence.watch(limit, func() { cancel(errSilent) })
	defer c.silence.stop()
	if !c.running.Load() { // it has stopped since follow was decided, when there was nothing to hurry
		c.silence.hurry()
	}

	body, err := k.engine.logs(ctx, c.id, c.progress.since(0, false), c.history, follow)
	opened()
	if err != nil {
		return 0, cause(ctx, classify(err)) // what an earlier stream left open stays, for finish
	}
	defer func() { _ = body.Close() }()
	s, former := &splitter{limit: k.options.maxLine}, c.splitter
	if k.engine.repeatsLines() {
		s.repeats = newRepeats()
	}
	c.splitter = s
	c.progress.reopen()
	select {
	case <-inspected:
	case <-ctx.Done():
		return 0, cause(ctx, ctx.Err())
	}
	if !k.wanted(c) {
		return 0, errUnwanted
	}
	buf := make([]byte, smallRead)
	for {
		n, err := body.Read(buf)
		if n > 0 {
			c.silence.alive()
			if err := s.feed(buf[:n]); err != nil {
				return lines, err
			}
			if s.raw && !k.options.tty { // gone before it could be inspected
				k.refuse(ctx, c, "it has a terminal, and ALLOW_TTY is not true")
				return lines, errUnwanted
			}
			taken, err := k.take(ctx, c, len(buf) > smallRead)
			lines += taken
			if err != nil {
				return lines, err
			}
		}
		switch {
		case errors.Is(err, io.EOF) && s.partial():
			return lines, io.ErrUnexpectedEOF
		case errors.Is(err, io.EOF):
			if lines == 0 && !s.unended() && former != nil && former.unended() { // the log has gone meanwhile: what it left open stays, for finish
				c.splitter = former
			}
			return lines, nil
		case err != nil:
			return lines, cause(ctx, err)
		}
		buf = resized(buf, n)
	}
}

// resized is the buffer for the next read: large while reads fill it, so that containers that say little cost little.
func resized(buf []byte, n int) []byte {
	switch {
	case n == len(buf) && n < largeRead:
		return make([]byte, largeRead)
	case n < smallRead/2 && len(buf) > smallRead:
		return make([]byte, smallRead)
	}
	return buf
}

// take appends the lines that the splitter has put out, but for those that were taken before. busy says that more come at once.
func (k *intake) take(ctx context.Context, c *container, busy bool) (taken int, err error) {
	s, p := c.splitter, &c.progress
	k.count(ctx, c, s)
	if len(s.lines) == 0 {
		return 0, nil
	}
	defer s.reset(busy)
	text, about := "", c.about.Load()
	var batch []core.Message
	for i := range s.lines {
		l := &s.lines[i]
		ordinal, fresh := p.accept(l.stream, l.time)
		if !fresh {
			continue
		}
		if batch == nil {
			text = string(s.arena)
			batch = make([]core.Message, 0, len(s.lines)-i)
			if c.history != "" {
				c.history, p.start = "", l.time
				begin := progress{start: p.start}
				if err := k.Append(ctx, nil, core.Position{Key: c.id, Value: begin.encode(begin.start)}); err != nil {
					return 0, err
				}
			}
		}
		source := "stdout"
		if l.stream == stderr {
			source = "stderr"
		}
		c.net.given(l.stream, text[l.start:l.end])
		batch = append(batch, core.Message{Container: about, Source: source, Data: text[l.start:l.end], Time: time.Unix(0, l.time).UTC(), Ordinal: ordinal})
	}
	if len(batch) == 0 {
		return 0, nil
	}
	return len(batch), k.Append(ctx, batch, core.Position{Key: c.id, Value: p.encode(p.since(s.oldestOpen()))})
}

// count passes on what the splitter has counted.
func (k *intake) count(ctx context.Context, c *container, s *splitter) {
	for _, counter := range []struct {
		name string
		n    *uint64
	}{{"split_lines", &s.split}, {"repeated_lines", &s.repeated}, {"undated_lines", &s.undated}} {
		if *counter.n > 0 {
			k.Count(counter.name, *counter.n)
			*counter.n = 0
		}
	}
	if s.message != "" {
		level := slog.LevelDebug // once it has stopped its file may be gone
		if c.running.Load() {
			level = slog.LevelWarn
			k.Count("engine_errors", 1)
		}
		k.log.Log(ctx, level, "the engine says in a log stream", "container", c.about.Load().Name, "message", s.message)
		s.message = ""
	}
}

// finish takes what the log of a container that has stopped did not give, and its last line, should it have no line feed.
func (k *intake) finish(ctx context.Context, c *container, inspected <-chan struct{}) {
	k.haul(ctx, c, inspected)
	if c.splitter != nil && !c.splitter.partial() && k.wanted(c) {
		c.splitter.finish()
		_, _ = k.take(ctx, c, false)
	}
}

// cause is why a stream was cut, where this side did it.
func cause(ctx context.Context, err error) error {
	if errors.Is(context.Cause(ctx), errSilent) {
		return errSilent
	}
	return err
}

func isGone(err error) bool { return errors.Is(err, errGone) }
