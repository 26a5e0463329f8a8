package moduletest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gliderlabs/logspout-builder/core"
)

// reader is a log router that reads lines from memory, then waits or ends; its fields are the ways in which it can be wrong.
type reader struct {
	lines   []string
	ends    bool
	name    string
	check   error
	mangle  func(i int, m *core.Message)
	after   func(batch []core.Message)
	ignores <-chan struct{} // waits for this instead of its context
	onEnd   func(in core.Intake) error
	forgets bool // where it was
}

func (r *reader) Name() string { return r.name }

func (r *reader) Check(core.Env) error { return r.check }

func (r *reader) Run(ctx context.Context, in core.Intake) error {
	c := NewContainer("web")
	start := 0
	if v, ok := in.Position(c.ID); ok && !r.forgets {
		start, _ = strconv.Atoi(v)
	}
	for i := start; i < len(r.lines); i++ {
		m := core.Message{Container: c, Source: "stdout", Data: r.lines[i], Time: Epoch(), Ordinal: uint32(i)}
		if r.mangle != nil {
			r.mangle(i, &m)
		}
		batch := []core.Message{m}
		if err := in.Append(ctx, batch, core.Position{Key: c.ID, Value: strconv.Itoa(i + 1)}); err != nil && r.ignores == nil {
			return err
		}
		if r.after != nil {
			r.after(batch)
		}
	}
	if r.ignores != nil {
		<-r.ignores
	}
	if !r.ends {
		<-ctx.Done()
	}
	if r.onEnd != nil {
		return r.onEnd(in)
	}
	return nil
}

func readerSuite(change func(r *reader)) LogRouterSuite {
	return LogRouterSuite{Source: func(tb testing.TB) Source {
		tb.Helper()
		want := []string{"one", "", "three"}
		r := &reader{name: "reader", lines: want}
		change(r)
		return Source{
			Router: r,
			Env:    NewEnv(tb, nil),
			Want:   map[string][]string{"web/stdout": want},
			Again: func() (core.LogRouter, string) {
				again := *r
				again.lines = append(want[:3:3], "four")
				return &again, "four"
			},
		}
	}}
}

func TestLogRouterContractHoldsForGoodLogRouters(t *testing.T) {
	t.Run("one that goes on", func(t *testing.T) {
		// the ordinals of a resumed reader go on as well: only the first run's are from 0
		TestLogRouter(t, readerSuite(func(*reader) {}))
	})
	t.Run("one that ends", func(t *testing.T) {
		s := readerSuite(func(r *reader) { r.ends = true })
		s.Ends = true
		TestLogRouter(t, s)
	})
}

func TestLogRouterContractFindsWhatIsWrong(t *testing.T) {
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	neverEnds := readerSuite(func(*reader) {})
	neverEnds.Ends = true
	const lines = "every line comes once and in order, and is not touched again"
	testBreaches(t, []breach[LogRouterSuite]{
		{"it has a name", readerSuite(func(r *reader) { r.name = "" }), "empty"},
		{"Check takes an environment that is right, and does no I/O", readerSuite(func(r *reader) { r.check = errors.New("wrong") }), "wrong"},
		{lines, readerSuite(func(r *reader) { r.lines = []string{"one", "three", ""} }), "want"},
		{lines, readerSuite(func(r *reader) { r.lines = []string{"one", ""} }), "2 lines of 3"},
		{lines, readerSuite(func(r *reader) { r.mangle = func(_ int, m *core.Message) { m.Container = nil } }), "no container"},
		{lines, readerSuite(func(r *reader) { r.mangle = func(_ int, m *core.Message) { m.Ordinal = 0 } }), "ordinal 0, want 1"},
		{lines, readerSuite(func(r *reader) { r.mangle = func(_ int, m *core.Message) { m.Time = time.Time{} } }), "want a source, a time"},
		{lines, readerSuite(func(r *reader) { r.mangle = func(_ int, m *core.Message) { m.Source = "other" } }), "not wanted"},
		{lines, readerSuite(func(r *reader) { r.after = poison }), "changed after it was appended"},
		{lines, neverEnds, "does not return after the last line"},
		{lines, readerSuite(func(r *reader) { r.after = func([]core.Message) { panic("oh") } }), "panics: oh"},
		{"Run returns when its context ends, and then appends nothing", readerSuite(func(r *reader) { r.ignores = release }), "does not return"},
		{"Run returns when its context ends, and then appends nothing", readerSuite(func(r *reader) {
			r.onEnd = func(core.Intake) error { return io.ErrUnexpectedEOF }
		}), "unexpected EOF"},
		{"Run returns when its context ends, and then appends nothing", readerSuite(func(r *reader) {
			r.onEnd = func(in core.Intake) error {
				time.AfterFunc(30*time.Millisecond, func() { _ = in.Append(t.Context(), Messages(1), core.Position{}) })
				return nil
			}
		}), "after Run has returned"},
		{"Run returns when its context ends while Append waits", readerSuite(func(r *reader) { r.ignores = release }), "does not return"},
		{"Run leaves nothing behind", readerSuite(func(r *reader) {
			r.onEnd = func(core.Intake) error {
				go func() { <-release }()
				return nil
			}
		}), "left behind"},
		{"the next process reads on where this one was", readerSuite(func(r *reader) { r.forgets = true }), "after a restart"},
	})
}

// A log router of the usual kind: it reads standard input.
type lineReader struct{}

func (lineReader) Name() string { return "lines" }

func (lineReader) Run(ctx context.Context, in core.Intake) error {
	c := NewContainer("stdin")
	scan := bufio.NewScanner(in.Env().Stdin)
	for n := 0; scan.Scan(); n++ {
		m := core.Message{Container: c, Source: "stdin", Data: scan.Text(), Time: Epoch().Add(time.Duration(n))}
		if err := in.Append(ctx, []core.Message{m}, core.Position{}); err != nil {
			return fmt.Errorf("append: %w", err)
		}
	}
	return scan.Err()
}

func TestLogRouterContractHoldsForStandardInput(t *testing.T) {
	TestLogRouter(t, LogRouterSuite{Ends: true, Source: func(tb testing.TB) Source {
		tb.Helper()
		env := NewEnv(tb, nil)
		env.Stdin = strings.NewReader("one\ntwo\n\nfour")
		return Source{Router: lineReader{}, Env: env, Want: map[string][]string{"stdin/stdin": {"one", "two", "", "four"}}}
	}})
}
