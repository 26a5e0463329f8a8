package moduletest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/gliderlabs/logspout-builder/core"
)

// JobSuite says what TestJob needs to know of a job.
type JobSuite struct {
	// Job makes the job.
	Job func(tb testing.TB) core.Job
	// Env is the job's; nil is NewEnv(tb, nil).
	Env func(tb testing.TB) core.Env
	// Ends is for a job whose Run returns nil by itself when it is done for good.
	Ends bool
	// Invalid are environments that Check, or Setup where the job has no Check, has to refuse, with all that is wrong with each.
	Invalid []InvalidVars
}

// InvalidVars is an environment that a module has to refuse.
type InvalidVars struct {
	Vars core.Vars
	// Problems are pieces of text all of which the one error has to hold: one for each thing that is wrong.
	Problems []string
}

// TestJob checks that a job keeps the promises of core.Job: each is a subtest with the promise's name.
func TestJob(t *testing.T, s JobSuite) {
	t.Helper()
	runChecks(t, s.checks())
}

func (s JobSuite) checks() []check {
	return []check{
		{"it has a name", s.hasName},
		{"Check takes an environment that is right, and does no I/O", s.checkTakesGoodEnv},
		{"an invalid environment is refused with all that is wrong with it", s.invalidVarsAreRefused},
		{"Setup returns, and starts nothing", s.setupStartsNothing},
		{"Setup returns at once when its context has ended", s.setupHonoursContext},
		{"Run returns when its context ends", s.runHonoursContext},
		{"Run may be called again", s.runMayBeCalledAgain},
		{"Run leaves nothing behind", s.runLeavesNothing},
	}
}

func (s JobSuite) env(tb testing.TB) core.Env {
	tb.Helper()
	if s.Env != nil {
		return s.Env(tb)
	}
	return NewEnv(tb, nil)
}

// ready is the job after its Setup.
func (s JobSuite) ready(tb testing.TB) core.Job {
	tb.Helper()
	job := s.Job(tb)
	within(tb, patience, "Setup", func() {
		ctx, cancel := context.WithTimeout(tb.Context(), patience/2)
		defer cancel() // it is Setup's, not the job's
		if err := job.Setup(ctx, s.env(tb)); err != nil {
			tb.Errorf("Setup: %v", err)
		}
	})
	return job
}

// run runs the job for a moment, and reports when it ends by itself or does not end.
func (s JobSuite) run(tb testing.TB, job core.Job) {
	tb.Helper()
	ctx, cancel := context.WithCancel(tb.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				done <- fmt.Errorf("it panics: %v", p)
			}
		}()
		done <- job.Run(ctx)
	}()
	select {
	case err := <-done:
		if err != nil || !s.Ends {
			tb.Errorf("Run returns by itself: %v", err)
		}
		return
	case <-time.After(50 * time.Millisecond):
	}
	within(tb, promptly, "Run whose context has ended", func() {
		cancel()
		if err := notCanceled(<-done); err != nil {
			tb.Errorf("Run whose context has ended: %v", err)
		}
	})
}

func (s JobSuite) hasName(tb testing.TB) {
	tb.Helper()
	if s.Job(tb).Name() == "" {
		tb.Error("Name is empty")
	}
}

func (s JobSuite) checkTakesGoodEnv(tb testing.TB) {
	tb.Helper()
	checker, ok := s.Job(tb).(core.Checker)
	if !ok {
		tb.Skip("it has no Check")
	}
	within(tb, promptly, "Check", func() {
		if err := checker.Check(s.env(tb)); err != nil {
			tb.Errorf("Check: %v", err)
		}
	})
}

func (s JobSuite) invalidVarsAreRefused(tb testing.TB) {
	tb.Helper()
	if len(s.Invalid) == 0 {
		tb.Skip("the suite names nothing invalid")
	}
	for _, invalid := range s.Invalid {
		job, env := s.Job(tb), s.env(tb)
		env.Vars = invalid.Vars
		what := fmt.Sprintf("the environment %v", invalid.Vars)
		within(tb, promptly, what, func() {
			var err error
			if checker, ok := job.(core.Checker); ok {
				err = checker.Check(env)
			} else {
				err = job.Setup(tb.Context(), env)
			}
			wantProblems(tb, what, err, invalid.Problems...)
		})
	}
}

func (s JobSuite) setupStartsNothing(tb testing.TB) {
	tb.Helper()
	before := settledGoroutines()
	s.ready(tb)
	noGoroutinesBeyond(tb, before)
}

func (s JobSuite) setupHonoursContext(tb testing.TB) {
	tb.Helper()
	job, env := s.Job(tb), s.env(tb)
	within(tb, promptly, "Setup whose context has ended", func() { _ = job.Setup(ended(tb), env) })
}

func (s JobSuite) runHonoursContext(tb testing.TB) {
	tb.Helper()
	s.run(tb, s.ready(tb))
}

// runMayBeCalledAgain is what the agent does after an error or a panic.
func (s JobSuite) runMayBeCalledAgain(tb testing.TB) {
	tb.Helper()
	job := s.ready(tb)
	s.run(tb, job)
	s.run(tb, job)
}

func (s JobSuite) runLeavesNothing(tb testing.TB) {
	tb.Helper()
	job := s.ready(tb)
	before := settledGoroutines()
	s.run(tb, job)
	noGoroutinesBeyond(tb, before)
}
