package stream_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gliderlabs/logspout-builder/core/stream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// peer is a destination that can stall, die and come back on its address.
type peer struct {
	t       testing.TB
	address string
	wrap    func(net.Conn) net.Conn // TLS

	mu       sync.Mutex
	listener net.Listener
	conns    map[net.Conn]net.Conn // as wrapped: as accepted
	lines    []string
	paused   chan struct{} // closed when reading goes on; nil while it does
	ends     int           // connections that ended in order
	wg       sync.WaitGroup
}

func newPeer(tb testing.TB) *peer {
	tb.Helper()
	return newPeerWith(tb, func(c net.Conn) net.Conn { return c })
}

func newPeerWith(tb testing.TB, wrap func(net.Conn) net.Conn) *peer {
	tb.Helper()
	p := &peer{t: tb, address: "127.0.0.1:0", wrap: wrap, conns: map[net.Conn]net.Conn{}}
	p.start()
	tb.Cleanup(func() { p.resume(); p.kill() })
	return p
}

func (p *peer) start() {
	p.t.Helper()
	l, err := net.Listen("tcp", p.address)
	if err != nil {
		p.t.Fatal(err)
	}
	p.mu.Lock()
	p.listener, p.address = l, l.Addr().String()
	p.mu.Unlock()
	p.wg.Go(func() {
		for {
			accepted, err := l.Accept()
			if err != nil {
				return
			}
			conn := p.wrap(accepted)
			p.mu.Lock()
			if p.listener == nil {
				reset(accepted)
			}
			p.conns[conn] = accepted
			p.mu.Unlock()
			p.wg.Go(func() { p.read(conn) })
		}
	})
}

func (p *peer) read(conn net.Conn) {
	r := bufio.NewReaderSize(conn, 4096)
	for {
		p.mu.Lock()
		paused := p.paused
		p.mu.Unlock()
		if paused != nil {
			<-paused
		}
		line, err := r.ReadString('\n')
		if err == nil {
			p.mu.Lock()
			p.lines = append(p.lines, strings.TrimSuffix(line, "\n"))
			p.mu.Unlock()
			continue
		}
		p.mu.Lock()
		if line != "" && !errors.Is(err, net.ErrClosed) {
			p.lines = append(p.lines, "torn: "+line)
		}
		if errors.Is(err, io.EOF) {
			p.ends++
		}
		delete(p.conns, conn)
		p.mu.Unlock()
		_ = conn.Close()
		return
	}
}

func (p *peer) pause() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.paused = make(chan struct{})
}

func (p *peer) resume() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.paused != nil {
		close(p.paused)
		p.paused = nil
	}
}

// kill resets every connection, as a kernel does for a process that dies with unread bytes, and stops listening. Bytes that it had read but not
// recorded are lost.
func (p *peer) kill() {
	p.mu.Lock()
	if p.listener != nil {
		_ = p.listener.Close()
	}
	p.listener = nil
	for _, accepted := range p.conns {
		reset(accepted)
	}
	p.mu.Unlock()
	p.resume()
	p.wg.Wait()
}

func reset(conn net.Conn) {
	if t, ok := conn.(*net.TCPConn); ok {
		_ = t.SetLinger(0)
	}
	_ = conn.Close()
}

func (p *peer) received() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.lines...)
}

func (p *peer) dial(ctx context.Context) (net.Conn, error) {
	p.mu.Lock()
	address := p.address
	p.mu.Unlock()
	var d net.Dialer
	return d.DialContext(ctx, "tcp", address)
}

// eventually polls until ok or a deadline.
func eventually(tb testing.TB, what string, ok func() bool) {
	tb.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); {
		if ok() {
			return
		}
		select {
		case <-tb.Context().Done():
			return
		case <-time.After(5 * time.Millisecond):
		}
	}
	tb.Fatalf("not within 20 s: %s", what)
}

// writer numbers records and repeats what Write did not take, as the agent does.
type writer struct {
	t    testing.TB
	s    *stream.Stream
	next int
	pad  string
}

// write writes n records in one batch and does not give up.
func (w *writer) write(n int) {
	w.t.Helper()
	var buf []byte
	var ends []int
	for range n {
		buf = append(fmt.Appendf(buf, "%d %s", w.next, w.pad), '\n')
		ends = append(ends, len(buf))
		w.next++
	}
	for end := time.Now().Add(20 * time.Second); ; {
		taken, err := w.s.Write(w.t.Context(), buf, ends)
		if err == nil {
			return
		}
		if time.Now().After(end) {
			w.t.Fatalf("not written within 20 s: %v", err)
		}
		if taken > 0 {
			cut := ends[taken-1]
			buf, ends = buf[cut:], ends[taken:]
			for i := range ends {
				ends[i] -= cut
			}
		}
		<-time.After(10 * time.Millisecond)
	}
}

// complete reports whether every number below n was received.
func complete(lines []string, n int) bool {
	seen := map[int]bool{}
	for _, l := range lines {
		seen[number(l)] = true
	}
	delete(seen, -1)
	return len(seen) == n
}

// inOrder fails the test for a torn record, and where a record came for the first time after a later one.
func inOrder(tb testing.TB, lines []string) {
	tb.Helper()
	top := -1
	for i, l := range lines {
		n := number(l)
		if n < 0 {
			tb.Fatalf("line %d is torn: %q", i, l)
		}
		if n > top+1 {
			tb.Fatalf("line %d is record %d, but %d was the last before", i, n, top)
		}
		top = max(top, n)
	}
}

func number(line string) int {
	digits, _, _ := strings.Cut(line, " ")
	n, err := strconv.Atoi(digits)
	if err != nil {
		return -1
	}
	return n
}

func closeStream(tb testing.TB, s *stream.Stream) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(tb.Context()), 5*time.Second)
	defer cancel()
	_ = s.Close(ctx)
}
