package stream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// link is one connection.
type link struct {
	conn      net.Conn
	raw       syscall.RawConn // nil where the connection has no socket of its own
	datagram  bool
	udp       bool
	resumable bool // a write that a deadline interrupts can go on later; not so with TLS
	since     time.Time
	largest   int // datagram that fits; 0 when not known
	window    int // widest that the peer has offered; 0 when not known

	broken     atomic.Bool
	halfClosed atomic.Bool
	torn       atomic.Bool // it was reset, and the half-close has met the error of that
	once       sync.Once
	ended      chan struct{} // closed when the peer has ended the connection; then err and inOrder are set
	err        error
	order      bool
}

func newLink(conn net.Conn) *link {
	l := &link{conn: conn, since: time.Now(), ended: make(chan struct{}), resumable: true}
	if a := conn.LocalAddr(); a != nil {
		switch a.Network() {
		case "udp", "udp4", "udp6":
			l.udp, l.datagram = true, true
		case "unixgram", "ip":
			l.datagram = true
		}
	}
	inner := conn
	if layered, ok := conn.(interface{ NetConn() net.Conn }); ok { // TLS
		inner = layered.NetConn()
		l.resumable = false
	}
	if s, ok := inner.(syscall.Conn); ok {
		l.raw, _ = s.SyscallConn()
	}
	return l
}

// write writes p until ctx ends. On an error the link is broken, unless ctx has interrupted a write that can be resumed.
func (l *link) write(ctx context.Context, p []byte) (int, error) {
	restore := l.interruptible(ctx)
	n, err := l.conn.Write(p)
	restore()
	if err != nil && (!errors.Is(err, os.ErrDeadlineExceeded) || !l.resumable) {
		l.broken.Store(true)
	}
	return n, err
}

// interruptible makes writes fail once ctx ends, until the returned function is called.
func (l *link) interruptible(ctx context.Context) (restore func()) {
	if ctx.Done() == nil {
		return func() {}
	}
	interrupted := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		_ = l.conn.SetWriteDeadline(time.Unix(1, 0))
		close(interrupted)
	})
	return func() {
		if !stop() {
			<-interrupted
			_ = l.conn.SetWriteDeadline(time.Time{})
		}
	}
}

// end notes why the peer ended the connection.
func (l *link) end(err error) {
	l.once.Do(func() {
		l.err = err
		if l.order = errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF); !l.halfClosed.Load() {
			l.order = l.order && !wasReset(l.raw)
		}
		close(l.ended)
	})
}

// gone reports whether nothing can be written any more.
func (l *link) gone() bool {
	select {
	case <-l.ended:
		return true
	default:
		return l.broken.Load()
	}
}

// cause is why the link is gone.
func (l *link) cause() error {
	select {
	case <-l.ended:
		if errors.Is(l.err, io.EOF) {
			return errors.New("the peer closed the connection")
		}
		return l.err
	default:
		return errors.New("the connection is broken")
	}
}

func (l *link) endedInOrder() bool {
	select {
	case <-l.ended:
		return l.order && !l.torn.Load()
	default:
		return false
	}
}

// queued is how many bytes the peer's kernel has not acknowledged, or more than that.
func (l *link) queued() int {
	if l.raw == nil {
		return 0
	}
	return unacknowledged(l.raw)
}

// unread is how many acknowledged bytes the peer may at most not have read, where its window is known.
func (l *link) unread() int { return 2*l.window + unreadSlack }

// abandon closes the connection and what its send queue holds: it is written again elsewhere.
func (l *link) abandon() {
	inner := l.conn
	if layered, ok := l.conn.(interface{ NetConn() net.Conn }); ok {
		inner = layered.NetConn()
	}
	if t, ok := inner.(*net.TCPConn); ok {
		_ = t.SetLinger(0)
	}
	_ = inner.Close() // not TLS's: it would wait to say good-bye
}

// halfClose says that nothing more comes. On an error the link is broken.
func (l *link) halfClose() error {
	l.halfClosed.Store(true)
	for conn := l.conn; conn != nil; {
		if c, ok := conn.(interface{ CloseWrite() error }); ok {
			err := c.CloseWrite()
			if errors.Is(err, net.ErrClosed) { // by watch, as the peer was quick to answer the half-close of an outer layer: it knows how it ended
				return nil
			}
			if err != nil {
				l.torn.Store(true)
				l.broken.Store(true)
				return fmt.Errorf("end the connection: %w", err)
			}
		}
		layered, ok := conn.(interface{ NetConn() net.Conn })
		if !ok {
			return nil
		}
		conn = layered.NetConn()
	}
	return nil
}
