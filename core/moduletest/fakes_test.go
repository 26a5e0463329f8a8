package moduletest_test

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/gliderlabs/logspout-builder/core"
	"github.com/gliderlabs/logspout-builder/core/moduletest"
)

func TestSinkTakesWhatComesAndStartsAgainAtItsAddress(t *testing.T) {
	for _, network := range []string{"tcp", "tls", "unix"} {
		t.Run(network, func(t *testing.T) {
			s := moduletest.NewSink(t, network)
			send := func(text string) {
				t.Helper()
				c, err := dial(s)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := io.WriteString(c, text); err != nil {
					t.Fatal(err)
				}
				if err := c.Close(); err != nil {
					t.Fatal(err)
				}
			}
			send("one")
			s.WaitFor(t, "one", func() bool { return string(s.Bytes()) == "one" })
			s.Stop()
			if c, err := dial(s); err == nil {
				_ = c.Close()
				t.Fatal("a stopped sink was dialled")
			}
			s.Start()
			send("two")
			s.WaitFor(t, "both", func() bool { return strings.Join(s.Streams(), " ") == "one two" })
		})
	}
}

func dial(s *moduletest.Sink) (net.Conn, error) {
	if s.Network != "tls" {
		return net.Dial(s.Network, s.Address)
	}
	ca, err := os.ReadFile(s.CAFile)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	return tls.Dial("tcp", s.Address, &tls.Config{RootCAs: roots})
}

func TestSinkKeepsDatagramsApart(t *testing.T) {
	s := moduletest.NewSink(t, "udp")
	c, err := dial(s)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, _ = io.WriteString(c, "one")
	_, _ = io.WriteString(c, "two")
	s.WaitFor(t, "both", func() bool { return strings.Join(s.Datagrams(), " ") == "one two" })
}

func TestIntakeKeepsLinesAndPositions(t *testing.T) {
	in := moduletest.NewIntake(moduletest.NewEnv(t, nil))
	go func() { _ = in.Append(t.Context(), moduletest.Messages(3), core.Position{Key: "k", Value: "v"}) }()
	if got := in.Wait(t, 3); got[2].Data != "line 3" || got[2].Offset != 3 {
		t.Errorf("third message = %+v", got[2])
	}
	if got := in.Lines("web", "stdout"); len(got) != 3 {
		t.Errorf("lines = %q", got)
	}
	if v, ok := in.Position("k"); !ok || v != "v" {
		t.Errorf("position = %q, %v", v, ok)
	}
	in.Forget("k")
	if _, ok := in.Position("k"); ok {
		t.Error("position is there after Forget")
	}
}
