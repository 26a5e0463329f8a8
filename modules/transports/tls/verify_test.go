package tls_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	cryptotls "crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"maps"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gliderlabs/logspout-builder/core"
	"github.com/gliderlabs/logspout-builder/core/moduletest"
	"github.com/gliderlabs/logspout-builder/modules/transports/tls"
)

// authority signs certificates and writes them to files.
type authority struct {
	tb   testing.TB
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
}

func newAuthority(tb testing.TB) *authority {
	tb.Helper()
	a := &authority{tb: tb}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "own authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	a.cert, a.key = a.sign(template, template, nil)
	a.file = filepath.Join(tb.TempDir(), "ca.pem")
	a.write(a.file, "CERTIFICATE", a.cert.Raw)
	return a
}

func (a *authority) sign(template, parent *x509.Certificate, parentKey *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.tb.Fatal(err)
	}
	if parentKey == nil {
		parentKey = key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, parentKey)
	if err != nil {
		a.tb.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		a.tb.Fatal(err)
	}
	return cert, key
}

func (a *authority) write(file, kind string, der []byte) {
	a.tb.Helper()
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		a.tb.Fatal(err)
	}
}

// pair signs a certificate for name and writes it and its key over the files.
func (a *authority) pair(name, certFile, keyFile string) cryptotls.Certificate {
	a.tb.Helper()
	cert, key := a.sign(&x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, a.cert, a.key)
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		a.tb.Fatal(err)
	}
	a.write(certFile, "CERTIFICATE", cert.Raw)
	a.write(keyFile, "EC PRIVATE KEY", der)
	return cryptotls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key, Leaf: cert}
}

// server answers every connection with the common name of the client's certificate.
func server(tb testing.TB, config *cryptotls.Config) string {
	tb.Helper()
	l, err := cryptotls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		tb.Fatal(err)
	}
	done := make(chan struct{})
	tb.Cleanup(func() { _ = l.Close(); <-done })
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			if t, ok := c.(*cryptotls.Conn); ok && t.HandshakeContext(context.WithoutCancel(tb.Context())) == nil {
				name := "nobody"
				if certs := t.ConnectionState().PeerCertificates; len(certs) > 0 {
					name = certs[0].Subject.CommonName
				}
				_, _ = io.WriteString(c, name)
			}
			_ = c.Close()
		}
	}()
	return l.Addr().String()
}

// hello dials and returns what the server says.
func hello(tb testing.TB, address string, options map[string]string) (string, error) {
	tb.Helper()
	options, err := tls.Transport{}.Configure(core.Env{Vars: core.Vars{}}, address, options)
	if err != nil {
		return "", err
	}
	c, err := tls.Transport{}.Dial(tb.Context(), address, options)
	if err != nil {
		return "", err
	}
	defer func() { _ = c.Close() }()
	b, err := io.ReadAll(c)
	return string(b), err
}

func TestServerIsVerifiedAndClientCertificatesAreReadAtEachConnection(t *testing.T) {
	own, foreign, dir := newAuthority(t), newAuthority(t), t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	pool := x509.NewCertPool()
	pool.AddCert(own.cert)
	open := server(t, &cryptotls.Config{Certificates: []cryptotls.Certificate{own.pair("logs.test", file("s.pem"), file("s.key"))}})
	closed := server(t, &cryptotls.Config{
		Certificates: []cryptotls.Certificate{own.pair("logs.test", file("s.pem"), file("s.key"))},
		ClientAuth:   cryptotls.RequireAndVerifyClientCert, ClientCAs: pool,
	})
	own.pair("first", file("c.pem"), file("c.key"))
	good := map[string]string{"tls.ca": own.file, "tls.servername": "logs.test", "tls.system_roots": "false", "tls.hardening": "true"}
	with := func(pairs ...string) map[string]string {
		m := map[string]string{}
		maps.Copy(m, good)
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i]] = pairs[i+1]
		}
		return m
	}
	client := with("tls.cert", file("c.pem"), "tls.key", file("c.key"))
	for _, c := range []struct {
		name, address string
		options       map[string]string
		want, problem string
	}{
		{"right", open, good, "nobody", ""},
		{"system's roots alone", open, map[string]string{"tls.servername": "logs.test"}, "", "unknown authority"},
		{"another authority", open, with("tls.ca", foreign.file), "", "unknown authority"},
		{"several authorities", open, with("tls.ca", foreign.file+", "+own.file), "nobody", ""},
		{"another name", open, with("tls.servername", "other.test"), "", "logs.test, not other.test"},
		{"the address is the name", open, with("tls.servername", ""), "", "127.0.0.1"},
		{"no client certificate", closed, good, "", "certificate required"},
		{"client certificate", closed, client, "first", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := hello(t, c.address, c.options)
			if c.problem == "" && err != nil || c.problem != "" && (err == nil || !strings.Contains(err.Error(), c.problem)) || got != c.want {
				t.Errorf("got %q, %v; want %q, %q", got, err, c.want, c.problem)
			}
		})
	}
	own.pair("renewed", file("c.pem"), file("c.key"))
	if got, err := hello(t, closed, client); got != "renewed" || err != nil {
		t.Errorf("after a renewal: %q, %v", got, err)
	}
}

func TestEnvironmentFillsInWhatTheRouteDoesNotSay(t *testing.T) {
	sink := moduletest.NewSink(t, "tls")
	env := core.Env{Vars: core.Vars{"LOGSPOUT_TLS_CA_CERTS": sink.CAFile, "LOGSPOUT_TLS_DISABLE_SYSTEM_ROOTS": "true", "LOGSPOUT_TLS_HARDENING": "true"}}
	options, err := tls.Transport{}.Configure(env, sink.Address, map[string]string{"tls.hardening": "false", "other": "kept"})
	if err != nil {
		t.Fatal(err)
	}
	for option, want := range map[string]string{"tls.ca": sink.CAFile, "tls.system_roots": "false", "tls.hardening": "false", "other": "kept"} {
		if options[option] != want {
			t.Errorf("%s is %q, want %q", option, options[option], want)
		}
	}
	c, err := tls.Transport{}.Dial(t.Context(), sink.Address, options)
	if err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
}

func TestWrongSettingsAreAllReported(t *testing.T) {
	env := core.Env{Vars: core.Vars{"LOGSPOUT_TLS_CA_CERTS": "/no/such.pem,verify_test.go", "LOGSPOUT_TLS_DISABLE_SYSTEM_ROOTS": "maybe"}}
	_, err := tls.Transport{}.Configure(env, "host", map[string]string{"tls.hardening": "perhaps", "tls.cert": "/c.pem"})
	for _, want := range []string{"want host:port", "/no/such.pem", "verify_test.go holds no PEM", "LOGSPOUT_TLS_DISABLE_SYSTEM_ROOTS=\"maybe\"", `tls.hardening="perhaps"`, "tls.key"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v lacks %s", err, want)
		}
	}
}
