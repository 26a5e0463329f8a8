package agent

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gliderlabs/logspout-builder/core"
)

func TestLogRouterThatPanicsIsStartedAgainAndResumesByItsPosition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBinary(t)
		s := b.sink("net")
		b.router("tail", func(ctx context.Context, in core.Intake) error {
			from := 0
			if value, ok := in.Position("c0ffee"); ok {
				last, err := strconv.Atoi(value)
				if err != nil {
					return err
				}
				from = last + 1
			}
			for i := from; i < from+10; i++ {
				at := core.Position{Key: "c0ffee", Value: strconv.Itoa(i)}
				if err := in.Append(ctx, numbered("", i, i+1), at); err != nil {
					return err
				}
			}
			if from < 50 {
				panic("frame too short")
			}
			return nil
		})
		if code := b.run(t.Context(), "net://x"); code != exitOK {
			t.Fatalf("exit code %d", code)
		}
		wantLines(t, s, numbered("", 0, 60))
		if log := b.stderr.String(); strings.Count(log, "failed, starting again") != 1 || !strings.Contains(log, "supervise_test.go") {
			t.Errorf("want one line with the panic's stack for a series of panics, got %.500s", log)
		}
	})
}

func TestLogRouterThatFailsIsStartedAgainAfterGrowingPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBinary(t)
		b.sink("net")
		start := time.Now()
		var starts []time.Duration
		b.router("tail", func(ctx context.Context, _ core.Intake) error {
			starts = append(starts, time.Since(start))
			if len(starts) < 20 {
				return errors.New("engine is gone")
			}
			<-ctx.Done()
			return ctx.Err()
		})
		r := b.start(t, "net://x")
		sleep(7 * time.Second)
		if s := r.status(); len(s.Problems) != 1 || !strings.Contains(s.Problems[0], "engine is gone") {
			t.Errorf("problems %q", s.Problems)
		}
		sleep(10 * time.Minute)
		if s := r.status(); len(s.Problems) != 0 || s.Intakes[0].Err != "" {
			t.Errorf("problems %q although it runs", s.Problems)
		}
		if err := r.wait(); err != nil {
			t.Fatal(err)
		}
		for i := 1; i < len(starts); i++ {
			d := starts[i] - starts[i-1]
			most := min(100*time.Millisecond<<(i-1), 15*time.Second)
			if i > 10 {
				most = 15 * time.Second
			}
			if d < most/2 || d > most {
				t.Errorf("pause %d was %s, want %s to %s", i, d, most/2, most)
			}
		}
	})
}

func TestReportedTroubleIsAProblemOnlyWhenItLasts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBinary(t)
		b.sink("net")
		reports := make(chan error)
		b.router("tail", func(ctx context.Context, in core.Intake) error {
			for {
				select {
				case err := <-reports:
					in.Report(err)
					in.Count("repeated", 2)
				case <-ctx.Done():
					return nil
				}
			}
		})
		r := b.start(t, "net://x")
		reports <- errDown
		sleep(3 * time.Second)
		if s := r.status(); len(s.Problems) != 0 || s.Intakes[0].Err == "" {
			t.Errorf("after 3 s: problems %q, intake %+v", s.Problems, s.Intakes[0])
		}
		reports <- errDown // still
		sleep(3 * time.Second)
		if s := r.status(); len(s.Problems) != 1 {
			t.Errorf("after 6 s: problems %q", s.Problems)
		}
		reports <- nil
		synctest.Wait()
		if s := r.status(); len(s.Problems) != 0 || s.Intakes[0].Err != "" || s.Intakes[0].Counts["repeated"] != 6 {
			t.Errorf("at the end: problems %q, intake %+v", s.Problems, s.Intakes[0])
		}
		if err := r.wait(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestJobThatPanicsIsStartedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBinary(t)
		b.sink("net")
		b.feed("feed")
		runs := 0
		b.job("job", func(context.Context, core.Env) error { return nil }, func(context.Context) error {
			if runs++; runs < 3 {
				panic("oops")
			}
			return nil
		})
		r := b.start(t, "net://x")
		sleep(time.Minute)
		if err := r.wait(); err != nil {
			t.Fatal(err)
		}
		if runs != 3 {
			t.Errorf("%d runs, want 3", runs)
		}
	})
}

func TestMessageWithoutContainerGetsOneOfItsIntake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBinary(t)
		s := b.sink("net")
		b.router("sloppy", func(ctx context.Context, in core.Intake) error {
			return in.Append(ctx, []core.Message{{Data: "orphan"}}, core.Position{})
		})
		if code := b.run(t.Context(), "net://x?filter.name=sloppy"); code != exitOK {
			t.Fatalf("exit code %d", code)
		}
		wantLines(t, s, lines("orphan"))
	})
}

func TestLogRoutersAreChosenByName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBinary(t)
		s := b.sink("net")
		for _, name := range []string{"one", "two", "three"} {
			b.router(name, func(ctx context.Context, in core.Intake) error {
				return in.Append(ctx, lines(name), core.Position{})
			})
		}
		b.env["LOG_ROUTERS"] = "two, one"
		if code := b.run(t.Context(), "net://x"); code != exitOK {
			t.Fatalf("exit code %d", code)
		}
		if got := s.lines(); len(got) != 2 {
			t.Errorf("got %q, want the lines of one and two", got)
		}
	})
}
