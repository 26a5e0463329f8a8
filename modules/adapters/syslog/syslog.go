// Package syslog writes RFC 5424 or RFC 3164 records to a syslog server.
package syslog

import (
	"context"
	"errors"

	"github.com/gliderlabs/logspout-builder/core"
	"github.com/gliderlabs/logspout-builder/core/stream"
)

// Adapter writes each line as one syslog record.
type Adapter struct {
	stream *stream.Stream
	format *format
}

// New is syslog's core.AdapterFactory.
func New(env core.Env, route *core.Route) (core.Adapter, error) {
	f, err := newFormat(env, route)
	s, err2 := stream.ForRoute(env, route, "syslog", "udp", options...)
	if err := errors.Join(route.CheckAddressOnly(), err, err2); err != nil {
		return nil, err
	}
	return &Adapter{stream: s, format: f}, nil
}

// Deliver implements core.Adapter: one write for the whole batch, or a datagram a record.
func (a *Adapter) Deliver(ctx context.Context, batch []core.Message) error {
	return a.stream.Deliver(ctx, batch, a.format.append)
}

// Counts implements core.Counter.
func (a *Adapter) Counts() map[string]uint64 { return a.stream.Counts() }

// Confirmed implements core.Confirmer.
func (a *Adapter) Confirmed() (safe, taken uint64) { return a.stream.Confirmed() }

// Close implements core.Adapter.
func (a *Adapter) Close(ctx context.Context) error { return a.stream.Close(ctx) }

var (
	_ core.Adapter        = (*Adapter)(nil)
	_ core.Counter        = (*Adapter)(nil)
	_ core.Confirmer      = (*Adapter)(nil)
	_ core.AdapterFactory = New
)
