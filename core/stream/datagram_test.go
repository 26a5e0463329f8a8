package stream_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gliderlabs/logspout-builder/core/stream"
)

// packets listens for datagrams and returns a dialer to it.
func packets(tb testing.TB, network, address string) (net.PacketConn, func(context.Context) (net.Conn, error)) {
	tb.Helper()
	l, err := (&net.ListenConfig{}).ListenPacket(tb.Context(), network, address)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = l.Close() })
	to := l.LocalAddr().String()
	return l, func(ctx context.Context) (net.Conn, error) { return (&net.Dialer{}).DialContext(ctx, network, to) }
}

func receive(tb testing.TB, l net.PacketConn) string {
	tb.Helper()
	buf := make([]byte, 70000)
	_ = l.SetReadDeadline(time.Now().Add(5 * time.Second))
	n, _, err := l.ReadFrom(buf)
	if err != nil {
		tb.Fatal(err)
	}
	return string(buf[:n])
}

func TestEachRecordIsOneDatagramCutAtACharacter(t *testing.T) {
	t.Parallel()
	l, dial := packets(t, "udp", "127.0.0.1:0")
	s := newStream(t, stream.Config{Dial: dial, DatagramBytes: 6})
	for range 2 {
		taken, err := s.Write(t.Context(), []byte("one\ntwoooooo\nthreé"), []int{4, 13, 19})
		if err != nil || taken != 3 {
			t.Fatalf("taken %d, %v", taken, err)
		}
		for _, want := range []string{"one\n", "twoooo", "threé"} {
			if got := receive(t, l); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		}
	}
	s2 := newStream(t, stream.Config{Dial: dial, DatagramBytes: 5})
	if _, err := s2.Write(t.Context(), []byte("threé"), []int{6}); err != nil {
		t.Fatal(err)
	}
	if got := receive(t, l); got != "thre" {
		t.Errorf("got %q: cut inside of a character", got)
	}
}

func TestRecordOfAnyLengthIsCutToTheLargestDatagram(t *testing.T) {
	t.Parallel()
	l, dial := packets(t, "udp", "127.0.0.1:0")
	s := newStream(t, stream.Config{Dial: dial})
	record := []byte(strings.Repeat("x", 1<<20))
	if _, err := s.Write(t.Context(), record, []int{len(record)}); err != nil {
		t.Fatal(err)
	}
	if got := receive(t, l); len(got) != 65507 {
		t.Errorf("%d bytes", len(got))
	}
}

func TestRefusedDatagramsAreCountedAndNoError(t *testing.T) {
	t.Parallel()
	l, dial := packets(t, "udp", "127.0.0.1:0")
	s := newStream(t, stream.Config{Dial: dial})
	_ = l.Close()
	eventually(t, "refusals", func() bool {
		if taken, err := s.Write(t.Context(), []byte("a\nb\nc\n"), []int{2, 4, 6}); err != nil || taken != 3 {
			t.Fatalf("taken %d, %v", taken, err)
		}
		return s.Refused() > 0 && s.Counts()["refused_datagrams"] == s.Refused()
	})
	l, err := net.ListenPacket("udp", l.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	if _, err := s.Write(t.Context(), []byte("back\n"), []int{5}); err != nil {
		t.Fatal(err)
	}
	if got := receive(t, l); got != "back\n" {
		t.Errorf("got %q", got)
	}
}

func TestDatagramSocketThatComesBackIsFoundAgain(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log")
	l, dial := packets(t, "unixgram", path)
	s := newStream(t, stream.Config{Dial: dial})
	write := func() (int, error) { return s.Write(t.Context(), []byte("x\n"), []int{2}) }
	if _, err := write(); err != nil {
		t.Fatal(err)
	}
	receive(t, l)
	_ = l.Close()
	if taken, err := write(); err == nil || taken != 0 {
		t.Fatalf("taken %d, error %v with nobody there", taken, err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	l, _ = packets(t, "unixgram", path)
	if _, err := write(); err != nil {
		t.Fatal(err)
	}
	receive(t, l)
}
