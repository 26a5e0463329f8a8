package stream_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gliderlabs/logspout-builder/core/stream"
)

func newStream(tb testing.TB, c stream.Config) *stream.Stream {
	tb.Helper()
	s := stream.New(c)
	tb.Cleanup(func() { closeStream(tb, s) })
	return s
}

func TestNothingIsLostWhenThePeerIsKilledAgainAndAgain(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	w := &writer{t: t, s: newStream(t, stream.Config{Dial: p.dial}), pad: strings.Repeat("x", 200)}
	for range 5 {
		for range 100 {
			w.write(100)
		}
		p.kill()
		p.start()
	}
	eventually(t, "all records", func() bool { return complete(p.received(), w.next) })
	inOrderOfSessions(t, p.received())
	if w.s.Replayed() == 0 {
		t.Error("nothing was replayed: the peer died with nothing unread, the test shows nothing")
	}
}

func TestNothingIsLostInAnOutageOfTwoSeconds(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	w := &writer{t: t, s: newStream(t, stream.Config{Dial: p.dial}), pad: strings.Repeat("x", 100)}
	w.write(5000)
	p.kill()
	back := time.AfterFunc(2*time.Second, p.start)
	defer back.Stop()
	for range 50 {
		w.write(100)
	}
	eventually(t, "all records", func() bool { return complete(p.received(), w.next) })
}

func TestNothingIsLostWhenAStalledPeerDies(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	s := newStream(t, stream.Config{Dial: p.dial, Window: time.Millisecond, ResetWindow: 200 * time.Millisecond})
	w := &writer{t: t, s: s, pad: strings.Repeat("x", 1000)}
	w.write(10)
	eventually(t, "the first records", func() bool { return complete(p.received(), 10) })
	p.pause()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 200 {
			w.write(100) // 20 MB: more than all buffers together, so this stalls too
		}
	}()
	select {
	case <-done:
		t.Fatal("20 MB were written to a peer that reads nothing")
	case <-time.After(1500 * time.Millisecond): // far more than the window, which must not run meanwhile
	}
	p.kill()
	p.start()
	<-done
	eventually(t, "all records", func() bool { return complete(p.received(), w.next) })
}

func TestFirstRecordAfterAnOrderlyEndIsNotLost(t *testing.T) {
	t.Parallel()
	for _, wait := range []time.Duration{0, 100 * time.Millisecond} {
		p := newPeer(t)
		w := &writer{t: t, s: newStream(t, stream.Config{Dial: p.dial}), pad: "x"}
		for i := range 5 {
			w.write(1)
			eventually(t, "a record", func() bool { return complete(p.received(), i+1) })
			p.mu.Lock()
			for c := range p.conns {
				_ = c.Close()
			}
			p.mu.Unlock()
			<-time.After(wait)
		}
		w.write(1)
		eventually(t, "all records", func() bool { return complete(p.received(), w.next) })
	}
}

func TestWhatADeadPeerHadNotReadIsRepeatedWithoutAnotherWrite(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	w := &writer{t: t, s: newStream(t, stream.Config{Dial: p.dial}), pad: "x"}
	w.write(1)
	eventually(t, "a record", func() bool { return complete(p.received(), 1) })
	p.pause()
	w.write(100)
	p.kill()
	p.start()
	eventually(t, "all records", func() bool { return complete(p.received(), w.next) })
}

func TestResetRepeatsOnlyWhatTheReceiveBufferMayHold(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	s := newStream(t, stream.Config{Dial: p.dial, Window: 200 * time.Millisecond})
	w := &writer{t: t, s: s, pad: strings.Repeat("x", 1000)}
	for range 60 { // 6 MB in a second, read at once, in one connection whose window so stays small
		w.write(100)
		eventually(t, "the records", func() bool { return len(p.received()) >= w.next })
		<-time.After(15 * time.Millisecond)
	}
	<-time.After(time.Second)
	p.kill()
	p.start()
	w.write(1)
	eventually(t, "all records", func() bool { return complete(p.received(), w.next) })
	if again := s.Replayed(); again == 0 || again > 4<<20 {
		t.Errorf("%d bytes were repeated of 6 MB", again)
	}
}

func TestOnlyTheWindowIsRepeated(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	s := newStream(t, stream.Config{Dial: p.dial, Window: 200 * time.Millisecond, ResetWindow: 700 * time.Millisecond})
	w := &writer{t: t, s: s, pad: "x"}
	w.write(1000)
	eventually(t, "the first records", func() bool { return complete(p.received(), 1000) })
	<-time.After(1600 * time.Millisecond)
	p.kill()
	p.start()
	w.write(10)
	eventually(t, "all records", func() bool { return complete(p.received(), w.next) })
	if n := len(p.received()); n != w.next {
		t.Errorf("%d lines for %d records: old ones came again", n, w.next)
	}
}

