package agent

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gliderlabs/logspout-builder/core"
)

func TestStopDeliversWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBinary(t)
		s := b.sink("net")
		s.deliver = func(ctx context.Context, _ []core.Message) error { pause(ctx, time.Second); return ctx.Err() }
		b.env["LOGSPOUT_BATCH_LINES"] = "100"
		feed := b.feed("feed")
		r := b.start(t, "net://x")
		feed <- numbered("", 0, 600)
		start := time.Now()
		if err := r.wait(); err != nil {
			t.Fatal(err)
		}
		wantLines(t, s, numbered("", 0, 600))
		if took := time.Since(start); took > 7*time.Second {
			t.Errorf("the stop took %s for 6 s of delivery", took)
		}
		if s.closed != 1 {
			t.Errorf("the adapter was closed %d times", s.closed)
		}
	})
}

func TestStopTriesAtOnceInsteadOfWaitingOutALongPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBinary(t)
		s := b.sink("net")
		start := time.Now()
		s.deliver = func(context.Context, []core.Message) error {
			if time.Since(start) < time.Hour {
				return errDown
			}
			return nil
		}
		feed := b.feed("feed")
		r := b.start(t, "net://1,net://2,net://3,net://4,net://5,net://6,net://7,net://8") // each with pauses of its own
		feed <- numbered("", 0, 10)
		sleep(time.Until(start.Add(time.Hour)))
		if err := r.wait(); err != nil {
			t.Fatal(err)
		}
		if n := len(s.lines()); n != 80 {
			t.Errorf("%d lines delivered, want 10 by each of 8 routes", n)
		}
		if late := time.Since(start) - time.Hour; late > time.Second {
			t.Errorf("the stop took %s", late)
		}
	})
}

func TestStopEndsWithinTheGraceWhateverADestinationDoes(t *testing.T) {
	for name, deliver := range map[string]func(ctx context.Context, released <-chan struct{}) error{
		"refuses":               func(context.Context, <-chan struct{}) error { return errDown },
		"hangs until cancelled": func(ctx context.Context, _ <-chan struct{}) error { <-ctx.Done(); return ctx.Err() },
		"ignores cancellation":  func(_ context.Context, released <-chan struct{}) error { <-released; return nil },
		"calls its end permanent": func(ctx context.Context, _ <-chan struct{}) error {
			<-ctx.Done()
			return core.Permanent(ctx.Err())
		},
		"panics": func(context.Context, <-chan struct{}) error { panic("oops") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				released := make(chan struct{})
				b := newBinary(t)
				b.env["LOGSPOUT_GRACE"] = "5s"
				b.sink("bad").deliver = func(ctx context.Context, _ []core.Message) error { return deliver(ctx, released) }
				good := b.sink("good")
				feed := b.feed("feed")
				r := b.start(t, "bad://x", "good://x")
				feed <- numbered("", 0, 100)
				synctest.Wait()
				feed <- numbered("", 100, 150)
				start := time.Now()
				if err := r.wait(); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(start); took > 5*time.Second {
					t.Errorf("the stop took %s", took)
				}
				wantLines(t, good, numbered("", 0, 150))
				if st := r.route(t, "bad"); st.Lost[core.LostShutdown]+st.Lost[core.LostPanic] != 150 {
					t.Errorf("lost %v, want 150 counted", st.Lost)
				}
				if !strings.Contains(b.stderr.String(), "lines=") {
					t.Error("the log does not tell of the loss")
				}
				close(released)
			})
		})
	}
}

func TestAdapterWhoseCloseHangsDoesNotHoldUpTheStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBinary(t)
		released := make(chan struct{})
		b.adapter("net", func(core.Env, *core.Route) (core.Adapter, error) { return &unclosable{released}, nil })
		b.feed("feed")
		r := b.start(t, "net://x")
		synctest.Wait()
		start := time.Now()
		if err := r.wait(); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("the stop took %s", took)
		}
		close(released)
	})
}

type unclosable struct{ released <-chan struct{} }

func (*unclosable) Deliver(context.Context, []core.Message) error { return nil }
func (u *unclosable) Close(context.Context) error                 { <-u.released; return nil }

func TestAdapterWhoseCloseEndsWhenToldIsNotBlamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBinary(t)
		b.adapter("net", func(core.Env, *core.Route) (core.Adapter, error) { return patient{}, nil })
		b.feed("feed")
		r := b.start(t, "net://x")
		synctest.Wait()
		if err := r.wait(); err != nil {
			t.Fatal(err)
		}
		if log := b.stderr.String(); strings.Contains(log, "ignores cancellation") || !strings.Contains(log, "closing the adapter failed") {
			t.Errorf("the log says\n%s", log)
		}
	})
}

