package moduletest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"os"
	"testing"

	"github.com/gliderlabs/logspout-builder/core"
)

// dialFunc is a transport.
type dialFunc func(ctx context.Context, address string, options map[string]string) (net.Conn, error)

func (f dialFunc) Dial(ctx context.Context, address string, options map[string]string) (net.Conn, error) {
	return f(ctx, address, options)
}

func dialPlain(network string) dialFunc {
	return func(ctx context.Context, address string, _ map[string]string) (net.Conn, error) {
		if address == "" {
			return nil, errors.New("no address")
		}
		var d net.Dialer
		return d.DialContext(ctx, network, address)
	}
}

func dialTLS(ctx context.Context, address string, options map[string]string) (net.Conn, error) {
	ca, err := os.ReadFile(options["ca"])
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	d := tls.Dialer{Config: &tls.Config{RootCAs: roots}}
	return d.DialContext(ctx, "tcp", address)
}

func TestTransportContractHoldsForGoodTransports(t *testing.T) {
	for _, network := range []string{"tcp", "udp", "unix"} {
		t.Run(network, func(t *testing.T) { TestTransport(t, TransportSuite{Transport: dialPlain(network), Network: network}) })
	}
	t.Run("tls", func(t *testing.T) {
		TestTransport(t, TransportSuite{
			Transport: dialFunc(dialTLS),
			Network:   "tls",
			Options:   func(s *Sink) map[string]string { return map[string]string{"ca": s.CAFile} },
		})
	})
}

// deaf is a connection that is wrong in some way.
type deaf struct {
	net.Conn
	write func(p []byte) (int, error)
	read  func(p []byte) (int, error)
}

func (d *deaf) Write(p []byte) (int, error) {
	if d.write != nil {
		return d.write(p)
	}
	return d.Conn.Write(p)
}

func (d *deaf) Read(p []byte) (int, error) {
	if d.read != nil {
		return d.read(p)
	}
	return d.Conn.Read(p)
}

func TestTransportContractFindsWhatIsWrong(t *testing.T) {
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	tcp := dialPlain("tcp")
	suite := func(d dialFunc) TransportSuite { return TransportSuite{Transport: d, Network: "tcp"} }
	broken := func(change func(d *deaf)) TransportSuite {
		return suite(func(ctx context.Context, address string, options map[string]string) (net.Conn, error) {
			c, err := tcp(ctx, address, options)
			d := &deaf{Conn: c}
			change(d)
			return d, err
		})
	}
	careless := suite(func(context.Context, string, map[string]string) (net.Conn, error) {
		c, _ := net.Pipe()
		return c, nil
	})
	testBreaches(t, []breach[TransportSuite]{
		{"what is written arrives", broken(func(d *deaf) { d.write = func(p []byte) (int, error) { return len(p), nil } }), "arrived, want"},
		{"unknown options are ignored", suite(func(ctx context.Context, address string, options map[string]string) (net.Conn, error) {
			if len(options) > 0 {
				return nil, errors.New("unknown option")
			}
			return tcp(ctx, address, options)
		}), "unknown option"},
		{"many may dial at once", suite(func(context.Context, string, map[string]string) (net.Conn, error) {
			return nil, errors.New("one at a time")
		}), "one at a time"},
		{"a dead address is an error", careless, "nobody listens"},
		{"a malformed address is an error", careless, `Dial of ""`},
		{"a malformed address is an error", suite(func(context.Context, string, map[string]string) (net.Conn, error) {
			panic("index out of range")
		}), "panics"},
		{"Dial returns when its context ends", suite(func(context.Context, string, map[string]string) (net.Conn, error) {
			<-release
			return nil, errors.New("late")
		}), "does not return"},
		{"Dial with an ended context is an error", suite(func(_ context.Context, address string, _ map[string]string) (net.Conn, error) {
			return net.Dial("tcp", address)
		}), "ended context"},
		{"a connection honours its deadlines", broken(func(d *deaf) {
			d.read = func([]byte) (int, error) { return 0, errors.New("other") }
		}), "Read past its deadline"},
		{"a connection honours its deadlines", broken(func(d *deaf) {
			d.write = func(p []byte) (int, error) { return len(p), nil }
		}), "Write past its deadline"},
		{"Close ends a Read that waits", broken(func(d *deaf) {
			d.read = func([]byte) (int, error) { <-release; return 0, errors.New("late") }
		}), "does not return"},
		{"a closed connection leaves nothing behind", suite(func(ctx context.Context, address string, options map[string]string) (net.Conn, error) {
			go func() { <-release }()
			return tcp(ctx, address, options)
		}), "left behind"},
	})
}

var _ core.AdapterTransport = dialFunc(nil)
