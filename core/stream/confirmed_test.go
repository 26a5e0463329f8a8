package stream_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gliderlabs/logspout-builder/core/stream"
)

// confirmed is how many of the records that w wrote are safe.
func (w *writer) confirmed() int {
	w.t.Helper()
	safe, taken := w.s.Confirmed()
	if safe > taken {
		w.t.Errorf("%d bytes are safe of %d that were taken", safe, taken)
	}
	n, end := 0, uint64(0)
	for {
		if end += uint64(len(fmt.Sprintf("%d %s\n", n, w.pad))); end > safe {
			return n
		}
		n++
	}
}

// allConfirmed reports whether nothing is held back.
func allConfirmed(s *stream.Stream) bool {
	safe, taken := s.Confirmed()
	return taken > 0 && safe == taken
}

func TestWhatAPeerHasNotReadIsNotConfirmed(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	w := &writer{t: t, s: newStream(t, stream.Config{Dial: p.dial, Window: time.Millisecond}), pad: "x"}
	w.write(10)
	eventually(t, "the first records", func() bool { return complete(p.received(), 10) })
	p.pause()
	w.write(100)
	<-time.After(1200 * time.Millisecond) // its kernel has long acknowledged them, and two ticks have seen that
	if n := w.confirmed(); n > 10 {
		t.Errorf("%d records are confirmed, 10 were read", n)
	}
	p.kill() // without reading
	<-time.After(700 * time.Millisecond)
	if n := w.confirmed(); n > 10 {
		t.Errorf("%d records are confirmed while no peer is there, 10 were read", n)
	}
	p.start()
	eventually(t, "all records", func() bool { return complete(p.received(), w.next) })
}

func TestConfirmedUnderLoadIsWhatAPeerThatIsKilledHadRead(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	w := &writer{t: t, s: newStream(t, stream.Config{Dial: p.dial, Window: 100 * time.Millisecond}), pad: strings.Repeat("x", 1000)}
	for range 3 {
		before := w.confirmed()
		for range 200 {
			w.write(100)
		}
		n := w.confirmed() // of 20 MB
		p.kill()
		read := map[int]bool{}
		for _, l := range p.received() {
			read[number(l)] = true
		}
		for i := range n {
			if !read[i] {
				t.Fatalf("%d records were confirmed, and record %d was not read", n, i)
			}
		}
		if n <= before {
			t.Fatalf("%d records are confirmed after 20 MB more, %d were before", n, before)
		}
		p.start()
	}
	eventually(t, "all records", func() bool { return complete(p.received(), w.next) })
}

func TestIdleConnectionIsConfirmed(t *testing.T) {
	t.Parallel()
	for name, chatty := range map[string]bool{"silent": false, "chatty": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			var serving sync.WaitGroup
			t.Cleanup(serving.Wait)
			t.Cleanup(func() { _ = l.Close() })
			serving.Go(func() {
				c, err := l.Accept()
				if err != nil {
					return
				}
				if chatty {
					serving.Go(func() {
						for tick := time.NewTicker(20 * time.Millisecond); err == nil; <-tick.C {
							_, err = c.Write([]byte("x"))
						}
					})
				}
				_, _ = io.Copy(io.Discard, c)
				_ = c.Close()
			})
			var d net.Dialer
			s := newStream(t, stream.Config{
				Dial:        func(ctx context.Context) (net.Conn, error) { return d.DialContext(ctx, "tcp", l.Addr().String()) },
				Window:      time.Millisecond,
				ResetWindow: 200 * time.Millisecond,
			})
			w := &writer{t: t, s: s, pad: "x"}
			w.write(1)
			w.write(1)
			eventually(t, "confirmation", func() bool { return allConfirmed(s) })
		})
	}
}

func TestCloseConfirmsWhatThePeerHasRead(t *testing.T) {
	t.Parallel()
	secured, dial := tlsPeer(t)
	plain := newPeer(t)
	stalled := newPeer(t)
	for name, row := range map[string]struct {
		peer  *peer
		dial  func(context.Context) (net.Conn, error)
		stall bool
	}{
		"read":          {plain, plain.dial, false},
		"read with TLS": {secured, dial, false},
		"not read":      {stalled, stalled.dial, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := stream.New(stream.Config{Dial: row.dial})
			w := &writer{t: t, s: s, pad: "x"}
			w.write(10)
			eventually(t, "the first records", func() bool { return complete(row.peer.received(), 10) })
			if row.stall {
				row.peer.pause()
			}
			w.write(10)
			if allConfirmed(s) {
				t.Error("all is confirmed at once")
			}
			if err := s.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			if allConfirmed(s) == row.stall {
				t.Errorf("all confirmed: %v, the peer stalls: %v", allConfirmed(s), row.stall)
			}
		})
	}
}

func TestDatagramsHoldNothingBack(t *testing.T) {
	t.Parallel()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	var d net.Dialer
	s := newStream(t, stream.Config{Dial: func(ctx context.Context) (net.Conn, error) { return d.DialContext(ctx, "udp", c.LocalAddr().String()) }})
	w := &writer{t: t, s: s, pad: "x"}
	w.write(10)
	if safe, taken := s.Confirmed(); safe != taken {
		t.Errorf("%d of %d are safe", safe, taken)
	}
}