// patient waits in Close as long as it may, for a destination that is down.
type patient struct{}

func (patient) Deliver(context.Context, []core.Message) error { return nil }
func (patient) Close(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestLogRouterThatIgnoresItsEndDoesNotHoldUpTheStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBinary(t)
		s := b.sink("net")
		released := make(chan struct{})
		b.router("deaf", func(ctx context.Context, in core.Intake) error {
			_ = in.Append(ctx, numbered("", 0, 10), core.Position{})
			<-released
			return in.Append(context.WithoutCancel(ctx), numbered("late", 0, 10), core.Position{})
		})
		r := b.start(t, "net://x")
		synctest.Wait()
		start := time.Now()
		if err := r.wait(); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("the stop took %s", took)
		}
		close(released)
		synctest.Wait()
		wantLines(t, s, numbered("", 0, 10))
	})
}

func TestSecondSignalEndsTheGraceAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBinary(t)
		b.env["LOGSPOUT_GRACE"] = "10m"
		signals := make(chan os.Signal, 1)
		ignored := false
		b.sys.interrupts = func() (<-chan os.Signal, func()) { return signals, func() { ignored = true } }
		b.sink("net").deliver = func(context.Context, []core.Message) error { return errDown }
		feed := b.feed("feed")
		r := b.start(t, "net://x")
		feed <- numbered("", 0, 10)
		r.stop()
		sleep(time.Minute)
		select {
		case <-r.code:
			t.Fatal("stopped before its time")
		default:
		}
		signals <- syscall.SIGTERM
		sleep(2 * time.Second)
		select {
		case err := <-r.code:
			if err != nil {
				t.Fatal(err)
			}
		default:
			t.Fatal("still running")
		}
		if lost := r.route(t, "net").Lost; lost[core.LostShutdown] != 10 {
			t.Errorf("lost %v, want 10", lost)
		}
		if !ignored {
			t.Error("signals are still caught")
		}
	})
}

func TestWhatAStopCannotDeliverIsReadAgainAtTheNextStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		state := filepath.Join(t.TempDir(), "state")
		first := newBinary(t)
		first.env["LOGSPOUT_STATE"] = state
		first.env["LOGSPOUT_BATCH_LINES"] = "10"
		s := first.sink("net")
		s.deliver = func(context.Context, []core.Message) error {
			if s.calls() > 3 {
				return errDown
			}
			return nil
		}
		feed := first.feed("feed")
		first.router("pipe", func(ctx context.Context, in core.Intake) error { // cannot resume
			<-ctx.Done()
			batch := numbered("", 0, 7)
			for i := range batch {
				batch[i].Container = &core.Container{ID: "pipe"}
			}
			return in.Append(context.WithoutCancel(ctx), batch, core.Position{})
		})
		first.router("gone", func(ctx context.Context, in core.Intake) error {
			<-ctx.Done()
			batch := numbered("", 0, 5)
			for i := range batch {
				batch[i].Container = &core.Container{ID: "gone"}
			}
			err := in.Append(context.WithoutCancel(ctx), batch, core.Position{Key: "gone", Value: "4"})
			in.Forget("gone") // the container was removed
			return err
		})
		r := first.start(t, "net://x")
		for i := range 10 {
			feed <- numbered("", 10*i, 10*i+10)
		}
		if err := r.wait(); err != nil {
			t.Fatal(err)
		}
		wantLines(t, s, numbered("", 0, 30))
		if lost := r.route(t, "net").Lost; lost[core.LostShutdown] != 12 || len(lost) != 1 {
			t.Errorf("lost %v, want the 12 lines that nobody reads again", lost)
		}
		if info, err := os.Stat(filepath.Join(state, "checkpoints.json")); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("checkpoints: %v %v", info, err)
		}

		second := newBinary(t)
		second.env["LOGSPOUT_STATE"] = state
		second.sink("net")
		var at string
		var ok bool
		second.router("feed", func(_ context.Context, in core.Intake) error {
			at, ok = in.Position("c0ffee")
			return nil
		})
		if code := second.run(t.Context(), "net://x"); code != exitOK {
			t.Fatalf("exit code %d", code)
		}
		if !ok || at != "29" {
			t.Errorf("the next start resumes at %q %v, want behind line 29", at, ok)
		}
	})
}

