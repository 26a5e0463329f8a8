package journal

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/gliderlabs/logspout-builder/core"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var web = &core.Container{ID: "c0ffee", Name: "/web"}

// lines makes a batch of lines "<prefix><first>" and on.
func lines(prefix string, first, n int) []core.Message {
	batch := make([]core.Message, n)
	for i := range batch {
		batch[i] = core.Message{Container: web, Source: "stdout", Data: fmt.Sprint(prefix, first+i), Time: time.Unix(1, 0)}
	}
	return batch
}

func appendLines(t *testing.T, j *Journal, key, value string, batch []core.Message) {
	t.Helper()
	if err := j.Append(t.Context(), "docker", batch, core.Position{Key: key, Value: value}); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, c *Cursor, maxLines, maxBytes int) []core.Message {
	t.Helper()
	got, err := c.Read(t.Context(), nil, maxLines, maxBytes)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestEveryCursorReadsEveryLineInOrder(t *testing.T) {
	j := New(Options{})
	a, b := j.Open(CursorOptions{Name: "a"}), j.Open(CursorOptions{Name: "b"})
	appendLines(t, j, "web", "1", lines("line ", 0, 3))
	appendLines(t, j, "web", "2", lines("line ", 3, 4))
	for _, c := range []*Cursor{a, b} {
		next := 0
		for next < 7 {
			for _, m := range read(t, c, 2, 0) {
				if want := fmt.Sprint("line ", next); m.Data != want {
					t.Fatalf("cursor %s read %q, want %q", c.Name(), m.Data, want)
				}
				next++
				c.Commit(m.Offset + 1)
			}
		}
		if q := c.Queue(); q != (core.QueueStatus{}) {
			t.Errorf("queue of %s = %+v, want nothing", c.Name(), q)
		}
	}
	if s := j.Status(); s.Bytes != 0 || s.Lines != 0 {
		t.Errorf("journal holds %+v after all is committed", s)
	}
	if got := j.Checkpoints()["docker"]["web"]; got != "2" {
		t.Errorf("checkpoint = %q, want 2", got)
	}
}

func TestClosedJournalIsReadToItsEnd(t *testing.T) {
	j := New(Options{})
	c := j.Open(CursorOptions{})
	appendLines(t, j, "web", "1", lines("line ", 0, 3))
	j.Close()
	if err := j.Append(t.Context(), "docker", lines("x", 0, 1), core.Position{}); !errors.Is(err, ErrClosed) {
		t.Errorf("Append after Close = %v, want ErrClosed", err)
	}
	if got := len(read(t, c, 0, 0)); got != 3 {
		t.Errorf("read %d lines, want 3", got)
	}
	if _, err := c.Read(t.Context(), nil, 0, 0); !errors.Is(err, io.EOF) {
		t.Errorf("Read at the end = %v, want io.EOF", err)
	}
	c.Close()
	if got, ok := j.Checkpoints()["docker"]["web"]; ok {
		t.Errorf("checkpoint = %q: a cursor closed after its journal must stay behind what it has not committed", got)
	}
}

func TestBlockingCursorMakesAppendWaitUntilItCommits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := New(Options{MemoryBytes: 8 << 10})
		c := j.Open(CursorOptions{Full: Block})
		const all = 300
		go func() {
			for i := range all {
				appendLines(t, j, "web", strconv.Itoa(i), lines("line ", i, 1))
			}
			j.Close()
		}()
		n := 0
		for {
			synctest.Wait()
			if s := j.Status(); s.Bytes > s.MaxBytes {
				t.Fatalf("journal holds %d bytes of %d", s.Bytes, s.MaxBytes)
			}
			got, err := c.Read(t.Context(), nil, 7, 0)
			if errors.Is(err, io.EOF) {
				break
			}
			for _, m := range got {
				if want := fmt.Sprint("line ", n); m.Data != want {
					t.Fatalf("read %q, want %q", m.Data, want)
				}
				n++
			}
			c.Commit(got[len(got)-1].Offset + 1)
		}
		if n != all || c.Lost() != 0 {
			t.Errorf("read %d of %d lines, lost %d", n, all, c.Lost())
		}
	})
}

func TestPositionWithoutLinesTakesEffectWhenItsRoomDropsAllThatWaits(t *testing.T) {
	j := New(Options{MemoryBytes: 2 << 10})
	c := j.Open(CursorOptions{})
	appendLines(t, j, "a", "1", []core.Message{{Container: web, Data: strings.Repeat("x", 1700)}})
	appendLines(t, j, "b", "2", nil)
	if c.Lost() != 1 {
		t.Errorf("lost = %d, want 1", c.Lost())
	}
	if got := j.Checkpoints()["docker"]; got["a"] != "1" || got["b"] != "2" {
		t.Errorf("checkpoints = %v: nothing is pending", got)
	}
	if s := j.Status(); s.Bytes != 0 {
		t.Errorf("%d bytes are held for nothing", s.Bytes)
	}
}

func TestPiecesOfAHugeBatchDoNotKeepItsMemory(t *testing.T) {
	j := New(Options{MemoryBytes: 64 << 10})
	j.Open(CursorOptions{})
	batch := lines("line ", 0, 100)
	appendLines(t, j, "", "", batch)
	if n := len(j.segments); n < 2 {
		t.Fatalf("%d segments, want several", n)
	}
	for _, s := range j.segments {
		if first := &s.runs[0].messages[0]; first == &batch[s.first-1] {
			t.Errorf("the segment from %d on lies in the batch's own memory", s.first)
		}
	}
}

func TestMemoryIsBoundedByTheLinesThemselves(t *testing.T) {
	j := New(Options{MemoryBytes: 1 << 20})
	c := j.Open(CursorOptions{})
	appendLines(t, j, "a", "1", lines("before ", 0, 10))
	appendLines(t, j, "a", "2", []core.Message{{Container: web, Data: strings.Repeat("x", 2<<20)}})
	if c.Lost() != 1 || c.Queue().Lines != 10 {
		t.Errorf("lost = %d, pending = %d: want the huge line lost, and the others kept", c.Lost(), c.Queue().Lines)
	}
	appendLines(t, j, "a", "3", []core.Message{{Container: web, Data: strings.Repeat("x", 1<<20-1000)}})
	if c.Lost() != 11 || c.Queue().Lines != 1 {
		t.Errorf("lost = %d, pending = %d: want all but the large line lost", c.Lost(), c.Queue().Lines)
	}
}
