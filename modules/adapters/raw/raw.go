// Package raw writes each line through a Go template to a socket.
package raw

import (
	"context"
	"errors"

	"github.com/gliderlabs/logspout-builder/core"
	"github.com/gliderlabs/logspout-builder/core/render"
	"github.com/gliderlabs/logspout-builder/core/stream"
)

// Adapter writes lines as RAW_FORMAT or the route's option "format" says.
type Adapter struct {
	stream *stream.Stream
	format *render.Template[*core.Message]
}

// New is raw's core.AdapterFactory.
func New(env core.Env, route *core.Route) (core.Adapter, error) {
	s, err := stream.ForRoute(env, route, "raw", "udp", "format")
	name, text := "RAW_FORMAT", env.Vars.Or("RAW_FORMAT", "{{.Data}}\n")
	if f := route.Option("format", ""); f != "" {
		name, text = "option format", f
	}
	format, err2 := render.New(name, text, render.Options[*core.Message]{Backslashes: true})
	if err := errors.Join(route.CheckAddressOnly(), err, err2); err != nil {
		return nil, err
	}
	return &Adapter{stream: s, format: format}, nil
}

// Deliver implements core.Adapter: one write for the whole batch.
func (a *Adapter) Deliver(ctx context.Context, batch []core.Message) error {
	return a.stream.Deliver(ctx, batch, a.format.Append)
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