func TestDamagedStateIsRefusedWithAdvice(t *testing.T) {
	b := newBinary(t)
	state := t.TempDir()
	if err := os.WriteFile(filepath.Join(state, "checkpoints.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.env["LOGSPOUT_STATE"] = state
	s := b.sink("net")
	b.feed("feed")
	if code := b.run(t.Context(), "net://x"); code != exitError {
		t.Errorf("exit code %d", code)
	}
	if log := b.stderr.String(); !strings.Contains(log, "LOGSPOUT_STATE") || !strings.Contains(log, "damaged") {
		t.Errorf("log %q", log)
	}
	if s.closed != 1 {
		t.Errorf("the adapter that was not used was closed %d times", s.closed)
	}
}

func TestWhenAllLogRoutersHaveEndedTheRestIsDeliveredAndTheProgramEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBinary(t)
		s := b.sink("net")
		start := time.Now()
		s.deliver = func(context.Context, []core.Message) error {
			if time.Since(start) < 3*time.Minute { // much longer than any grace
				return errDown
			}
			return nil
		}
		for _, name := range []string{"one", "two"} {
			b.router(name, func(ctx context.Context, in core.Intake) error {
				return in.Append(ctx, numbered(name, 0, 5), core.Position{})
			})
		}
		if code := b.run(t.Context(), "net://x"); code != exitOK {
			t.Fatalf("exit code %d", code)
		}
		if got := len(s.lines()); got != 10 {
			t.Errorf("%d lines delivered, want 10", got)
		}
	})
}

func TestPartsStartDownstreamFirstAndStopUpstreamFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBinary(t)
		var mu sync.Mutex
		var order []string
		note := func(what string) {
			mu.Lock()
			defer mu.Unlock()
			order = append(order, what)
		}
		s := b.sink("net")
		s.deliver = func(context.Context, []core.Message) error { note("deliver"); return nil }
		b.adapter("net", func(core.Env, *core.Route) (core.Adapter, error) { note("route"); return s, nil })
		b.job("job", func(context.Context, core.Env) error { note("setup"); return nil }, func(ctx context.Context) error {
			<-ctx.Done()
			note("job ends")
			return nil
		})
		b.router("feed", func(ctx context.Context, in core.Intake) error {
			note("read")
			<-ctx.Done()
			time.Sleep(time.Second)
			note("read ends")
			return in.Append(context.WithoutCancel(ctx), numbered("", 0, 3), core.Position{})
		})
		r := b.start(t, "net://x")
		synctest.Wait()
		if err := r.wait(); err != nil {
			t.Fatal(err)
		}
		want := []string{"route", "setup", "read", "read ends", "deliver", "job ends"}
		if !slices.Equal(order, want) {
			t.Errorf("order %q, want %q", order, want)
		}
	})
}

func TestLinesThatTheStopKeepsOutOfTheJournalAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBinary(t)
		b.env["LOGSPOUT_JOURNAL_MEMORY"] = "1MiB"
		b.sink("net").deliver = func(context.Context, []core.Message) error { return errDown }
		b.router("feed", func(ctx context.Context, in core.Intake) error {
			for i := 0; ; i += 100 {
				if err := in.Append(ctx, numbered("", i, i+100), core.Position{}); err != nil {
					return err
				}
			}
		})
		r := b.start(t, "net://x?full=block")
		synctest.Wait()
		if err := r.wait(); err != nil {
			t.Fatal(err)
		}
		s := r.status().Intakes[0]
		if s.Counts[core.LostShutdown] != 100 || r.route(t, "net").Lost[core.LostShutdown] != s.Lines {
			t.Errorf("intake %+v, route lost %v", s, r.route(t, "net").Lost)
		}
	})
}

func TestSignalWhileAJobPreparesEndsTheProgramInPeace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBinary(t)
		b.feed("feed")
		b.job("slow", func(ctx context.Context, _ core.Env) error { <-ctx.Done(); return ctx.Err() }, nil)
		r := b.start(t)
		sleep(time.Minute)
		if err := r.wait(); err != nil {
			t.Errorf("%v", err)
		}
	})
}

func TestJobThatCannotSetUpEndsTheStart(t *testing.T) {
	b := newBinary(t)
	s := b.sink("net")
	b.feed("feed")
	for _, name := range []string{"first", "second"} {
		b.job(name, func(context.Context, core.Env) error { return errors.New("no such database") }, func(context.Context) error {
			t.Error("it runs")
			return nil
		})
	}
	b.serve("health", nil)
	if code := b.run(t.Context(), "net://x"); code != exitError {
		t.Errorf("exit code %d", code)
	}
	if log := b.stderr.String(); strings.Count(log, "no such database") != 2 {
		t.Errorf("log %q, want both jobs in it", log)
	}
	if s.closed != 1 {
		t.Errorf("the adapter was closed %d times", s.closed)
	}
}
