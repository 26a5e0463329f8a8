package journal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gliderlabs/logspout-builder/core"
)

// TestManyIntakesAndCursorsAgree lets containers be appended and read at the same time, under a bound that is reached all the time, and
// accounts for every line of every container on every route.
func TestManyIntakesAndCursorsAgree(t *testing.T) {
	const containers, perContainer = 8, 2000
	j := New(Options{MemoryBytes: 128 << 10})
	routes := []*Cursor{
		j.Open(CursorOptions{Name: "a", Full: Drop}), j.Open(CursorOptions{Name: "b", Full: Drop}),
		j.Open(CursorOptions{Name: "never commits", Full: Drop}),
		j.Open(CursorOptions{Name: "live", Full: Detach}),
	}
	var intakes, readers sync.WaitGroup
	for n := range containers {
		c := &core.Container{ID: strconv.Itoa(n)}
		intakes.Go(func() {
			for i := 0; i < perContainer; {
				size := min(1+rand.IntN(40), perContainer-i)
				batch := lines("", i, size)
				for k := range batch {
					batch[k].Container = c
				}
				i += size
				if err := j.Append(t.Context(), "in", batch, core.Position{Key: c.ID, Value: strconv.Itoa(i)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for _, r := range routes {
		readers.Go(func() {
			next := map[*core.Container]int{}
			read, skipped := uint64(0), uint64(0)
			var buf []core.Message
			for {
				var err error
				buf, err = r.Read(t.Context(), buf[:0], 100, 0)
				if errors.Is(err, io.EOF) || r.full == Detach && errors.Is(err, core.ErrLate) {
					break
				}
				if err != nil {
					t.Error(err)
					return
				}
				for _, m := range buf {
					i, _ := strconv.Atoi(m.Data)
					if i < next[m.Container] {
						t.Errorf("%s: line %d after line %d", r.Name(), i, next[m.Container]-1)
					}
					skipped += uint64(i - next[m.Container])
					next[m.Container] = i + 1
					read++
				}
				if r.Name() != "never commits" {
					r.Commit(buf[len(buf)-1].Offset + 1)
				}
				j.Status()
				r.Queue()
			}
			if all := uint64(containers * perContainer); r.full == Drop && read+r.Lost() != all {
				t.Errorf("%s: %d read and %d lost of %d (%d gaps)", r.Name(), read, r.Lost(), all, skipped)
			}
		})
	}
	intakes.Wait()
	j.Close()
	readers.Wait()
}

func TestAppendersThatWaitAreServedInTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := New(Options{MemoryBytes: 8 << 10})
		c := j.Open(CursorOptions{Full: Block})
		appendLines(t, j, "", "", lines("x", 0, 1))
		j.mu.Lock()
		j.maxBytes = j.bytes + 8 // full: one line has room
		j.mu.Unlock()
		const waiting = 20
		for i := range waiting {
			go func() {
				if err := j.Append(t.Context(), "in", lines("w", i, 1), core.Position{}); err != nil {
					t.Error(err)
				}
			}()
			synctest.Wait()
		}
		gaveUp, cancel := context.WithCancel(t.Context())
		result := make(chan error, 1)
		go func() { result <- j.Append(gaveUp, "in", lines("gave up ", 0, 1), core.Position{Key: "k", Value: "v"}) }()
		synctest.Wait()
		cancel()
		if err := <-result; !errors.Is(err, context.Canceled) {
			t.Errorf("Append whose context has ended = %v", err)
		}
		if _, ok := j.Position("in", "k"); ok {
			t.Error("an Append that gave up left its position")
		}
		c.Commit(read(t, c, 0, 0)[0].Offset + 1)
		for i := range waiting {
			synctest.Wait()
			got := read(t, c, 1, 0)
			if want := fmt.Sprint("w", i); got[0].Data != want {
				t.Fatalf("read %q, want %q", got[0].Data, want)
			}
			c.Commit(got[0].Offset + 1)
		}
	})
}

func TestRoomThatComesFreeServesAllWhoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := New(Options{MemoryBytes: 16 << 10})
		c := j.Open(CursorOptions{Full: Block})
		put := func(data string) {
			if err := j.Append(t.Context(), "in", []core.Message{{Container: web, Data: data}}, core.Position{}); err != nil {
				t.Error(err)
			}
		}
		put(strings.Repeat("x", 15<<10))
		go put(strings.Repeat("y", 8<<10))
		synctest.Wait()
		for range 5 {
			go put("small: there is room for it, but it is not its turn")
		}
		synctest.Wait()
		if n := c.Queue().Lines; n != 1 {
			t.Errorf("%d lines were appended, want 1", n)
		}
		c.Commit(read(t, c, 0, 0)[0].Offset + 1)
		synctest.Wait()
		got := read(t, c, 0, 0)
		if len(got) != 6 || got[0].Data[0] != 'y' {
			t.Errorf("%d lines were appended, the first of them %.10q: want 6, the one that waited longest first", len(got), got[0].Data)
		}
	})
}

