package moduletest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// Sink is a server that takes all that comes: a destination for adapters and transports. Its address stays the same from Stop to Start.
type Sink struct {
	// Network is "tcp", "udp", "tls" or "unix".
	Network string
	// Address is "127.0.0.1:port", or the path of the socket.
	Address string
	// CAFile is the PEM file of the authority that signed a tls server's certificate, which is for localhost and 127.0.0.1.
	CAFile string

	t      testing.TB
	config *tls.Config

	mu        sync.Mutex
	listener  net.Listener
	packets   net.PacketConn
	conns     map[net.Conn]bool
	streams   []*bytes.Buffer // what came, a connection each
	datagrams []string
	accepted  int
	silent    bool
	changed   chan struct{}
	running   sync.WaitGroup
}

// NewSink starts a server of that network on this host; it ends with the test.
func NewSink(tb testing.TB, network string) *Sink {
	tb.Helper()
	s := &Sink{t: tb, Network: network, conns: map[net.Conn]bool{}, changed: make(chan struct{})}
	switch network {
	case "tcp", "udp":
		s.Address = "127.0.0.1:0"
	case "tls":
		s.Address = "127.0.0.1:0"
		s.newCertificate()
	case "unix":
		dir, err := os.MkdirTemp("", "sink") //nolint:usetesting // TempDir's may be too long for a socket's path
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() { _ = os.RemoveAll(dir) })
		s.Address = filepath.Join(dir, "s")
	default:
		tb.Fatalf("network %q: want tcp, udp, tls or unix", network)
	}
	s.Start()
	tb.Cleanup(s.Stop)
	return s
}

// NewSilentSink starts a server that accepts connections and never reads from them nor answers.
func NewSilentSink(tb testing.TB, network string) *Sink {
	tb.Helper()
	s := NewSink(tb, network)
	s.mu.Lock()
	s.silent = true
	s.mu.Unlock()
	return s
}

// DeadAddress is an address of this host where nobody listens.
func DeadAddress(tb testing.TB, network string) string {
	tb.Helper()
	s := NewSink(tb, network)
	s.Stop()
	return s.Address
}

// Start listens again after Stop.
func (s *Sink) Start() {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener != nil || s.packets != nil {
		return
	}
	var err error
	if s.Network == "udp" {
		if s.packets, err = net.ListenPacket("udp", s.Address); err == nil { //nolint:noctx // returns at once
			s.Address = s.packets.LocalAddr().String()
			packets := s.packets
			if c, ok := packets.(*net.UDPConn); ok {
				_ = c.SetReadBuffer(4 << 20)
			}
			s.running.Go(func() { s.readPackets(packets) })
		}
	} else {
		network := strings.Replace(s.Network, "tls", "tcp", 1)
		if s.listener, err = net.Listen(network, s.Address); err == nil { //nolint:noctx // returns at once
			s.Address = s.listener.Addr().String()
			listener := s.listener
			s.running.Go(func() { s.accept(listener) })
		}
	}
	if err != nil {
		s.t.Fatalf("start sink: %v", err)
	}
}

// Stop closes the listener, and every connection with a reset.
func (s *Sink) Stop() {
	s.mu.Lock()
	if s.listener != nil {
		_ = s.listener.Close()
		s.listener = nil
	}
	if s.packets != nil {
		_ = s.packets.Close()
		s.packets = nil
	}
	s.closeConns()
	s.mu.Unlock()
	s.running.Wait()
}

// Disconnect closes every connection with a reset, and goes on listening.
func (s *Sink) Disconnect() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closeConns()
}

func (s *Sink) closeConns() {
	for c := range s.conns {
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		_ = c.Close()
	}
}

func (s *Sink) accept(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		stream := &bytes.Buffer{}
		s.mu.Lock()
		stopped := s.listener != l
		s.conns[c] = true
		s.accepted++
		s.streams = append(s.streams, stream)
		silent := s.silent
		s.changeLocked()
		s.mu.Unlock()
		if stopped {
			_ = c.Close()
		}
		if !silent {
			s.running.Go(func() { s.readConn(c, stream) })
		}
	}
}

func (s *Sink) readConn(raw net.Conn, stream *bytes.Buffer) {
	defer func() {
		_ = raw.Close()
		s.mu.Lock()
		delete(s.conns, raw)
		s.mu.Unlock()
	}()
	c := raw
	if s.config != nil {
		c = tls.Server(raw, s.config)
	}
	buf := make([]byte, 64<<10)
	for {
		n, err := c.Read(buf)
		s.mu.Lock()
		stream.Write(buf[:n])
		s.changeLocked()
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (s *Sink) readPackets(p net.PacketConn) {
	buf := make([]byte, 64<<10)
	for {
		n, _, err := p.ReadFrom(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			s.mu.Lock()
			s.datagrams = append(s.datagrams, string(buf[:n]))
			s.changeLocked()
			s.mu.Unlock()
		}
	}
}

func (s *Sink) changeLocked() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// Bytes is all that came over streams, one connection's after the other's, in the order in which they were accepted.
func (s *Sink) Bytes() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []byte
	for _, b := range s.streams {
		all = append(all, b.Bytes()...)
	}
	return all
}

// Streams is what came over each connection, in the order in which they were accepted.
func (s *Sink) Streams() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []string
	for _, b := range s.streams {
		all = append(all, b.String())
	}
	return all
}

// Datagrams are the datagrams that came.
func (s *Sink) Datagrams() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.datagrams...)
}

// Accepted counts the connections made so far.
func (s *Sink) Accepted() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accepted
}

// WaitFor waits until done is true, asking whenever something came. It ends the test when it does not become so within 10 s.
func (s *Sink) WaitFor(tb testing.TB, what string, done func() bool) {
	tb.Helper()
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	for {
		s.mu.Lock()
		changed := s.changed
		s.mu.Unlock()
		if done() {
			return
		}
		select {
		case <-changed:
		case <-timeout.C:
			tb.Fatalf("waited %s for %s: %d connections, %d bytes, %d datagrams came", patience, what, s.Accepted(), len(s.Bytes()), len(s.Datagrams()))
		}
	}
}

// newCertificate makes an authority's certificate, which is the server's as well.
func (s *Sink) newCertificate() {
	s.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		s.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "localhost"},
		DNSNames:              []string{"localhost"},
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(time.Hour),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IsCA:                  true,
		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		s.t.Fatal(err)
	}
	s.CAFile = filepath.Join(s.t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if err := os.WriteFile(s.CAFile, text, 0o600); err != nil {
		s.t.Fatal(fmt.Errorf("write CA: %w", err))
	}
	s.config = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}
}
