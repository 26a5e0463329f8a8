package agent

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/gliderlabs/logspout-builder/core"
	"github.com/gliderlabs/logspout-builder/core/journal"
)

// withholding is an adapter that holds back what it took until a test, or a Close that succeeds, confirms it.
type withholding struct {
	*sink
	mu          sync.Mutex
	safe, taken uint64
	broken      bool  // Confirmed panics
	closing     error // Close's
}

func (b *binary) withholding(name string) *withholding {
	h := &withholding{sink: &sink{}}
	b.adapter(name, func(core.Env, *core.Route) (core.Adapter, error) { return h, nil })
	return h
}

func (h *withholding) Deliver(ctx context.Context, batch []core.Message) error {
	if err := h.sink.Deliver(ctx, batch); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.taken += uint64(len(batch))
	return nil
}

func (h *withholding) Confirmed() (safe, taken uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.broken {
		panic("cannot tell")
	}
	return h.safe, h.taken
}

func (h *withholding) Close(ctx context.Context) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closing == nil {
		h.safe = h.taken
	}
	return errors.Join(h.closing, h.sink.Close(ctx))
}

func (h *withholding) confirm(safe uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.safe = safe
}

func (h *withholding) breakDown(broken bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.broken = broken
}

// saved is the place of the container web in a state directory, "" when there is none.
func saved(t *testing.T, state string) string {
	t.Helper()
	c, err := journal.LoadCheckpoints(filepath.Join(state, "checkpoints.json"))
	if err != nil {
		t.Fatal(err)
	}
	return c["feed"][web.ID]
}

func TestCheckpointsWaitForWhatAdaptersHaveNotConfirmed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBinary(t)
		state := t.TempDir()
		b.env["LOGSPOUT_STATE"] = state
		h, other := b.withholding("held"), b.withholding("other")
		b.sink("plain")
		feed := b.feed("feed")
		r := b.start(t, "held://x", "other://x", "plain://x")
		want := func(when, want string) {
			t.Helper()
			sleep(2 * keepEvery)
			if got := saved(t, state); got != want {
				t.Fatalf("%s: saved %q, want %q", when, got, want)
			}
		}
		feed <- numbered("", 0, 10)
		want("nothing is confirmed", "")
		feed <- numbered("", 10, 20)
		want("nothing is confirmed", "")
		h.confirm(20)
		want("one route has confirmed", "")
		other.confirm(9)
		want("the other has confirmed less than the first batch", "")
		other.confirm(10)
		want("the first batch is confirmed", "9")
		other.confirm(20)
		want("both are", "19")
		if q := r.status().Journal; q.Lines != 0 {
			t.Errorf("%d lines are kept in the journal for adapters that have them", q.Lines)
		}
		feed <- numbered("", 20, 30)
		h.confirm(30)
		want("only one of them again", "19")
		if ok, err := r.table.RemoveRoute(t.Context(), r.route(t, "other").Route.ID); !ok || err != nil {
			t.Fatal(ok, err)
		}
		want("the other route is removed", "29")
		if err := r.wait(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestStopSavesWhatClosingConfirms(t *testing.T) {
	for name, row := range map[string]struct {
		closing error
		want    string
	}{
		"confirmed": {nil, "29"},
		"not":       {errors.New("the last 10 records may not have arrived"), "19"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBinary(t)
				state := t.TempDir()
				b.env["LOGSPOUT_STATE"] = state
				h := b.withholding("held")
				h.closing = row.closing
				feed := b.feed("feed")
				r := b.start(t, "held://x")
				feed <- numbered("", 0, 20)
				sleep(2 * keepEvery)
				h.confirm(20)
				sleep(2 * keepEvery)
				feed <- numbered("", 20, 30)
				started := time.Now()
				if err := r.wait(); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(started); took > time.Second {
					t.Errorf("the stop took %s", took)
				}
				if got := saved(t, state); got != row.want {
					t.Errorf("saved %q, want %q", got, row.want)
				}
				if told := strings.Contains(b.stderr.String(), "has not confirmed"); told != (row.closing != nil) {
					t.Errorf("the log tells of it: %v", told)
				}
			})
		})
	}
}

