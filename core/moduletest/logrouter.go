package moduletest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/gliderlabs/logspout-builder/core"
)

// LogRouterSuite says what TestLogRouter needs to know of a log router.
type LogRouterSuite struct {
	// Source prepares something to read from, with a log router that is to read it; it ends with tb.
	Source func(tb testing.TB) Source
	// Ends is for a log router whose Run returns nil after the last line, because nothing can ever come any more.
	Ends bool
}

// Source is something to read from.
type Source struct {
	Router core.LogRouter
	Env    core.Env
	// Want are the lines that are there or will come, in their order, under "<container's name without slash>/<source>".
	Want map[string][]string
	// Again makes another log router for the same source, as the process's next start does, and lets one more line come, which it returns.
	// nil is for a log router that cannot resume.
	Again func() (router core.LogRouter, line string)
}

// TestLogRouter checks that a log router keeps the promises of core.LogRouter and core.Intake: each is a subtest with the promise's name.
func TestLogRouter(t *testing.T, s LogRouterSuite) {
	t.Helper()
	runChecks(t, s.checks())
}

func (s LogRouterSuite) checks() []check {
	return []check{
		{"it has a name", s.hasName},
		{"Check takes an environment that is right, and does no I/O", s.checkTakesGoodEnv},
		{"every line comes once and in order, and is not touched again", s.linesArrive},
		{"Run returns when its context ends, and then appends nothing", s.runHonoursContext},
		{"Run returns when its context ends while Append waits", s.runHonoursContextInAppend},
		{"Run leaves nothing behind", s.runLeavesNothing},
		{"the next process reads on where this one was", s.resumes},
	}
}

// run runs a log router until f returns, or until its end, and reports what Run should not return. f may ask whether it has ended, and how.
func (s LogRouterSuite) run(tb testing.TB, router core.LogRouter, in core.Intake, f func(ended func() error)) {
	tb.Helper()
	ctx, cancel := context.WithCancel(tb.Context())
	defer cancel()
	var result error
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if p := recover(); p != nil {
				result = fmt.Errorf("it panics: %v", p)
			}
		}()
		result = router.Run(ctx, in)
	}()
	f(func() error {
		select {
		case <-done:
			return fmt.Errorf("Run has returned: %w", result)
		default:
			return nil
		}
	})
	within(tb, patience, "Run whose context has ended", func() {
		if s.Ends {
			select {
			case <-done:
				if result != nil {
					tb.Errorf("Run at its end: %v, want nil", result)
				}
				return
			case <-time.After(patience / 2):
				tb.Error("Run does not return after the last line")
			}
		}
		cancel()
		<-done
		if err := notCanceled(result); err != nil {
			tb.Errorf("Run whose context has ended: %v", err)
		}
	})
}

// lines are what has come, in the form of Source.Want.
func lines(messages []core.Message) map[string][]string {
	got := map[string][]string{}
	for _, m := range messages {
		if m.Container != nil {
			key := m.Container.BareName() + "/" + m.Source
			got[key] = append(got[key], m.Data)
		}
	}
	return got
}

func count(want map[string][]string) (n int) {
	for _, l := range want {
		n += len(l)
	}
	return n
}

func (s LogRouterSuite) hasName(tb testing.TB) {
	tb.Helper()
	if s.Source(tb).Router.Name() == "" {
		tb.Error("Name is empty")
	}
}

func (s LogRouterSuite) checkTakesGoodEnv(tb testing.TB) {
	tb.Helper()
	src := s.Source(tb)
	checker, ok := src.Router.(core.Checker)
	if !ok {
		tb.Skip("it has no Check")
	}
	within(tb, promptly, "Check", func() {
		if err := checker.Check(src.Env); err != nil {
			tb.Errorf("Check: %v", err)
		}
	})
}

func (s LogRouterSuite) linesArrive(tb testing.TB) {
	tb.Helper()
	src := s.Source(tb)
	in := NewIntake(src.Env)
	s.run(tb, src.Router, in, func(ended func() error) {
		eventually(tb, func() error {
			if n := len(in.Messages()); n < count(src.Want) {
				return errors.Join(fmt.Errorf("%d lines of %d came", n, count(src.Want)), ended())
			}
			return nil
		})
	})
	got := lines(in.Messages())
	for _, key := range slices.Sorted(maps.Keys(src.Want)) {
		if err := SameLines(got[key], src.Want[key]); err != nil {
			tb.Errorf("%s: %v", key, err)
		}
		delete(got, key)
	}
	for key, extra := range got {
		tb.Errorf("%s: %d lines came that are not wanted, the first %.60q", key, len(extra), extra[0])
	}
	in.Check(tb)
}

func (s LogRouterSuite) runHonoursContext(tb testing.TB) {
	tb.Helper()
	src := s.Source(tb)
	in := NewIntake(src.Env)
	s.run(tb, src.Router, in, func(func() error) { pause(50 * time.Millisecond) })
	n := len(in.Appends())
	pause(100 * time.Millisecond)
	if now := len(in.Appends()); now > n {
		tb.Errorf("Append is called %d times after Run has returned", now-n)
	}
}

func (s LogRouterSuite) runHonoursContextInAppend(tb testing.TB) {
	tb.Helper()
	if s.Ends {
		tb.Skip("it ends by itself")
	}
	src := s.Source(tb)
	in := &blockingIntake{Intake: NewIntake(src.Env), waits: make(chan struct{}, 1)}
	s.run(tb, src.Router, in, func(func() error) {
		select {
		case <-in.waits:
		case <-time.After(patience):
			tb.Error("nothing was appended")
		}
	})
}

// blockingIntake is an intake whose journal is full, and a route blocks.
type blockingIntake struct {
	*Intake
	waits chan struct{}
}

func (i *blockingIntake) Append(ctx context.Context, _ []core.Message, _ core.Position) error {
	select {
	case i.waits <- struct{}{}:
	default:
	}
	<-ctx.Done()
	return ctx.Err()
}

func (s LogRouterSuite) runLeavesNothing(tb testing.TB) {
	tb.Helper()
	src := s.Source(tb)
	in := NewIntake(src.Env)
	before := settledGoroutines()
	s.run(tb, src.Router, in, func(func() error) { pause(50 * time.Millisecond) })
	noGoroutinesBeyond(tb, before)
}

func (s LogRouterSuite) resumes(tb testing.TB) {
	tb.Helper()
	src := s.Source(tb)
	if src.Again == nil {
		tb.Skip("it cannot resume")
	}
	first := NewIntake(src.Env)
	s.run(tb, src.Router, first, func(func() error) { first.Wait(tb, count(src.Want)) })
	router, line := src.Again()
	second := NewIntake(src.Env)
	for key, value := range first.Positions() {
		second.SetPosition(key, value)
	}
	s.run(tb, router, second, func(func() error) { second.Wait(tb, 1) })
	if err := SameLines(second.Lines("", ""), []string{line}); err != nil {
		tb.Errorf("after a restart: %v", err)
	}
}
