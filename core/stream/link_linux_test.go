package stream

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"testing"
	"time"
)

// Who meets a reset first gets its error, who comes later an end of file: with TLS the half-close may be the first, and the reader must not take
// what it sees then for the peer's good-bye.
func TestResetThatTheHalfCloseMeetsIsNoOrderlyEnd(t *testing.T) {
	t.Parallel()
	https := httptest.NewTLSServer(nil) // for its certificate
	server := &tls.Config{Certificates: https.TLS.Certificates}
	https.Close()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	reset := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		accepted, err := listener.Accept()
		if err != nil {
			return
		}
		_ = tls.Server(accepted, server).Handshake()
		<-reset
		_ = accepted.(*net.TCPConn).SetLinger(0)
		_ = accepted.Close()
	}()
	conn, err := tls.Dial("tcp", listener.Addr().String(), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	l := newLink(conn)
	defer l.abandon()
	close(reset)
	<-done
	for end := time.Now().Add(10 * time.Second); !wasReset(l.raw); <-time.After(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the reset has not come")
		}
	}
	if err := l.halfClose(); err == nil {
		t.Fatal("no error of a half-close after a reset")
	}
	_, err = conn.NetConn().Read(make([]byte, 1))
	if !errors.Is(err, io.EOF) {
		t.Fatalf("the reader gets %v: the half-close has not met the reset, and the test shows nothing", err)
	}
	l.end(err)
	if l.endedInOrder() || !l.gone() {
		t.Errorf("in order: %v, gone: %v", l.endedInOrder(), l.gone())
	}
}