func TestInterruptedWriteGoesOnInsideOfTheRecord(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	s := newStream(t, stream.Config{Dial: p.dial})
	w := &writer{t: t, s: s, pad: strings.Repeat("x", 3000)}
	w.write(1)
	p.pause()
	var buf []byte
	var ends []int
	for i := range 8000 { // 24 MB
		buf = append(append(buf, []byte(strings.Repeat("0", 4-len(itoa(i+1)))+itoa(i+1)+" ")...), []byte(w.pad+"\n")...)
		ends = append(ends, len(buf))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	taken, err := s.Write(ctx, buf, ends)
	if !errors.Is(err, context.DeadlineExceeded) || taken == 0 || taken == len(ends) {
		t.Fatalf("taken %d, error %v", taken, err)
	}
	p.resume()
	w.next = taken + 1
	w.write(1)
	eventually(t, "all records", func() bool { return complete(p.received(), w.next) })
	inOrder(t, p.received())
	if n := len(p.received()); n != w.next {
		t.Errorf("%d lines for %d records", n, w.next)
	}
}

func TestCloseWaitsForThePeerAndSaysGoodBye(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	s := stream.New(stream.Config{Dial: p.dial})
	w := &writer{t: t, s: s, pad: strings.Repeat("x", 1000)}
	w.write(1)
	p.pause()
	time.AfterFunc(300*time.Millisecond, p.resume)
	w.write(1000)
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "all records", func() bool { return complete(p.received(), w.next) })
	eventually(t, "an orderly end", func() bool { p.mu.Lock(); defer p.mu.Unlock(); return p.ends == 1 })
	inOrder(t, p.received())
	if _, err := s.Write(t.Context(), []byte("x\n"), []int{2}); !errors.Is(err, stream.ErrClosed) {
		t.Errorf("write after close: %v", err)
	}
}

func TestCloseFinishesAnInterruptedRecord(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	s := stream.New(stream.Config{Dial: p.dial})
	p.pause()
	record := []byte("0 " + strings.Repeat("x", 7<<20) + "\n")
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	taken, err := s.Write(ctx, record, []int{len(record)})
	if err == nil || taken != 1 {
		t.Fatalf("taken %d, error %v: want 1, a timeout", taken, err)
	}
	p.resume()
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the record", func() bool { return complete(p.received(), 1) })
	inOrder(t, p.received())
}

func TestCloseTellsWhatMayBeLost(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	s := stream.New(stream.Config{Dial: p.dial})
	w := &writer{t: t, s: s, pad: "x"}
	p.pause()
	w.write(10)
	p.kill()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	start := time.Now()
	err := s.Close(ctx)
	if err == nil || !strings.Contains(err.Error(), "the last 10 records (40 bytes) may not have arrived") {
		t.Errorf("error %v", err)
	}
	if d := time.Since(start); d > 3*time.Second {
		t.Errorf("took %v", d)
	}
}

func TestPeerThatOnlyHangsUpTakesNothing(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	hangingUp := make(chan struct{})
	go func() {
		defer close(hangingUp)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_ = c.Close()
		}
	}()
	good := newPeer(t)
	var target atomic.Value
	target.Store(l.Addr().String())
	var d net.Dialer
	s := newStream(t, stream.Config{Dial: func(ctx context.Context) (net.Conn, error) { return d.DialContext(ctx, "tcp", target.Load().(string)) }})
	sent, failed := 0, 0
	for deadline := time.Now().Add(30 * time.Second); failed < 5; {
		if time.Now().After(deadline) {
			t.Fatalf("a peer that hangs up seemed to take %d records", sent)
		}
		record := []byte(itoa(sent) + " x\n")
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		if taken, err := s.Write(ctx, record, []int{len(record)}); err != nil {
			failed++
		} else {
			sent += taken
		}
		cancel()
		<-time.After(10 * time.Millisecond)
	}
	if sent > 1000 {
		t.Errorf("a peer that hangs up seemed to take %d records", sent)
	}
	_ = l.Close()
	<-hangingUp
	target.Store(good.address)
	eventually(t, "all records", func() bool { return complete(good.received(), sent) })
}

func itoa(n int) string {
	return strings.TrimSpace(strings.Join([]string{string(rune('0' + n/1000%10)), string(rune('0' + n/100%10)), string(rune('0' + n/10%10)), string(rune('0' + n%10))}, ""))
}

// inOrderOfSessions fails where a record came for the first time after a later one: at each reset the peer's own copy loses what it was
// reading, so a jump back is fine and a jump forward is not.
func inOrderOfSessions(tb testing.TB, lines []string) {
	tb.Helper()
	var whole []string
	for _, l := range lines {
		if number(l) >= 0 {
			whole = append(whole, l)
		}
	}
	inOrder(tb, whole)
}
