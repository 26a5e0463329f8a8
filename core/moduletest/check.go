package moduletest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gliderlabs/logspout-builder/core"
)

// check is one promise of a contract. Its name is the promise.
type check struct {
	name string
	run  func(tb testing.TB)
}

func runChecks(t *testing.T, checks []check) {
	t.Helper()
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) { c.run(t) })
	}
}

// patience is how long what should happen soon may take on a busy machine; promptly is how soon a call has to return once its context
// has ended. This package's own tests, which see each check failing, are less patient.
var patience, promptly = 10 * time.Second, 3 * time.Second //nolint:gochecknoglobals // constant but in this package's tests

// InvalidRoute is a route that a factory has to refuse.
type InvalidRoute struct {
	URI string
	// Problems are pieces of text all of which the one error has to hold: one for each thing that is wrong.
	Problems []string
}

// within runs f, which must not panic, and ends the test when it does not return in time.
func within(tb testing.TB, limit time.Duration, what string, f func()) {
	tb.Helper()
	done := make(chan string, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				done <- fmt.Sprintf("%s panics: %v", what, p)
			}
			close(done)
		}()
		f()
	}()
	timeout := time.NewTimer(limit)
	defer timeout.Stop()
	select {
	case problem := <-done:
		if problem != "" {
			tb.Fatal(problem)
		}
	case <-timeout.C:
		tb.Fatalf("%s does not return within %s", what, limit)
	}
}

// eventually asks until the answer is nil, or reports it.
func eventually(tb testing.TB, ask func() error) {
	tb.Helper()
	deadline := time.Now().Add(patience)
	for {
		err := ask()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			tb.Fatalf("%v (after %s)", err, patience)
		}
		pause(10 * time.Millisecond)
	}
}

func pause(d time.Duration) { <-time.After(d) }

// settledGoroutines counts the goroutines once those that are about to end have ended: one of them ending later would hide one left behind.
func settledGoroutines() int {
	n, same := runtime.NumGoroutine(), 0
	for deadline := time.Now().Add(promptly); same < 5 && time.Now().Before(deadline); {
		pause(2 * time.Millisecond)
		if now := runtime.NumGoroutine(); now == n {
			same++
		} else {
			n, same = now, 0
		}
	}
	return n
}

// noGoroutinesBeyond reports those that are still there some time after they should have ended.
func noGoroutinesBeyond(tb testing.TB, before int) {
	tb.Helper()
	deadline := time.Now().Add(promptly)
	for runtime.NumGoroutine() > before {
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<20)
			stacks = stacks[:runtime.Stack(stacks, true)]
			tb.Fatalf("%d goroutines are left behind:\n%s", runtime.NumGoroutine()-before, stacks)
		}
		pause(10 * time.Millisecond)
	}
}

// parseRoute is a route of a suite, which has to be well-formed.
func parseRoute(tb testing.TB, uri string) *core.Route {
	tb.Helper()
	r, err := core.ParseRoute(uri)
	if err != nil {
		tb.Fatalf("the suite's route: %v", err)
	}
	return r
}

// wantProblems reports every problem that err does not name.
func wantProblems(tb testing.TB, what string, err error, problems ...string) {
	tb.Helper()
	if err == nil {
		tb.Errorf("%s: no error, want one that names %q", what, problems)
		return
	}
	for _, p := range problems {
		if !strings.Contains(err.Error(), p) {
			tb.Errorf("%s: the error does not name %q (all that is wrong is reported at once): %v", what, p, err)
		}
	}
}

// ended is a context that has ended.
func ended(tb testing.TB) context.Context {
	tb.Helper()
	ctx, cancel := context.WithCancel(tb.Context())
	cancel()
	return ctx
}

// SameLines says how got differs from want, for people; nil when it does not.
func SameLines(got, want []string) error {
	for i, w := range want {
		if i == len(got) {
			return fmt.Errorf("%d lines, want %d: missing from %.80q (%d bytes) on", len(got), len(want), w, len(w))
		}
		if g := got[i]; g != w {
			return fmt.Errorf("line %d of %d is %.80q (%d bytes), want %.80q (%d bytes)", i+1, len(want), g, len(g), w, len(w))
		}
	}
	if extra := got[len(want):]; len(extra) > 0 {
		return fmt.Errorf("%d lines, want %d: too many from %.80q on", len(got), len(want), extra[0])
	}
	return nil
}

// poison overwrites a batch that its owner may use again.
func poison(batch []core.Message) {
	other := NewContainer("poison")
	for i := range batch {
		batch[i] = core.Message{Container: other, Source: "poison", Data: "this batch was given back and is used for something else", Time: Epoch()}
	}
}

// sameMessages reports every message that is no longer what it was.
func sameMessages(tb testing.TB, what string, now, before []core.Message) {
	tb.Helper()
	if !slices.Equal(now, before) {
		tb.Errorf("%s writes to the batch it was given", what)
	}
}

// notCanceled is err unless it says that a context has ended.
func notCanceled(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return err
}
