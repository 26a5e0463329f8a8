package moduletest

import (
	"context"
	"errors"
	"testing"

	"github.com/gliderlabs/logspout-builder/core"
)

// worker is a job that waits; its fields are the ways in which it can be wrong.
type worker struct {
	name  string
	check error
	setup func(ctx context.Context) error
	run   func(ctx context.Context, n int) error
	runs  int
}

func (w *worker) Name() string         { return w.name }
func (w *worker) Check(core.Env) error { return w.check }

func (w *worker) Setup(ctx context.Context, _ core.Env) error {
	if w.setup != nil {
		return w.setup(ctx)
	}
	return nil
}

func (w *worker) Run(ctx context.Context) error {
	w.runs++
	if w.run != nil {
		return w.run(ctx, w.runs)
	}
	<-ctx.Done()
	return ctx.Err()
}

func working(w worker) JobSuite {
	return JobSuite{Job: func(testing.TB) core.Job { c := w; return &c }}
}

func TestJobThatKeepsItsPromisesPasses(t *testing.T) {
	TestJob(t, working(worker{name: "waits"}))
	TestJob(t, JobSuite{Ends: true, Job: func(testing.TB) core.Job {
		return &worker{name: "ends", run: func(context.Context, int) error { return nil }}
	}})
}

func TestEveryBreachOfAJobIsSeen(t *testing.T) {
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	deaf := func(context.Context, int) error { <-release; return nil }
	start := func() {
		go func() { <-release }()
	}
	accepts := working(worker{name: "x"})
	accepts.Invalid = []InvalidVars{{Vars: core.Vars{"A": "b"}, Problems: []string{"A"}}}
	testBreaches(t, []breach[JobSuite]{
		{"it has a name", working(worker{}), "Name is empty"},
		{"Check takes an environment that is right, and does no I/O", working(worker{check: errors.New("bad")}), "Check: bad"},
		{"an invalid environment is refused with all that is wrong with it", accepts, "no error"},
		{"Setup returns, and starts nothing", working(worker{setup: func(context.Context) error { return errors.New("bad") }}), "Setup: bad"},
		{"Setup returns, and starts nothing", working(worker{setup: func(context.Context) error { start(); return nil }}), "left behind"},
		{"Setup returns at once when its context has ended", working(worker{setup: func(context.Context) error { <-release; return nil }}), "does not return"},
		{"Run returns when its context ends", working(worker{run: deaf}), "does not return"},
		{"Run returns when its context ends", working(worker{run: func(context.Context, int) error { return nil }}), "returns by itself"},
		{"Run returns when its context ends", working(worker{run: func(context.Context, int) error { panic("ouch") }}), "panics: ouch"},
		{"Run may be called again", working(worker{run: func(ctx context.Context, n int) error {
			if n > 1 {
				panic("twice")
			}
			<-ctx.Done()
			return nil
		}}), "panics: twice"},
		{"Run leaves nothing behind", working(worker{run: func(ctx context.Context, _ int) error { start(); <-ctx.Done(); return nil }}), "left behind"},
	})
}
