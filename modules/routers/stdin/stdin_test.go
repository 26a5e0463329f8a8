package stdin

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/gliderlabs/logspout-builder/core"
)

// recorder is an intake that keeps what it is given.
type recorder struct {
	env    core.Env
	mu     sync.Mutex
	got    []core.Message
	counts map[string]uint64
	err    error
}

func newRecorder(t *testing.T, input io.Reader, vars core.Vars) *recorder {
	t.Helper()
	return &recorder{
		env:    core.Env{Vars: vars, Stdin: input, Logger: slog.New(slog.NewTextHandler(t.Output(), nil))},
		counts: map[string]uint64{},
	}
}

func (r *recorder) Env() core.Env { return r.env }

func (r *recorder) Append(_ context.Context, batch []core.Message, _ core.Position) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = append(r.got, batch...)
	return nil
}

func (r *recorder) Position(string) (string, bool) { return "", false }
func (r *recorder) Keys() []string                 { return nil }
func (r *recorder) Forget(string)                  {}
func (r *recorder) Report(err error)               { r.err = err }

func (r *recorder) Count(name string, n uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counts[name] += n
}

func (r *recorder) lines() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []string
	for _, m := range r.got {
		out = append(out, m.Data)
	}
	return out
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestEveryLineArrivesInOrderAndTheLastOneWithoutLineFeedToo(t *testing.T) {
	in := newRecorder(t, strings.NewReader("one\n\ntwo\r\nthree"), nil)
	if err := New().Run(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	if got, want := in.lines(), []string{"one", "", "two", "three"}; !slices.Equal(got, want) {
		t.Fatalf("got %q, want %q", got, want)
	}
	keys := map[string]bool{}
	for _, m := range in.got {
		if m.Source != "stdin" || m.Container.Name != "/stdin" || m.Container.Config.Hostname == "" || time.Since(m.Time) > time.Minute {
			t.Errorf("unexpected message %+v of %+v", m, m.Container)
		}
		keys[m.Key()] = true
	}
	if len(keys) != 4 {
		t.Errorf("4 lines have %d different keys", len(keys))
	}
}

func TestLineOverTheLimitComesInCountedPieces(t *testing.T) {
	long := strings.Repeat("x", 2500)
	in := newRecorder(t, strings.NewReader("a\n"+long+"\n"+long[:1024]+"\n"+long), core.Vars{"LOGSPOUT_MAX_LINE": "1k"})
	if err := New().Run(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	want := []string{"a", long[:1024], long[:1024], long[:452], long[:1024], long[:1024], long[:1024], long[:452]}
	if got := in.lines(); !slices.Equal(got, want) {
		t.Fatalf("got %d pieces %.60q", len(got), got)
	}
	if in.counts["split_lines"] != 2 {
		t.Errorf("counted %v, want 2 split_lines", in.counts)
	}
}

func TestChunkBordersDoNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		input := strings.Join(rapid.SliceOf(rapid.StringMatching(`[a-c]{0,12}(\n|\r\n)?`)).Draw(t, "input"), "")
		split := func(sizes func(left int) int) []string {
			s := splitter{limit: 4}
			for rest := input; rest != ""; {
				n := sizes(len(rest))
				s.write([]byte(rest[:n]), time.Unix(1, 0))
				rest = rest[n:]
			}
			var out []string
			for _, m := range s.batch {
				out = append(out, m.Data)
			}
			return append(out, "rest "+string(s.rest))
		}
		whole := split(func(left int) int { return left })
		chunked := split(func(left int) int { return rapid.IntRange(1, left).Draw(t, "n") })
		if !slices.Equal(whole, chunked) {
			t.Fatalf("in one chunk %q, in several %q", whole, chunked)
		}
	})
}

func TestStopsAtOnceWhileInputBlocks(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	in := newRecorder(t, r, nil)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- New().Run(ctx, in) }()
	fmt.Fprint(w, "whole\nhalf")
	for deadline := time.Now().Add(5 * time.Second); len(in.lines()) == 0 && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	cancel()
	select {
	case err := <-done:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("Run did not return")
	}
	if got, want := in.lines(), []string{"whole", "half"}; !slices.Equal(got, want) {
		t.Fatalf("got %q, want %q", got, want)
	}
}

func TestBrokenInputIsReportedAndWhatCameBeforeIsKept(t *testing.T) {
	in := newRecorder(t, io.MultiReader(strings.NewReader("kept"), iotestErr{}), nil)
	if err := New().Run(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	if got := in.lines(); !slices.Equal(got, []string{"kept"}) || in.err == nil {
		t.Fatalf("got %q, reported %v", got, in.err)
	}
}

type iotestErr struct{}

func (iotestErr) Read([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestCheckRefusesALimitThatCannotBe(t *testing.T) {
	for _, v := range []string{"10", "-1", "many", "2g"} {
		if err := New().Check(core.Env{Vars: core.Vars{"LOGSPOUT_MAX_LINE": v}}); err == nil {
			t.Errorf("LOGSPOUT_MAX_LINE=%s was accepted", v)
		}
	}
	if err := New().Check(core.Env{}); err != nil {
		t.Error(err)
	}
}