func TestAppendThatWaitsEndsWithItsJournalOrTheCursorThatBlocks(t *testing.T) {
	for _, how := range []string{"close journal", "close cursor", "commit behind another cursor"} {
		t.Run(how, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				j := New(Options{MemoryBytes: 4 << 10})
				j.Open(CursorOptions{Full: Drop})
				c := j.Open(CursorOptions{Full: Block})
				result := make(chan error, 1)
				go func() { result <- j.Append(t.Context(), "in", lines("x", 0, 100), core.Position{}) }()
				synctest.Wait()
				var want error
				switch how {
				case "close journal":
					want = ErrClosed
					j.Close()
				case "close cursor":
					c.Close()
				default:
					for n := 0; n < 100; synctest.Wait() {
						got := read(t, c, 0, 0)
						n += len(got)
						for _, m := range got { // the other cursor is behind all the time
							c.Commit(m.Offset + 1)
							synctest.Wait()
						}
					}
				}
				if err := <-result; !errors.Is(err, want) {
					t.Errorf("Append = %v, want %v", err, want)
				}
			})
		})
	}
}

func TestReadWaitsForALineForItsContextOrForTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := New(Options{})
		for name, act := range map[string]struct {
			f    func(c *Cursor, cancel func())
			want error
		}{
			"line":   {func(*Cursor, func()) { appendLines(t, j, "", "", lines("x", 0, 1)) }, nil},
			"cancel": {func(_ *Cursor, cancel func()) { cancel() }, context.Canceled},
			"close":  {func(c *Cursor, _ func()) { c.Close() }, ErrClosed},
		} {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			c := j.Open(CursorOptions{From: Newest})
			result := make(chan error, 1)
			go func() {
				_, err := c.Read(ctx, nil, 0, 0)
				result <- err
			}()
			synctest.Wait()
			select {
			case err := <-result:
				t.Errorf("%s: Read returned %v before there was anything", name, err)
				continue
			default:
			}
			act.f(c, cancel)
			if err := <-result; !errors.Is(err, act.want) {
				t.Errorf("%s: Read = %v, want %v", name, err, act.want)
			}
			c.Close()
			if len(j.readers) > 0 || len(j.cursors) > 0 {
				t.Errorf("%s: %d readers and %d cursors are left", name, len(j.readers), len(j.cursors))
			}
		}
		c := j.Open(CursorOptions{From: Newest})
		result := make(chan error, 1)
		go func() {
			_, err := c.Read(t.Context(), nil, 0, 0)
			result <- err
		}()
		synctest.Wait()
		j.Close()
		if err := <-result; !errors.Is(err, io.EOF) {
			t.Errorf("Read of a journal that was closed = %v", err)
		}
	})
}

func TestQueueTellsWhenItsOldestLineWasAppended(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := New(Options{})
		c := j.Open(CursorOptions{})
		start := time.Now()
		for i := range 3 {
			appendLines(t, j, "", "", lines("x", i, 2))
			time.Sleep(time.Second)
		}
		for i, m := range read(t, c, 0, 0) {
			if got, want := c.Queue().Oldest, start.Add(time.Duration(i/2)*time.Second); !got.Equal(want) {
				t.Errorf("oldest before the commit of line %d = %s, want %s", i, got, want)
			}
			c.Commit(m.Offset + 1)
		}
		if got := c.Queue().Oldest; !got.IsZero() {
			t.Errorf("oldest of nothing = %s", got)
		}
	})
}

// TestPositionsStayBoundedWhileLinesAreInFlight: a destination hangs with a batch in flight while the log passes it by; the memory for
// positions stays bounded, the checkpoint never runs ahead, and catches up once the batch is committed.
func TestPositionsStayBoundedWhileLinesAreInFlight(t *testing.T) {
	j := New(Options{MemoryBytes: 16 << 10})
	c := j.Open(CursorOptions{})
	const keys, rounds = 10, 5000
	put := func(i int) { appendLines(t, j, strconv.Itoa(i%keys), strconv.Itoa(i), lines("line ", i, 1)) }
	put(0)
	hung := read(t, c, 0, 0)
	for i := 1; i < rounds; i++ {
		put(i)
		if n := len(j.limbo); n > j.maxLimbo+1 {
			t.Fatalf("%d marks wait", n)
		}
	}
	if got := j.Checkpoints(); len(got) > 0 {
		t.Errorf("checkpoints = %v while the first line is in flight", got)
	}
	if lost, queue := c.Lost(), c.Queue().Lines; lost+queue != rounds || queue == 0 {
		t.Errorf("%d lost and %d pending, want %d together", lost, queue, rounds)
	}
	c.Commit(hung[0].Offset + 1)
	oldest := read(t, c, 1, 0)[0]
	for key, value := range j.Checkpoints()["docker"] {
		n, _ := strconv.Atoi(value)
		if first, _ := strconv.Atoi(oldest.Data[len("line "):]); n >= first || n < first-keys || strconv.Itoa(n%keys) != key {
			t.Errorf("checkpoint of %s = %s, the oldest line that is there is %q", key, value, oldest.Data)
		}
	}
	if n := len(j.Checkpoints()["docker"]); n != keys {
		t.Errorf("%d checkpoints, want %d", n, keys)
	}
}
