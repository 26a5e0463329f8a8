package agent

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/gliderlabs/logspout-builder/core"
	"github.com/gliderlabs/logspout-builder/core/journal"
)

// table is the set of routes that run.
type table struct {
	f *forwarder
	// delivering and closing make what bounds a route's deliveries and its adapter's Close, once the forwarder runs.
	start func(*destination, journal.From) *route

	// change is held while the set is changed, over the little I/O of that; mu only to look at it.
	change sync.Mutex
	mu     sync.Mutex
	routes map[string]*route // nil while none can be added
}

func newTable(f *forwarder) *table { return &table{f: f} }

// open lets routes run; start starts one.
func (t *table) open(start func(*destination, journal.From) *route) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.start, t.routes = start, map[string]*route{}
}

// running are the routes that run, sorted by id.
func (t *table) running() []*route {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.SortedFunc(maps.Values(t.routes), func(a, b *route) int { return cmp.Compare(a.spec.ID, b.spec.ID) })
}

// shut ends all changes, and returns the routes that run.
func (t *table) shut() []*route {
	t.change.Lock()
	t.start = nil
	t.change.Unlock()
	return t.running()
}

// add runs a destination.
func (t *table) add(dest *destination, from journal.From) {
	r := t.start(dest, from)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.routes[dest.route.ID] = r
}

func (t *table) has(id string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.routes[id] != nil
}

// Routes implements core.RouteTable.
func (t *table) Routes() []*core.Route {
	running := t.running()
	specs := make([]*core.Route, len(running))
	for i, r := range running {
		specs[i] = r.spec
	}
	return specs
}

var errStopping = errors.New("not running, or about to stop")

// AddRoute implements core.RouteTable.
func (t *table) AddRoute(ctx context.Context, given *core.Route) (*core.Route, error) {
	spec := copyRoute(given)
	if spec.ID == "" {
		id := make([]byte, 6)
		_, _ = rand.Read(id) // never fails
		spec.ID = hex.EncodeToString(id)
	}
	refuse := func(err error) (*core.Route, error) {
		return nil, &core.RouteError{Route: spec.String(), Err: err}
	}
	if err := spec.Validate(); err != nil {
		return refuse(err)
	}
	t.change.Lock()
	defer t.change.Unlock()
	if t.start == nil {
		return nil, errStopping
	}
	if t.has(spec.ID) {
		return refuse(fmt.Errorf("id %q is taken: remove that route first, or leave the id out", spec.ID))
	}
	dest, err := newDestination(ctx, t.f.env, t.f.ext, spec)
	if err != nil {
		return nil, err
	}
	if err := saveRoute(t.f.config.routesPath, spec); err != nil {
		dest.discard(ctx)
		return nil, err
	}
	t.add(dest, journal.Newest)
	t.f.log.InfoContext(ctx, "route added", "route", spec.ID, "uri", spec.String())
	return copyRoute(spec), nil
}

// RemoveRoute implements core.RouteTable.
func (t *table) RemoveRoute(ctx context.Context, id string) (bool, error) {
	t.change.Lock()
	if t.start == nil {
		t.change.Unlock()
		return false, errStopping
	}
	t.mu.Lock()
	r := t.routes[id]
	t.mu.Unlock()
	if r == nil {
		t.change.Unlock()
		return false, nil
	}
	if err := forgetRoute(t.f.config.routesPath, id); err != nil {
		t.change.Unlock()
		return true, err
	}
	t.mu.Lock()
	delete(t.routes, id)
	t.mu.Unlock()
	t.change.Unlock()
	r.remove(ctx) // outside of every lock: it may wait for a destination
	t.f.log.InfoContext(ctx, "route removed", "route", id)
	return true, nil
}

// copyRoute is a copy that shares nothing with r.
func copyRoute(r *core.Route) *core.Route {
	c := *r
	c.Options = maps.Clone(r.Options)
	if c.Options == nil {
		c.Options = map[string]string{}
	}
	c.Sources, c.Labels = slices.Clone(r.Sources), slices.Clone(r.Labels)
	return &c
}

var _ core.RouteTable = (*table)(nil)
