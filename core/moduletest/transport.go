package moduletest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gliderlabs/logspout-builder/core"
)

// TransportSuite says what TestTransport needs to know of a transport.
type TransportSuite struct {
	Transport core.AdapterTransport
	// Network is the kind of Sink that takes the transport's connections: "tcp", "udp", "tls" or "unix".
	Network string
	// Options are those of a route to the sink (its CAFile, say); nil is none.
	Options func(sink *Sink) map[string]string
}

// TestTransport checks that a transport keeps the promises of core.AdapterTransport: each is a subtest with the promise's name.
func TestTransport(t *testing.T, s TransportSuite) {
	t.Helper()
	runChecks(t, s.checks())
}

func (s TransportSuite) checks() []check {
	return []check{
		{"what is written arrives", s.bytesArrive},
		{"unknown options are ignored", s.unknownOptionsAreIgnored},
		{"many may dial at once", s.manyDialAtOnce},
		{"a dead address is an error", s.deadAddressIsAnError},
		{"a malformed address is an error", s.malformedAddressIsAnError},
		{"Dial returns when its context ends", s.dialHonoursContext},
		{"Dial with an ended context is an error", s.endedContextIsAnError},
		{"a connection honours its deadlines", s.connectionHonoursDeadlines},
		{"Close ends a Read that waits", s.closeEndsRead},
		{"a closed connection leaves nothing behind", s.closeLeavesNothing},
	}
}

func (s TransportSuite) options(sink *Sink) map[string]string {
	options := map[string]string{}
	if s.Options != nil {
		options = s.Options(sink)
	}
	return options
}

func (s TransportSuite) dial(tb testing.TB, sink *Sink, options map[string]string) net.Conn {
	tb.Helper()
	var c net.Conn
	within(tb, patience, "Dial", func() {
		ctx, cancel := context.WithTimeout(tb.Context(), patience/2)
		defer cancel() // a context is the dialling's, not the connection's
		var err error
		if c, err = s.Transport.Dial(ctx, sink.Address, options); err != nil {
			tb.Errorf("Dial %s: %v", sink.Address, err)
		}
	})
	if c == nil {
		tb.Fatal("Dial made no connection")
	}
	return c
}

func (s TransportSuite) bytesArrive(tb testing.TB) {
	tb.Helper()
	sink := NewSink(tb, s.Network)
	c := s.dial(tb, sink, s.options(sink))
	s.write(tb, sink, c, "one\x00\xff\n", "two")
}

// write writes and waits until it has arrived; it closes the connection.
func (s TransportSuite) write(tb testing.TB, sink *Sink, c net.Conn, records ...string) {
	tb.Helper()
	for _, r := range records {
		within(tb, patience, "Write", func() {
			if n, err := io.WriteString(c, r); err != nil || n != len(r) {
				tb.Errorf("Write of %d bytes = %d, %v", len(r), n, err)
			}
		})
	}
	eventually(tb, func() error {
		got := strings.Join(append(sink.Streams(), sink.Datagrams()...), "")
		if want := strings.Join(records, ""); got != want {
			return fmt.Errorf("%.60q arrived, want %.60q", got, want)
		}
		return nil
	})
	if err := c.Close(); err != nil {
		tb.Errorf("Close: %v", err)
	}
}

func (s TransportSuite) unknownOptionsAreIgnored(tb testing.TB) {
	tb.Helper()
	sink := NewSink(tb, s.Network)
	options := map[string]string{"xunknownx": "1", "format": "{{", "full": "block"}
	maps.Copy(options, s.options(sink))
	s.write(tb, sink, s.dial(tb, sink, options), "hello")
}

func (s TransportSuite) manyDialAtOnce(tb testing.TB) {
	tb.Helper()
	sink := NewSink(tb, s.Network)
	options := s.options(sink)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			ctx, cancel := context.WithTimeout(tb.Context(), patience)
			defer cancel()
			c, err := s.Transport.Dial(ctx, sink.Address, options)
			if err != nil {
				tb.Errorf("Dial: %v", err)
				return
			}
			_, _ = io.WriteString(c, "x")
			_ = c.Close()
		})
	}
	all.Wait()
}

