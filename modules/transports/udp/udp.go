// Package udp sends what adapters write as UDP datagrams.
package udp

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/gliderlabs/logspout-builder/core"
	"github.com/gliderlabs/logspout-builder/core/stream"
)

// dialTimeout bounds name resolution; nothing else is done to "connect".
const dialTimeout = 10 * time.Second

// Transport is the udp transport. Its zero value is ready.
type Transport struct{}

// Dial implements core.AdapterTransport. The socket is connected, so that the destination's refusals are heard.
func (Transport) Dial(ctx context.Context, address string, _ map[string]string) (net.Conn, error) {
	d := net.Dialer{Timeout: dialTimeout}
	return d.DialContext(ctx, "udp", address)
}

// Options implements core.TransportConfigurer: there are none.
func (Transport) Options() []string { return nil }

// Configure implements core.TransportConfigurer.
func (Transport) Configure(_ core.Env, address string, options map[string]string) (map[string]string, error) {
	return options, stream.CheckHostPort("udp", address)
}

// adapter is "udp://...", short for "raw+udp://...".
func adapter(env core.Env, route *core.Route) (core.Adapter, error) {
	raw, ok := env.Modules.AdapterFactory("raw")
	if !ok {
		return nil, errors.New(`adapter "udp" is raw+udp: build with the module raw too, or write another adapter in front ("syslog+udp")`)
	}
	r := *route
	r.Adapter = "raw+udp"
	return raw(env, &r)
}

var (
	_ core.AdapterTransport    = Transport{}
	_ core.TransportConfigurer = Transport{}
	_ core.AdapterFactory      = adapter
)
