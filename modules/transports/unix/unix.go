// Package unix connects adapters to Unix domain sockets, stream or datagram.
package unix

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"

	"github.com/gliderlabs/logspout-builder/core"
)

// Transport is the unix transport. Its zero value is ready.
type Transport struct{}

// Dial implements core.AdapterTransport. address is a path, or "@name" for Linux's abstract sockets.
func (Transport) Dial(ctx context.Context, address string, options map[string]string) (net.Conn, error) {
	var d net.Dialer
	switch options["socket"] {
	case "stream":
		return d.DialContext(ctx, "unix", address)
	case "datagram":
		return d.DialContext(ctx, "unixgram", address)
	}
	conn, err := d.DialContext(ctx, "unix", address)
	if errors.Is(err, syscall.EPROTOTYPE) { // it is the other kind
		return d.DialContext(ctx, "unixgram", address)
	}
	return conn, err
}

// Options implements core.TransportConfigurer.
func (Transport) Options() []string { return []string{"socket"} }

// Configure implements core.TransportConfigurer.
func (Transport) Configure(_ core.Env, address string, options map[string]string) (map[string]string, error) {
	var problems []error
	if !strings.HasPrefix(address, "/") && !strings.HasPrefix(address, "@") {
		problems = append(problems, fmt.Errorf("path %q: want an absolute one (unix:///run/log.sock)", address))
	}
	switch v := options["socket"]; v {
	case "", "auto", "stream", "datagram":
	default:
		problems = append(problems, fmt.Errorf("option socket=%q: want auto, stream or datagram", v))
	}
	return options, errors.Join(problems...)
}

// adapter is "unix://...", short for "raw+unix://...".
func adapter(env core.Env, route *core.Route) (core.Adapter, error) {
	raw, ok := env.Modules.AdapterFactory("raw")
	if !ok {
		return nil, errors.New(`adapter "unix" is raw+unix: build with the module raw too, or write another adapter in front ("syslog+unix")`)
	}
	r := *route
	r.Adapter = "raw+unix"
	return raw(env, &r)
}

var (
	_ core.AdapterTransport    = Transport{}
	_ core.TransportConfigurer = Transport{}
	_ core.AdapterFactory      = adapter
)
