package moduletest

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// Every check is seen failing here: on a module that breaks just the promise of its name; and passing on one that keeps them all.

// recorder is a testing.TB that takes failures as results.
type recorder struct {
	testing.TB
	mu       sync.Mutex
	problems []string
}

func (r *recorder) record(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.problems = append(r.problems, text)
}
func (r *recorder) Helper()                           {}
func (r *recorder) Error(args ...any)                 { r.record(fmt.Sprint(args...)) }
func (r *recorder) Errorf(format string, args ...any) { r.record(fmt.Sprintf(format, args...)) }
func (r *recorder) Fatal(args ...any)                 { r.Error(args...); runtime.Goexit() }
func (r *recorder) Fatalf(f string, args ...any)      { r.Errorf(f, args...); runtime.Goexit() }
func (r *recorder) Skip(...any)                       { runtime.Goexit() }
func (r *recorder) Log(...any)                        {}

// run runs one check and returns what it reported.
func run(t *testing.T, checks []check, name string) string {
	t.Helper()
	for _, c := range checks {
		if c.name == name {
			r := &recorder{TB: t}
			done := make(chan struct{})
			go func() {
				defer close(done)
				c.run(r)
			}()
			<-done
			r.mu.Lock()
			defer r.mu.Unlock()
			return strings.Join(r.problems, "\n")
		}
	}
	t.Fatalf("there is no check %q", name)
	return ""
}

// breach is a module that breaks the promise of one check, and a piece of what is to be said about it.
type breach[S any] struct {
	check string
	suite S
	says  string
}

func testBreaches[S interface{ checks() []check }](t *testing.T, breaches []breach[S]) {
	t.Helper()
	oldPatience, oldPromptly := patience, promptly
	patience, promptly = 700*time.Millisecond, 500*time.Millisecond
	defer func() { patience, promptly = oldPatience, oldPromptly }()
	var example S
	seen := map[string]bool{}
	for _, b := range breaches {
		seen[b.check] = true
		t.Run(b.check+"/"+b.says, func(t *testing.T) {
			if got := run(t, b.suite.checks(), b.check); !strings.Contains(got, b.says) || got == "" {
				t.Errorf("the check says %q of a module that breaks it, want something with %q", got, b.says)
			}
		})
	}
	for _, c := range example.checks() {
		if !seen[c.name] {
			t.Errorf("the check %q has not been seen failing", c.name)
		}
	}
}
