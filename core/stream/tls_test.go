package stream_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gliderlabs/logspout-builder/core/stream"
)

// tlsPeer is a peer with TLS, and how to reach it.
func tlsPeer(tb testing.TB) (*peer, func(context.Context) (net.Conn, error)) {
	tb.Helper()
	https := httptest.NewTLSServer(nil) // for its certificate
	roots := x509.NewCertPool()
	roots.AddCert(https.Certificate())
	server, client := &tls.Config{Certificates: https.TLS.Certificates}, &tls.Config{RootCAs: roots, ServerName: "example.com"}
	https.Close()
	p := newPeerWith(tb, func(c net.Conn) net.Conn { return tls.Server(c, server) })
	return p, func(ctx context.Context) (net.Conn, error) {
		conn, err := p.dial(ctx)
		if err != nil {
			return nil, err
		}
		c := tls.Client(conn, client)
		if err := c.HandshakeContext(ctx); err != nil {
			_ = conn.Close()
			return nil, err
		}
		return c, nil
	}
}

func TestNothingIsLostWhenAPeerWithTLSIsKilled(t *testing.T) {
	t.Parallel()
	p, dial := tlsPeer(t)
	w := &writer{t: t, s: newStream(t, stream.Config{Dial: dial}), pad: strings.Repeat("x", 200)}
	for range 2 {
		for range 50 {
			w.write(100)
		}
		p.kill()
		p.start()
	}
	eventually(t, "all records", func() bool { return complete(p.received(), w.next) })
}

func TestInterruptedWriteWithTLSTearsNoRecordThatCounts(t *testing.T) {
	t.Parallel()
	p, dial := tlsPeer(t)
	s := newStream(t, stream.Config{Dial: dial})
	w := &writer{t: t, s: s, pad: strings.Repeat("x", 100000)}
	w.write(1)
	p.pause()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	record := []byte("1 " + strings.Repeat("y", 16<<20) + "\n")
	if taken, err := s.Write(ctx, record, []int{len(record)}); err == nil || taken != 0 {
		t.Fatalf("taken %d, error %v", taken, err)
	}
	p.resume()
	w.write(5) // on a new connection: what TLS had begun cannot be resumed
	eventually(t, "all records", func() bool { return complete(p.received(), w.next) })
}
