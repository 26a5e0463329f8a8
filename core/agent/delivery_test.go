package agent

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gliderlabs/logspout-builder/core"
)

var errDown = errors.New("connection refused")

func TestEveryRouteGetsEveryLineInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBinary(t)
		one, two := b.sink("one"), b.sink("two")
		lines := b.feed("feed")
		b.env["LOGSPOUT_BATCH_LINES"] = "7"
		r := b.start(t, "one://x", "two://x?filter.name=w*&filter.sources=stdout")
		lines <- numbered("", 0, 100)
		other := numbered("other", 0, 10)
		for i := range other {
			other[i].Container = &core.Container{ID: "beef", Name: "/db"}
		}
		lines <- other
		lines <- numbered("", 100, 200)
		if err := r.wait(); err != nil {
			t.Fatal(err)
		}
		wantLines(t, two, numbered("", 0, 200))
		if got := len(one.lines()); got != 210 {
			t.Errorf("the unfiltered route got %d lines, want 210", got)
		}
		s := r.route(t, "two")
		if s.Delivered != 200 || s.Filtered != 10 || len(s.Lost) != 0 || s.Queue.Lines != 0 {
			t.Errorf("status %+v", s)
		}
		if one.closed != 1 || two.closed != 1 {
			t.Errorf("closed %d and %d times, want once each", one.closed, two.closed)
		}
	})
}

func TestDeadDestinationDoesNotStallOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBinary(t)
		good := b.sink("good")
		b.sink("dead").deliver = func(context.Context, []core.Message) error { return errDown }
		b.sink("hung").deliver = func(ctx context.Context, _ []core.Message) error { <-ctx.Done(); return ctx.Err() }
		lines := b.feed("feed")
		r := b.start(t, "dead://x", "hung://x", "good://x")
		for i := range 50 {
			lines <- numbered("", 10*i, 10*i+10)
			synctest.Wait() // no time passes
			if got := len(good.lines()); got != 10*i+10 {
				t.Fatalf("the good route has %d lines, want %d", got, 10*i+10)
			}
		}
		sleep(2 * time.Minute)
		s := r.status()
		if len(s.Problems) != 2 {
			t.Errorf("problems %q, want one of each stalled route", s.Problems)
		}
		if got := strings.Join(s.Problems, "\n"); !strings.Contains(got, "connection refused") || !strings.Contains(got, "does not return") {
			t.Errorf("problems %q name no reasons", s.Problems)
		}
		if err := r.wait(); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"dead", "hung"} {
			if lost := r.route(t, name).Lost; lost[core.LostShutdown] != 500 {
				t.Errorf("%s lost %v, want 500 at shutdown", name, lost)
			}
		}
	})
}

func TestDestinationThatIsDownAtStartIsTriedUntilItAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBinary(t)
		s := b.sink("net")
		start := time.Now()
		s.deliver = func(context.Context, []core.Message) error {
			if time.Since(start) < 10*time.Minute {
				return fmt.Errorf("dial http://user:hunter22@x: %w", errDown)
			}
			return nil
		}
		lines := b.feed("feed")
		r := b.start(t, "net://user:hunter22@x")
		lines <- numbered("", 0, 100)
		sleep(time.Second)
		if n := s.calls(); n < 2 || n > 6 {
			t.Errorf("%d attempts in the first second, want a growing pause from 100 ms on", n)
		}
		if err := r.route(t, "net").Err; !strings.Contains(err, "connection refused") || strings.Contains(err, "hunter22") {
			t.Errorf("the status says %q", err)
		}
		sleep(10*time.Minute + 15*time.Second)
		if n := s.calls(); n > 100 || n < 35 {
			t.Errorf("%d attempts in ten minutes, want pauses of at most 15 s", n)
		}
		wantLines(t, s, numbered("", 0, 100))
		status := r.route(t, "net")
		if status.Err != "" || !status.Since.IsZero() || status.Retries == 0 {
			t.Errorf("status after recovery %+v", status)
		}
		if err := r.wait(); err != nil {
			t.Fatal(err)
		}
		log := b.stderr.String()
		if n := strings.Count(log, "delivery failed"); n < 2 || n > 8 {
			t.Errorf("%d lines about one outage of ten minutes", n)
		}
		if strings.Count(log, "delivery works again") != 1 {
			t.Error("no line about its end, or several")
		}
		if strings.Contains(log, "hunter22") {
			t.Error("the password is in the log")
		}
	})
}

func TestPermanentErrorDropsAndCountsTheBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBinary(t)
		s := b.sink("net")
		s.deliver = func(_ context.Context, batch []core.Message) error {
			if strings.HasPrefix(batch[0].Data, "bad") {
				return fmt.Errorf("send: %w", core.Permanent(errors.New("message too large")))
			}
			return nil
		}
		lines := b.feed("feed")
		r := b.start(t, "net://x")
		lines <- numbered("good", 0, 10)
		synctest.Wait()
		for range 20 {
			lines <- numbered("bad", 0, 10)
			synctest.Wait()
		}
		lines <- numbered("good", 10, 20)
		if err := r.wait(); err != nil {
			t.Fatal(err)
		}
		wantLines(t, s, numbered("good", 0, 20))
		if st := r.route(t, "net"); st.Lost[core.LostRejected] != 200 || st.Retries != 0 {
			t.Errorf("lost %v, %d retries", st.Lost, st.Retries)
		}
		if n := strings.Count(b.stderr.String(), "will never take"); n != 1 {
			t.Errorf("%d log lines about a flood of rejections, want 1", n)
		}
	})
}

func TestPartialErrorBringsOnlyTheRestAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBinary(t)
		s := b.sink("net")
		var calls [][]string
		s.deliver = func(_ context.Context, batch []core.Message) error {
			calls = append(calls, texts(batch))
			if len(calls) == 1 {
				s.take(batch[0], batch[3])
				return &core.PartialError{Retry: []int{1, 4}, Rejected: []int{2}, Err: core.Permanent(errDown)}
			}
			return nil
		}
		lines := b.feed("feed")
		r := b.start(t, "net://x")
		lines <- numbered("", 0, 5)
		sleep(time.Second)
		if err := r.wait(); err != nil {
			t.Fatal(err)
		}
		if len(calls) != 2 || !slices.Equal(calls[1], []string{"1", "4"}) {
			t.Errorf("calls %v, want the second with lines 1 and 4", calls)
		}
		if st := r.route(t, "net"); st.Delivered != 4 || st.Lost[core.LostRejected] != 1 || st.Queue.Lines != 0 {
			t.Errorf("status %+v", st)
		}
	})
}

func TestPartialErrorThatMakesNoSenseBringsTheWholeBatchAgain(t *testing.T) {
	for name, partial := range map[string]*core.PartialError{
		"past the end": {Retry: []int{3}, Err: errDown},
		"negative":     {Rejected: []int{-1}, Err: errDown},
		"descending":   {Retry: []int{1, 0}, Err: errDown},
		"in both":      {Retry: []int{1}, Rejected: []int{1}, Err: errDown},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBinary(t)
				s := b.sink("net")
				s.deliver = func(context.Context, []core.Message) error {
					if s.calls() == 1 {
						return partial
					}
					return nil
				}
				lines := b.feed("feed")
				r := b.start(t, "net://x")
				lines <- numbered("", 0, 3)
				sleep(time.Second)
				if err := r.wait(); err != nil {
					t.Fatal(err)
				}
				wantLines(t, s, numbered("", 0, 3))
			})
		})
	}
}

func TestAdapterThatPanicsOnOneLineLosesOnlyThatLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBinary(t)
		s := b.sink("net")
		s.deliver = func(_ context.Context, batch []core.Message) error {
			for i := range batch {
				if batch[i].Data == "poison" {
					panic("cannot encode this")
				}
			}
			return nil
		}
		lines := b.feed("feed")
		r := b.start(t, "net://x")
		batch := numbered("", 0, 1000)
		batch[437].Data = "poison"
		lines <- batch
		sleep(time.Minute)
		lines <- numbered("", 1000, 1010)
		if err := r.wait(); err != nil {
			t.Fatal(err)
		}
		want := slices.Concat(numbered("", 0, 437), numbered("", 438, 1010))
		wantLines(t, s, want)
		if st := r.route(t, "net"); st.Lost[core.LostPanic] != 1 || len(st.Lost) != 1 {
			t.Errorf("lost %v, want the one line", st.Lost)
		}
		if log := b.stderr.String(); !strings.Contains(log, "c0ffee/stdout/437000000000/0") || !strings.Contains(log, "delivery_test.go") {
			t.Error("the log does not tell which line, and where it panicked")
		}
	})
}

