package agent

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gliderlabs/logspout-builder/core"
)

// wait polls until the log has that text.
func (b *buffer) wait(t *testing.T, text string) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if strings.Contains(b.String(), text) {
			return
		}
	}
	t.Fatalf("%q never came in\n%s", text, b.String())
}

func TestStateThatCannotBeWrittenIsToldOfOnceAndTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBinary(t)
		state := filepath.Join(t.TempDir(), "state")
		b.env["LOGSPOUT_STATE"] = state
		b.sink("net")
		feed := b.feed("feed")
		r := b.start(t, "net://x")
		synctest.Wait()
		if err := os.RemoveAll(state); err != nil {
			t.Fatal(err)
		}
		feed <- numbered("", 0, 10)
		sleep(9 * time.Second)
		if n := strings.Count(b.stderr.String(), "saving checkpoints failed"); n != 1 {
			t.Errorf("told of it %d times", n)
		}
		if err := os.Mkdir(state, 0o700); err != nil {
			t.Fatal(err)
		}
		sleep(2 * time.Second)
		if !strings.Contains(b.stderr.String(), "saving checkpoints works again") {
			t.Error("the end of it is not told of")
		}
		if _, err := os.Stat(filepath.Join(state, "checkpoints.json")); err != nil {
			t.Error(err)
		}
		if err := r.wait(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestRouteThatCannotBeKeptIsNotAdded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBinary(t)
		b.env["ROUTESPATH"] = filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(b.env["ROUTESPATH"], nil, 0o600); err != nil {
			t.Fatal(err)
		}
		s := b.sink("net")
		b.feed("feed")
		r := b.start(t)
		synctest.Wait()
		if _, err := r.table.AddRoute(t.Context(), &core.Route{Adapter: "net"}); err == nil || len(r.table.Routes()) != 0 {
			t.Errorf("error %v, routes %v", err, r.table.Routes())
		}
		if s.closed != 1 {
			t.Errorf("its adapter was closed %d times", s.closed)
		}
		if err := r.wait(); err != nil {
			t.Fatal(err)
		}
	})
}

// BenchmarkDelivery measures the way of a line from the intake's Append through the journal, a filter and a delivery loop
// to an adapter that does nothing; the floor copies the lines, looks at the filter and calls the adapter.
func BenchmarkDelivery(b *testing.B) {
	b.Run("floor", func(b *testing.B) {
		batch := numbered(strings.Repeat("x", 120), 0, 200)
		filter := core.Filter{Name: "w*"}
		var kept []core.Message
		for b.Loop() {
			kept = kept[:0]
			for i := range batch {
				if filter.Match(&batch[i]) {
					kept = append(kept, batch[i])
				}
			}
			_ = null{}.Deliver(b.Context(), kept)
		}
		b.ReportMetric(float64(b.N*len(batch))/b.Elapsed().Seconds(), "lines/s")
	})
	for _, routes := range []int{1, 4} {
		b.Run(map[int]string{1: "one route", 4: "four routes"}[routes], func(b *testing.B) {
			bin := &binary{env: map[string]string{"ROUTESPATH": b.TempDir()}}
			bin.sys.hostname = b.TempDir()
			bin.ext.adapters = map[string]extension[core.AdapterFactory]{}
			bin.ext.routers = map[string]extension[core.LogRouter]{}
			bin.adapter("null", func(core.Env, *core.Route) (core.Adapter, error) { return null{}, nil })
			batch := numbered(strings.Repeat("x", 120), 0, 200)
			bin.router("feed", func(ctx context.Context, in core.Intake) error {
				for b.Loop() {
					if err := in.Append(ctx, append([]core.Message(nil), batch...), core.Position{Key: "c0ffee", Value: "1"}); err != nil {
						return err
					}
				}
				return nil
			})
			uri := strings.TrimSuffix(strings.Repeat("null://x?full=block&filter.name=w*,", routes), ",")
			b.ReportAllocs()
			if code := bin.run(b.Context(), uri); code != exitOK {
				b.Fatal(bin.stderr.String())
			}
			b.ReportMetric(float64(b.N*len(batch))/b.Elapsed().Seconds(), "lines/s")
		})
	}
}

type null struct{}

func (null) Deliver(context.Context, []core.Message) error { return nil }
func (null) Close(context.Context) error                   { return nil }
