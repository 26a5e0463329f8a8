// Package tls connects adapters to their destinations by TCP with TLS.
package tls

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/gliderlabs/logspout-builder/core"
	"github.com/gliderlabs/logspout-builder/core/stream"
)

// dialTimeout bounds one attempt to connect, name resolution and handshake included.
const dialTimeout = 15 * time.Second

// variables are the options that may come from the environment.
var variables = map[string]string{ //nolint:gochecknoglobals // constant
	"tls.ca":           "LOGSPOUT_TLS_CA_CERTS",
	"tls.cert":         "LOGSPOUT_TLS_CLIENT_CERT",
	"tls.key":          "LOGSPOUT_TLS_CLIENT_KEY",
	"tls.system_roots": "LOGSPOUT_TLS_DISABLE_SYSTEM_ROOTS", // the opposite
	"tls.hardening":    "LOGSPOUT_TLS_HARDENING",
}

// Transport is the tls transport. Its zero value is ready.
type Transport struct{}

// Dial implements core.AdapterTransport. It reads the certificates anew each time, so that they may be renewed while the process runs.
func (Transport) Dial(ctx context.Context, address string, options map[string]string) (net.Conn, error) {
	config, err := clientConfig(options)
	if err != nil {
		return nil, err
	}
	if config.ServerName == "" {
		if config.ServerName, _, err = net.SplitHostPort(address); err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	d := tls.Dialer{
		NetDialer: &net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 15 * time.Second, Count: 4}},
		Config:    config,
	}
	return d.DialContext(ctx, "tcp", address)
}

// Options implements core.TransportConfigurer.
func (Transport) Options() []string {
	return []string{"tls.ca", "tls.cert", "tls.key", "tls.servername", "tls.system_roots", "tls.hardening"}
}

// Configure implements core.TransportConfigurer: it reads the certificates once to tell what is wrong with them.
func (Transport) Configure(env core.Env, address string, options map[string]string) (map[string]string, error) {
	var problems []error
	if err := stream.CheckHostPort("tcp", address); err != nil {
		problems = append(problems, err)
	}
	complete := maps.Clone(options)
	if complete == nil {
		complete = map[string]string{}
	}
	for option, variable := range variables {
		value := env.Vars.Get(variable)
		if complete[option] != "" || value == "" {
			continue
		}
		if option == "tls.system_roots" {
			disabled, err := core.ParseBool(value)
			if err != nil {
				problems = append(problems, fmt.Errorf("%s=%q: %w", variable, value, err))
				continue
			}
			value = strconv.FormatBool(!disabled)
		}
		complete[option] = value
	}
	// A pair is one thing: half of it from the route and half from the environment are two.
	if (options["tls.cert"] == "") != (options["tls.key"] == "") {
		problems = append(problems, errors.New("tls.cert and tls.key: want both or neither"))
	}
	_, err := clientConfig(complete)
	return complete, errors.Join(append(problems, err)...)
}

// clientConfig makes the configuration that options describe; every problem is reported.
func clientConfig(options map[string]string) (*tls.Config, error) {
	var problems []error
	truth := func(option string, def bool) bool {
		if options[option] == "" {
			return def
		}
		b, err := core.ParseBool(options[option])
		if err != nil {
			problems = append(problems, fmt.Errorf("%s=%q: %w", option, options[option], err))
		}
		return b
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: options["tls.servername"]}
	if truth("tls.hardening", false) {
		// TLS 1.3's suites are all such; these are for TLS 1.2.
		c.CipherSuites = []uint16{
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		}
	}
	system := truth("tls.system_roots", true)
	if roots, err := rootsOf(options["tls.ca"], system); err != nil {
		problems = append(problems, err)
	} else {
		c.RootCAs = roots
	}
	cert, key := options["tls.cert"], options["tls.key"]
	switch {
	case cert != "" && key != "":
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			problems = append(problems, fmt.Errorf("tls.cert %s and tls.key %s: %w", cert, key, err))
		}
		c.Certificates = []tls.Certificate{pair}
	case cert != "" || key != "":
		problems = append(problems, errors.New("a client certificate needs its key, and a key its certificate (tls.cert and tls.key)"))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return c, nil
}

// rootsOf are the certificates in the comma list of PEM files, with the system's or without; nil stands for the system's alone.
func rootsOf(files string, system bool) (*x509.CertPool, error) {
	if files == "" && system {
		return nil, nil
	}
	if files == "" {
		return nil, errors.New("no root certificates: the system's are switched off and tls.ca names none")
	}
	roots := x509.NewCertPool()
	if system {
		if all, err := x509.SystemCertPool(); err == nil {
			roots = all
		}
	}
	var problems []error
	for file := range strings.SplitSeq(files, ",") {
		if file = strings.TrimSpace(file); file == "" {
			continue
		}
		pem, err := os.ReadFile(file)
		if err != nil {
			problems = append(problems, fmt.Errorf("tls.ca: %w", err))
		} else if !roots.AppendCertsFromPEM(pem) {
			problems = append(problems, fmt.Errorf("tls.ca: %s holds no PEM certificate", file))
		}
	}
	return roots, errors.Join(problems...)
}

// adapter is "tls://...", short for "raw+tls://...".
func adapter(env core.Env, route *core.Route) (core.Adapter, error) {
	raw, ok := env.Modules.AdapterFactory("raw")
	if !ok {
		return nil, errors.New(`adapter "tls" is raw+tls: build with the module raw too, or write another adapter in front ("syslog+tls")`)
	}
	r := *route
	r.Adapter = "raw+tls"
	return raw(env, &r)
}

var (
	_ core.AdapterTransport    = Transport{}
	_ core.TransportConfigurer = Transport{}
	_ core.AdapterFactory      = adapter
)