func TestAdapterThatAlwaysPanicsLosesLittle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBinary(t)
		b.sink("net").deliver = func(context.Context, []core.Message) error { panic("nil map") }
		lines := b.feed("feed")
		r := b.start(t, "net://x")
		lines <- numbered("", 0, 1000)
		sleep(5 * time.Minute)
		if lost := r.route(t, "net").Lost[core.LostPanic]; lost == 0 || lost > 60 {
			t.Errorf("lost %d lines in five minutes", lost)
		}
		if err := r.wait(); err != nil {
			t.Fatal(err)
		}
		if st := r.route(t, "net"); st.Lost[core.LostPanic]+st.Lost[core.LostShutdown] != 1000 {
			t.Errorf("lost %v, want 1000 together", st.Lost)
		}
	})
}

func TestRouteThatBlocksWhenFullLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBinary(t)
		b.env["LOGSPOUT_JOURNAL_MEMORY"] = "1MiB"
		slow := func(s *sink) {
			s.deliver = func(ctx context.Context, _ []core.Message) error { pause(ctx, time.Second); return nil }
		}
		patient, hasty := b.sink("patient"), b.sink("hasty")
		slow(patient)
		slow(hasty)
		lines := b.feed("feed")
		b.env["LOGSPOUT_BATCH_LINES"] = "1000"
		r := b.start(t, "patient://x?full=block", "hasty://x?full=drop")
		for i := range 300 {
			lines <- numbered("", 100*i, 100*i+100)
		}
		sleep(time.Hour)
		if err := r.wait(); err != nil {
			t.Fatal(err)
		}
		wantLines(t, patient, numbered("", 0, 30000))
	})
}

func TestJournalThatIsFullIsCountedPerRoute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBinary(t)
		b.env["LOGSPOUT_JOURNAL_MEMORY"] = "1MiB"
		b.sink("dead").deliver = func(context.Context, []core.Message) error { return errDown }
		good := b.sink("good")
		lines := b.feed("feed")
		r := b.start(t, "dead://x", "good://x")
		for i := range 300 {
			lines <- numbered("", 100*i, 100*i+100)
			synctest.Wait()
		}
		if err := r.wait(); err != nil {
			t.Fatal(err)
		}
		wantLines(t, good, numbered("", 0, 30000))
		if n := strings.Count(b.stderr.String(), "the journal was full"); n != 1 {
			t.Errorf("%d lines in the log about it, want 1", n)
		}
		lost := r.route(t, "dead").Lost
		if lost[core.LostJournalFull] == 0 || lost[core.LostJournalFull]+lost[core.LostShutdown] != 30000 {
			t.Errorf("lost %v, want 30000 together", lost)
		}
	})
}

// counting is an adapter that counts.
type counting struct {
	*sink
	counts func() map[string]uint64
}

func (c counting) Counts() map[string]uint64 { return c.counts() }

func TestWhatAnAdapterCountsIsInTheStatus(t *testing.T) {
	r := &route{dest: &destination{adapter: counting{&sink{}, func() map[string]uint64 { return map[string]uint64{"refused": 3} }}}}
	if got := r.counts(); got["refused"] != 3 {
		t.Errorf("counts: %v", got)
	}
	for what, adapter := range map[string]core.Adapter{
		"one that counts nothing": &sink{}, "one that panics": counting{&sink{}, func() map[string]uint64 { panic("no") }},
	} {
		r.dest.adapter = adapter
		if got := r.counts(); len(got) != 0 {
			t.Errorf("%s: %v", what, got)
		}
	}
}
