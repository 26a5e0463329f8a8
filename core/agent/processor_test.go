package agent

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gliderlabs/logspout-builder/core"
)

// joiner is a processor that joins lines that begin with a space to the one before, which it keeps back for a second.
type joiner struct {
	kept  *core.Message
	due   time.Time
	apply func(m *core.Message) // sees each line
	flush func()
}

func (j *joiner) Apply(dst, in []core.Message, now time.Time) []core.Message {
	for i := range in {
		m := in[i]
		if j.apply != nil {
			j.apply(&m)
		}
		if j.kept != nil && strings.HasPrefix(m.Data, " ") {
			j.kept.Data += m.Data
			continue
		}
		if j.kept != nil {
			dst = append(dst, *j.kept)
		}
		j.kept, j.due = &m, now.Add(time.Second)
	}
	return dst
}

func (j *joiner) Flush(dst []core.Message, now time.Time, final bool) []core.Message {
	if j.flush != nil {
		j.flush()
	}
	if j.kept != nil && (final || !j.due.After(now)) {
		dst = append(dst, *j.kept)
		j.kept = nil
	}
	return dst
}

func (j *joiner) Held() (uint64, time.Time, bool) {
	if j.kept == nil {
		return 0, time.Time{}, false
	}
	return j.kept.Offset, j.due, true
}

// joins registers a joiner that make may change, for each route and after each panic a new one.
func (b *binary) joins(change func(*joiner)) {
	b.processor("join", func(core.Env, *core.Route) (core.Process, error) {
		j := &joiner{}
		if change != nil {
			change(j)
		}
		return j, nil
	})
}

func lines(texts ...string) []core.Message {
	batch := numbered("", 0, len(texts))
	for i, text := range texts {
		batch[i].Data = text
	}
	return batch
}

func TestProcessorsRunInTheOrderOfTheScheme(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBinary(t)
		s, plain := b.sink("net"), b.sink("plain")
		b.joins(nil)
		b.processor("shout", func(core.Env, *core.Route) (core.Process, error) {
			return &joiner{apply: func(m *core.Message) { m.Data = strings.ToUpper(m.Data) + "!" }}, nil
		})
		feed := b.feed("feed")
		r := b.start(t, "shout+join+net://x", "join+plain://x")
		feed <- lines("a", " b", "c")
		sleep(3 * time.Second)
		wantLines(t, s, lines("A! B!", "C!"))
		wantLines(t, plain, lines("a b", "c"))
		if err := r.wait(); err != nil {
			t.Fatal(err)
		}
		if st := r.route(t, "join+plain"); st.Delivered != 2 || st.Filtered != 1 {
			t.Errorf("%d delivered and %d filtered or joined, want 2 and 1", st.Delivered, st.Filtered)
		}
	})
}

func TestLineThatAProcessorKeepsBackGoesOutWhenDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBinary(t)
		s := b.sink("net")
		b.joins(nil)
		feed := b.feed("feed")
		r := b.start(t, "join+net://x")
		feed <- lines("a", " b")
		sleep(900 * time.Millisecond)
		if got := s.lines(); len(got) != 0 {
			t.Errorf("too early: %q", got)
		}
		if q := r.route(t, "join+net").Queue; q.Lines != 2 {
			t.Errorf("%d lines wait, want the 2 that are kept back", q.Lines)
		}
		sleep(200 * time.Millisecond)
		wantLines(t, s, lines("a b"))
		if q := r.route(t, "join+net").Queue; q.Lines != 0 {
			t.Errorf("%d lines wait, want none", q.Lines)
		}
		if err := r.wait(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestCheckpointNeverPassesALineThatAProcessorKeepsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBinary(t)
		b.sink("net")
		b.joins(nil)
		feed := b.feed("feed")
		r := b.start(t, "join+net://x")
		feed <- lines("a")
		sleep(2 * time.Second)
		feed <- lines("b")
		feed <- lines("c")
		synctest.Wait()
		if at := r.journal.Checkpoints()["feed"]["c0ffee"]; at != "b" {
			t.Errorf("checkpoint %q while c is kept back, want b", at)
		}
		if err := r.wait(); err != nil {
			t.Fatal(err)
		}
		if at := r.journal.Checkpoints()["feed"]["c0ffee"]; at != "c" {
			t.Errorf("checkpoint %q at the end, want c", at)
		}
	})
}

func TestStopDeliversWhatAProcessorKeepsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBinary(t)
		s := b.sink("net")
		b.joins(nil)
		feed := b.feed("feed")
		r := b.start(t, "join+net://x")
		feed <- lines("a", "b", " c")
		if err := r.wait(); err != nil {
			t.Fatal(err)
		}
		wantLines(t, s, lines("a", "b c"))
		if st := r.route(t, "join+net"); len(st.Lost) != 0 {
			t.Errorf("lost %v", st.Lost)
		}
	})
}

func TestLinesKeptBackAreCountedWhenTheStopCannotDeliverThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBinary(t)
		b.sink("net").deliver = func(context.Context, []core.Message) error { return errDown }
		b.joins(nil)
		feed := b.feed("feed")
		r := b.start(t, "join+net://x")
		feed <- lines("a", "b", " c")
		feed <- lines("d", " e")
		if err := r.wait(); err != nil {
			t.Fatal(err)
		}
		// "a" failed, "b c" was kept back, the second batch never read.
		if lost := r.route(t, "join+net").Lost; lost[core.LostShutdown] != 5 {
			t.Errorf("lost %v, want all 5 lines", lost)
		}
	})
}

func TestProcessorThatPanicsOnOneLineLosesOnlyThatLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBinary(t)
		s := b.sink("net")
		var made atomic.Int32
		b.joins(func(j *joiner) {
			made.Add(1)
			j.apply = func(m *core.Message) {
				if m.Data == "poison" {
					panic("cannot join this")
				}
			}
		})
		feed := b.feed("feed")
		r := b.start(t, "join+net://x")
		feed <- lines("a", " 1")
		synctest.Wait() // kept back in the processor that is about to panic
		feed <- lines(" 2", "b", "poison", " 3", "c")
		sleep(2 * time.Minute)
		wantLines(t, s, lines("a 1 2", "b 3", "c"))
		if st := r.route(t, "join+net"); st.Lost[core.LostPanic] != 1 || st.Queue.Lines != 0 || st.Err != "" {
			t.Errorf("status %+v", st)
		}
		before := made.Load()
		feed <- lines("d", "e")
		sleep(time.Minute)
		if err := r.wait(); err != nil {
			t.Fatal(err)
		}
		wantLines(t, s, lines("a 1 2", "b 3", "c", "d", "e"))
		if made.Load() != before {
			t.Error("processors were renewed without a panic")
		}
	})
}

func TestProcessorThatPanicsInFlushLosesWhatItKeptBackAndNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBinary(t)
		s := b.sink("net")
		b.joins(func(j *joiner) {
			j.flush = func() {
				if j.kept != nil && strings.HasPrefix(j.kept.Data, "bad") {
					panic("cannot flush this")
				}
			}
		})
		feed := b.feed("feed")
		r := b.start(t, "join+net://x")
		feed <- lines("a", "bad", " 1")
		sleep(5 * time.Minute)
		feed <- lines("b")
		sleep(5 * time.Minute)
		if err := r.wait(); err != nil {
			t.Fatal(err)
		}
		if got := s.lines(); !slices.Contains(got, "a") || got[len(got)-1] != "b" {
			t.Errorf("delivered %q, want a and b", got)
		}
		if lost := r.route(t, "join+net").Lost; lost[core.LostPanic] != 2 {
			t.Errorf("lost %v, want the 2 lines of the bad record", lost)
		}
	})
}

func TestProcessorThatIsOverdueForEverDoesNotSpin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBinary(t)
		b.sink("net")
		var flushes atomic.Int32
		b.processor("stuck", func(core.Env, *core.Route) (core.Process, error) { return &stuck{flushes: &flushes}, nil })
		feed := b.feed("feed")
		r := b.start(t, "stuck+net://x")
		feed <- lines("a")
		sleep(time.Second)
		if n := flushes.Load(); n > 1100 {
			t.Errorf("%d flushes in a second", n)
		}
		if err := r.wait(); err != nil {
			t.Fatal(err)
		}
	})
}

type stuck struct {
	offset  uint64
	flushes *atomic.Int32
}

func (s *stuck) Apply(dst, in []core.Message, _ time.Time) []core.Message {
	s.offset = in[0].Offset
	return dst
}

func (s *stuck) Flush(dst []core.Message, _ time.Time, _ bool) []core.Message {
	s.flushes.Add(1)
	return dst
}
func (s *stuck) Held() (uint64, time.Time, bool) { return s.offset, time.Time{}, s.offset > 0 }
