// Package tcp connects adapters to their destinations by TCP.
package tcp

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/gliderlabs/logspout-builder/core"
	"github.com/gliderlabs/logspout-builder/core/stream"
)

// dialTimeout bounds one attempt to connect, name resolution included.
const dialTimeout = 10 * time.Second

// Transport is the tcp transport. Its zero value is ready.
type Transport struct{}

// Dial implements core.AdapterTransport. An idle connection is probed every 15 s and given up after four probes without an answer.
func (Transport) Dial(ctx context.Context, address string, _ map[string]string) (net.Conn, error) {
	d := net.Dialer{
		Timeout:         dialTimeout,
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 15 * time.Second, Count: 4},
	}
	return d.DialContext(ctx, "tcp", address)
}

// Options implements core.TransportConfigurer: there are none.
func (Transport) Options() []string { return nil }

// Configure implements core.TransportConfigurer.
func (Transport) Configure(_ core.Env, address string, options map[string]string) (map[string]string, error) {
	return options, stream.CheckHostPort("tcp", address)
}

// adapter is "tcp://...", short for "raw+tcp://...".
func adapter(env core.Env, route *core.Route) (core.Adapter, error) {
	raw, ok := env.Modules.AdapterFactory("raw")
	if !ok {
		return nil, errors.New(`adapter "tcp" is raw+tcp: build with the module raw too, or write another adapter in front ("syslog+tcp")`)
	}
	r := *route
	r.Adapter = "raw+tcp"
	return raw(env, &r)
}

var (
	_ core.AdapterTransport    = Transport{}
	_ core.TransportConfigurer = Transport{}
	_ core.AdapterFactory      = adapter
)