func TestAdapterThatCannotTellHoldsCheckpointsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBinary(t)
		state := t.TempDir()
		b.env["LOGSPOUT_STATE"] = state
		h := b.withholding("held")
		h.breakDown(true)
		feed := b.feed("feed")
		r := b.start(t, "held://x")
		for i := range 30 {
			feed <- numbered("", 10*i, 10*i+10)
			sleep(keepEvery)
		}
		if got := saved(t, state); got != "" {
			t.Errorf("saved %q, and nobody has confirmed it", got)
		}
		if n := strings.Count(b.stderr.String(), "does not tell what is confirmed"); n < 1 || n > 5 {
			t.Errorf("%d lines in the log about it", n)
		}
		h.breakDown(false)
		h.confirm(300)
		feed <- numbered("", 300, 310)
		h.confirm(310)
		sleep(2 * keepEvery)
		if got := saved(t, state); got != "309" {
			t.Errorf("saved %q once it can tell, want 309", got)
		}
		if err := r.wait(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestBeginningIsSavedBeforeAnythingIsConfirmed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBinary(t)
		state := t.TempDir()
		b.env["LOGSPOUT_STATE"], b.env["LOGSPOUT_BATCH_LINES"] = state, "10"
		h := b.withholding("held")
		h.deliver = func(_ context.Context, batch []core.Message) error {
			if batch[0].Data == "10" {
				return errDown
			}
			return nil
		}
		b.router("feed", func(ctx context.Context, in core.Intake) error {
			err := in.Append(ctx, nil, core.Position{Key: web.ID, Value: "begin"})
			for i := range 2 {
				err = errors.Join(err, in.Append(ctx, numbered("", 10*i, 10*i+10), core.Position{Key: web.ID, Value: strconv.Itoa(i)}))
			}
			<-ctx.Done()
			return err
		})
		r := b.start(t, "held://x")
		sleep(2 * keepEvery)
		if got := saved(t, state); got != "begin" {
			t.Errorf("saved %q, want the place where reading began", got)
		}
		h.confirm(10)
		sleep(2 * keepEvery)
		if got := saved(t, state); got != "0" {
			t.Errorf("saved %q, want the place behind the first batch", got)
		}
		if err := r.wait(); err != nil {
			t.Fatal(err)
		}
	})
}

// The checkpoints that are confirmed against a model that remembers all there ever were.
func TestConfirmedCheckpointsAgreeWithTheirModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type moment struct {
			value int
			taken []uint64
		}
		holders := []*withholding{{sink: &sink{}}, {sink: &sink{}}}
		var routes []*route
		for _, h := range holders {
			routes = append(routes, &route{dest: &destination{adapter: h}, log: slog.New(slog.DiscardHandler)})
		}
		removed := make([]bool, len(routes))
		r := reached{confirmed: journal.Checkpoints{}}
		value, last := 0, -1
		var moments []moment
		ok := func(m moment) bool {
			for i, h := range holders {
				if h.safe < m.taken[i] && !removed[i] {
					return false
				}
			}
			return true
		}
		tick := func(t *rapid.T) {
			var running []*route
			m := moment{value: value}
			for i, h := range holders {
				m.taken = append(m.taken, h.taken)
				if !removed[i] {
					running = append(running, routes[i])
				}
			}
			moments = append(moments, m)
			r.add(journal.Checkpoints{"in": {"key": strconv.Itoa(value)}}, running)
			got := -1
			if text := r.settle()["in"]["key"]; text != "" {
				got, _ = strconv.Atoi(text)
			}
			best := -1
			for _, m := range moments {
				if ok(m) {
					best = max(best, m.value)
				}
			}
			if got < last || got > best {
				t.Fatalf("checkpoint %d after %d: the newest that is confirmed is %d", got, last, best)
			}
			if best == value && got != value {
				t.Fatalf("checkpoint %d, although all up to %d is confirmed", got, value)
			}
			if len(r.waiting) > mostWaiting {
				t.Fatalf("%d checkpoints wait", len(r.waiting))
			}
			last = got
		}
		t.Repeat(map[string]func(*rapid.T){
			"deliver": func(t *rapid.T) {
				value += rapid.IntRange(0, 3).Draw(t, "lines")
				for _, h := range holders {
					h.taken += uint64(rapid.IntRange(0, 3).Draw(t, "taken"))
				}
			},
			"confirm": func(t *rapid.T) {
				h := rapid.SampledFrom(holders).Draw(t, "holder")
				h.safe = rapid.Uint64Range(h.safe, h.taken).Draw(t, "safe")
			},
			"remove": func(t *rapid.T) {
				i := rapid.IntRange(0, 20).Draw(t, "route")
				if i < len(routes) {
					removed[i] = true
					routes[i].removed.Store(true)
				}
			},
			"": tick,
		})
		for _, h := range holders {
			h.safe = h.taken
		}
		tick(t)
	})
}

func TestCheckpointsFollowAConfirmationThatComesAMinuteLater(t *testing.T) {
	synctest.Test(t, func(*testing.T) {
		h := &withholding{sink: &sink{}}
		routes := []*route{{dest: &destination{adapter: h}}}
		r := reached{confirmed: journal.Checkpoints{}}
		const behind = 60
		worst := 0
		for second := range 1000 {
			h.taken = uint64(second)
			h.safe = uint64(max(0, second-behind))
			r.add(journal.Checkpoints{"in": {"key": strconv.Itoa(second)}}, routes)
			at, _ := strconv.Atoi(r.settle()["in"]["key"])
			if second > 2*behind {
				worst = max(worst, second-at)
			}
			time.Sleep(time.Second)
		}
		if worst > behind+15 {
			t.Errorf("checkpoints are up to %d s behind, where confirmations are %d s behind", worst, behind)
		}
		t.Logf("up to %d s behind", worst)
	})
}
