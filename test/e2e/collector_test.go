package e2e

import (
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// collector is a TCP server that keeps the lines it gets. It can be away, and it can stall.
type collector struct {
	t       *testing.T
	Address string

	mu       sync.Mutex
	room     *sync.Cond // stalled has changed
	listener net.Listener
	conns    map[net.Conn]bool
	stalled  bool
	got      strings.Builder
	running  sync.WaitGroup
}

// newCollector makes a collector that is away: Open starts it.
func newCollector(t *testing.T) *collector {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &collector{t: t, Address: l.Addr().String(), conns: map[net.Conn]bool{}}
	c.room = sync.NewCond(&c.mu)
	_ = l.Close()
	t.Cleanup(func() {
		c.Stall(false)
		c.Leave()
		c.running.Wait()
	})
	return c
}

// Open listens.
func (c *collector) Open() {
	c.t.Helper()
	l, err := net.Listen("tcp", c.Address)
	for end := time.Now().Add(20 * time.Second); err != nil && time.Now().Before(end); l, err = net.Listen("tcp", c.Address) {
		time.Sleep(100 * time.Millisecond) // a connection of somebody else may have the port for a moment
	}
	if err != nil {
		c.t.Fatal(err)
	}
	c.mu.Lock()
	c.listener = l
	c.mu.Unlock()
	c.running.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			c.mu.Lock()
			if c.listener != l { // left meanwhile
				_ = conn.Close()
			} else {
				c.conns[conn] = true
				c.running.Go(func() { c.read(conn) })
			}
			c.mu.Unlock()
		}
	})
}

// read keeps what a connection brings up to its last whole line: what the death of a peer cuts off has to come again.
func (c *collector) read(conn net.Conn) {
	defer conn.Close()
	buf := make([]byte, 64<<10)
	var rest string
	for {
		c.mu.Lock()
		for c.stalled && c.conns[conn] {
			c.room.Wait()
		}
		c.mu.Unlock()
		n, err := conn.Read(buf)
		rest += string(buf[:n])
		c.mu.Lock()
		if i := strings.LastIndexByte(rest, '\n'); i >= 0 && c.conns[conn] {
			c.got.WriteString(rest[:i+1])
			rest = rest[i+1:]
		}
		if err != nil {
			delete(c.conns, conn)
			c.mu.Unlock()
			return
		}
		c.mu.Unlock()
	}
}

// Leave dies: it listens no more and resets its connections, with what it had not read.
func (c *collector) Leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.listener != nil {
		_ = c.listener.Close()
		c.listener = nil
	}
	for conn := range c.conns {
		_ = conn.(*net.TCPConn).SetLinger(0)
		_ = conn.Close()
		delete(c.conns, conn)
	}
	c.room.Broadcast()
}

// Stall stops reading, or goes on with it.
func (c *collector) Stall(stalled bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stalled = stalled
	c.room.Broadcast()
}

// Lines are the lines that came so far.
func (c *collector) Lines() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.Split(strings.TrimSuffix(c.got.String(), "\n"), "\n")
}