func (s TransportSuite) deadAddressIsAnError(tb testing.TB) {
	tb.Helper()
	if s.Network == "udp" {
		tb.Skip("nobody learns whether the destination is there")
	}
	sink := NewSink(tb, s.Network)
	options := s.options(sink)
	sink.Stop()
	within(tb, patience, "Dial of a dead address", func() {
		ctx, cancel := context.WithTimeout(tb.Context(), promptly)
		defer cancel()
		c, err := s.Transport.Dial(ctx, sink.Address, options)
		if err == nil {
			_ = c.Close()
			tb.Error("Dial of an address where nobody listens returns a connection")
		}
	})
}

func (s TransportSuite) malformedAddressIsAnError(tb testing.TB) {
	tb.Helper()
	sink := NewSink(tb, s.Network)
	addresses := []string{"", "127.0.0.1", "127.0.0.1:99999", "[::1:514", "no such host:\x00", "a:b:c"}
	if s.Network == "unix" {
		addresses = []string{"", tb.TempDir(), "/no/such/directory/socket", "/tmp/\x00", "/" + strings.Repeat("x", 300)}
	}
	for _, address := range addresses {
		within(tb, patience, fmt.Sprintf("Dial of %.20q", address), func() {
			ctx, cancel := context.WithTimeout(tb.Context(), promptly)
			defer cancel()
			c, err := s.Transport.Dial(ctx, address, s.options(sink))
			if err == nil {
				_ = c.Close()
				tb.Errorf("Dial of %.20q returns a connection", address)
			}
		})
	}
}

// dialHonoursContext dials a server that accepts and says nothing: where there is a handshake, it never ends.
func (s TransportSuite) dialHonoursContext(tb testing.TB) {
	tb.Helper()
	sink := NewSilentSink(tb, s.Network)
	within(tb, promptly, "Dial whose context has ended", func() {
		ctx, cancel := context.WithTimeout(tb.Context(), 200*time.Millisecond)
		defer cancel()
		c, err := s.Transport.Dial(ctx, sink.Address, s.options(sink))
		if err == nil {
			_ = c.Close()
		}
	})
}

func (s TransportSuite) endedContextIsAnError(tb testing.TB) {
	tb.Helper()
	sink := NewSink(tb, s.Network)
	within(tb, promptly, "Dial with an ended context", func() {
		c, err := s.Transport.Dial(ended(tb), sink.Address, s.options(sink))
		if err == nil {
			_ = c.Close()
			tb.Error("Dial with an ended context returns a connection")
		}
	})
}

func (s TransportSuite) connectionHonoursDeadlines(tb testing.TB) {
	tb.Helper()
	sink := NewSink(tb, s.Network)
	c := s.dial(tb, sink, s.options(sink))
	within(tb, promptly, "Read past its deadline", func() {
		if err := c.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
			tb.Errorf("SetReadDeadline: %v", err)
		}
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			tb.Errorf("Read past its deadline: %v, want os.ErrDeadlineExceeded", err)
		}
	})
	within(tb, promptly, "Write past its deadline", func() {
		if err := c.SetWriteDeadline(time.Now().Add(-time.Second)); err != nil {
			tb.Errorf("SetWriteDeadline: %v", err)
		}
		if _, err := c.Write([]byte("x")); !errors.Is(err, os.ErrDeadlineExceeded) {
			tb.Errorf("Write past its deadline: %v, want os.ErrDeadlineExceeded", err)
		}
	})
	_ = c.Close()
}

func (s TransportSuite) closeEndsRead(tb testing.TB) {
	tb.Helper()
	sink := NewSink(tb, s.Network)
	c := s.dial(tb, sink, s.options(sink))
	within(tb, promptly, "Read of a connection that was closed", func() {
		go func() {
			pause(50 * time.Millisecond)
			_ = c.Close()
		}()
		if _, err := c.Read(make([]byte, 1)); err == nil {
			tb.Error("Read of a connection that was closed: no error")
		}
	})
}

func (s TransportSuite) closeLeavesNothing(tb testing.TB) {
	tb.Helper()
	sink := NewSink(tb, s.Network)
	before := settledGoroutines()
	for range 3 {
		_ = s.dial(tb, sink, s.options(sink)).Close()
	}
	noGoroutinesBeyond(tb, before)
}
