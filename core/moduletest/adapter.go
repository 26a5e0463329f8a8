package moduletest

import (
	"context"
	"maps"
	"net"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/gliderlabs/logspout-builder/core"
)

// AdapterSuite says what TestAdapter needs to know of an adapter.
type AdapterSuite struct {
	Factory core.AdapterFactory
	// Env is the adapter's; nil is NewEnv(tb, nil).
	Env func(tb testing.TB) core.Env
	// Destination starts a destination that works; it ends with tb.
	Destination func(tb testing.TB) Destination
	// Invalid are routes that the factory has to refuse, with all that is wrong with each.
	Invalid []InvalidRoute
	// Unacknowledged is for a destination of which nobody learns whether it is there (UDP).
	Unacknowledged bool
}

// Destination is a destination for an adapter under test.
type Destination struct {
	// Route is the URI of a route to it.
	Route string
	// Arrived returns nil when what has arrived is what was sent, each message once and in this order, in the form that the adapter is to
	// give it; else what differs. It is asked until it is so, or too much time has passed.
	Arrived func(sent []core.Message) error
}

// TestAdapter checks that an adapter keeps the promises of core.AdapterFactory and core.Adapter: each is a subtest with the promise's name.
func TestAdapter(t *testing.T, s AdapterSuite) {
	t.Helper()
	runChecks(t, s.checks())
}

func (s AdapterSuite) checks() []check {
	return []check{
		{"the factory does no I/O", s.factoryDoesNoIO},
		{"the factory leaves the route alone", s.factoryLeavesRouteAlone},
		{"unknown options are refused, all at once", s.unknownOptionsAreRefused},
		{"an invalid route is refused with all that is wrong with it", s.invalidRoutesAreRefused},
		{"a batch is delivered whole and in order", s.batchesArrive},
		{"whatever a line and a container hold is delivered", s.hostileMessagesArrive},
		{"an empty batch is delivered", s.emptyBatch},
		{"a batch is not written to", s.batchIsNotWrittenTo},
		{"nothing of a batch is used after Deliver has returned", s.batchIsNotKept},
		{"Deliver returns when its context ends", s.deliverHonoursContext},
		{"Deliver returns at once when its context has ended", s.deliverHonoursEndedContext},
		{"a dead destination is an error worth trying again", s.deadDestinationIsAnError},
		{"what no destination has read is not confirmed", s.confirmsNothingUnread},
		{"Close confirms what the destination has taken", s.closeConfirms},
		{"Close ends all that was started", s.closeLeavesNothing},
		{"Close returns when its context has ended", s.closeHonoursContext},
	}
}

func (s AdapterSuite) env(tb testing.TB) core.Env {
	tb.Helper()
	if s.Env != nil {
		return s.Env(tb)
	}
	return NewEnv(tb, nil)
}

func (s AdapterSuite) adapter(tb testing.TB, r *core.Route) core.Adapter {
	tb.Helper()
	var a core.Adapter
	within(tb, promptly, "the factory", func() {
		var err error
		if a, err = s.Factory(s.env(tb), r); err != nil {
			tb.Errorf("factory with %s: %v", r, err)
		}
	})
	if a == nil {
		tb.Fatalf("the factory made no adapter of %s", r)
	}
	return a
}

func closeAdapter(tb testing.TB, a core.Adapter) {
	tb.Helper()
	within(tb, patience, "Close", func() {
		ctx, cancel := context.WithTimeout(tb.Context(), patience/2)
		defer cancel()
		if err := a.Close(ctx); err != nil {
			tb.Errorf("Close: %v", err)
		}
	})
}

// deliver delivers in a batch of its own and reports an error.
func deliver(tb testing.TB, a core.Adapter, batch []core.Message) {
	tb.Helper()
	within(tb, patience, "Deliver", func() {
		ctx, cancel := context.WithTimeout(tb.Context(), patience/2)
		defer cancel()
		if err := a.Deliver(ctx, batch); err != nil {
			tb.Errorf("Deliver of %d messages: %v", len(batch), err)
		}
	})
}

// at is the suite's route with another address; ok is false when it has no "host:port" to be put in another's place.
func (s AdapterSuite) at(tb testing.TB, address string) (r *core.Route, ok bool) {
	tb.Helper()
	r = parseRoute(tb, s.Destination(tb).Route)
	if _, _, err := net.SplitHostPort(r.Address); err != nil {
		return r, false
	}
	r.Address = address
	return r, true
}

func (s AdapterSuite) factoryDoesNoIO(tb testing.TB) {
	tb.Helper()
	sink := NewSilentSink(tb, "tcp")
	r, ok := s.at(tb, sink.Address)
	if !ok {
		r.Path = "/no/such/directory/socket"
	}
	a := s.adapter(tb, r)
	pause(50 * time.Millisecond)
	if n := sink.Accepted(); n > 0 {
		tb.Errorf("the factory connects to the destination (%d times): that is Deliver's to do", n)
	}
	closeAdapter(tb, a)
	if r, ok := s.at(tb, "no-such-host.invalid:9"); ok {
		closeAdapter(tb, s.adapter(tb, r)) // a name is not resolved either
	}
}

func (s AdapterSuite) factoryLeavesRouteAlone(tb testing.TB) {
	tb.Helper()
	r := parseRoute(tb, s.Destination(tb).Route)
	before := *r
	before.Options = maps.Clone(r.Options)
	before.Sources, before.Labels = slices.Clone(r.Sources), slices.Clone(r.Labels)
	closeAdapter(tb, s.adapter(tb, r))
	if !reflect.DeepEqual(*r, before) {
		tb.Errorf("the factory changed the route from %+v to %+v", before, *r)
	}
}

func (s AdapterSuite) unknownOptionsAreRefused(tb testing.TB) {
	tb.Helper()
	r := parseRoute(tb, s.Destination(tb).Route)
	r.Options = maps.Clone(r.Options)
	r.Options["xunknownx"], r.Options["yunknowny"] = "1", "2"
	_, err := s.Factory(s.env(tb), r)
	wantProblems(tb, "options xunknownx and yunknowny", err, "xunknownx", "yunknowny")
}

func (s AdapterSuite) invalidRoutesAreRefused(tb testing.TB) {
	tb.Helper()
	if len(s.Invalid) == 0 {
		tb.Skip("the suite names nothing invalid")
	}
	for _, invalid := range s.Invalid {
		r := parseRoute(tb, invalid.URI)
		within(tb, promptly, "the factory with "+invalid.URI, func() {
			_, err := s.Factory(s.env(tb), r)
			wantProblems(tb, invalid.URI, err, invalid.Problems...)
		})
	}
}

func (s AdapterSuite) batchesArrive(tb testing.TB) {
	tb.Helper()
	d := s.Destination(tb)
	a := s.adapter(tb, parseRoute(tb, d.Route))
	sent := Messages(250)
	deliver(tb, a, sent[:1])
	deliver(tb, a, sent[1:200])
	deliver(tb, a, sent[200:])
	eventually(tb, func() error { return d.Arrived(sent) })
	closeAdapter(tb, a)
}

func (s AdapterSuite) hostileMessagesArrive(tb testing.TB) {
	tb.Helper()
	d := s.Destination(tb)
	a := s.adapter(tb, parseRoute(tb, d.Route))
	sent := HostileMessages()
	deliver(tb, a, sent)
	eventually(tb, func() error { return d.Arrived(sent) })
	closeAdapter(tb, a)
}

func (s AdapterSuite) emptyBatch(tb testing.TB) {
	tb.Helper()
	a := s.adapter(tb, parseRoute(tb, s.Destination(tb).Route))
	deliver(tb, a, nil)
	closeAdapter(tb, a)
}

func (s AdapterSuite) batchIsNotWrittenTo(tb testing.TB) {
	tb.Helper()
	a := s.adapter(tb, parseRoute(tb, s.Destination(tb).Route))
	batch := HostileMessages()
	before := slices.Clone(batch)
	deliver(tb, a, batch)
	closeAdapter(tb, a)
	sameMessages(tb, "Deliver", batch, before)
}

func (s AdapterSuite) batchIsNotKept(tb testing.TB) {
	tb.Helper()
	d := s.Destination(tb)
	a := s.adapter(tb, parseRoute(tb, d.Route))
	sent := Messages(60)
	buffer := make([]core.Message, 20) // as the agent does: the same memory for every batch
	for i := 0; i < len(sent); i += len(buffer) {
		copy(buffer, sent[i:])
		deliver(tb, a, buffer)
		poison(buffer)
	}
	closeAdapter(tb, a)
	eventually(tb, func() error { return d.Arrived(sent) })
}

// deliverHonoursContext delivers to a destination that takes nothing until Deliver waits for it, and ends its context.
func (s AdapterSuite) deliverHonoursContext(tb testing.TB) {
	tb.Helper()
	r, ok := s.at(tb, NewSilentSink(tb, "tcp").Address)
	if !ok {
		tb.Skip("the address of the suite's route is not host:port")
	}
	a := s.adapter(tb, r)
	batch := Messages(5)
	for i := range batch {
		batch[i].Data = HostileData()[len(HostileData())-1]
	}
	for start := time.Now(); time.Since(start) < time.Second; { // 5 MiB and more fill the buffers on the way
		var err error
		within(tb, promptly, "Deliver whose context has ended", func() {
			ctx, cancel := context.WithTimeout(tb.Context(), 200*time.Millisecond)
			defer cancel()
			err = a.Deliver(ctx, batch)
		})
		if err != nil {
			if core.IsPermanent(err) {
				tb.Errorf("the end of the context is reported as permanent, which drops the batch: %v", err)
			}
			break
		}
	}
	within(tb, promptly, "Close with a destination that takes nothing", func() {
		ctx, cancel := context.WithTimeout(tb.Context(), 200*time.Millisecond)
		defer cancel()
		_ = a.Close(ctx)
	})
}

func (s AdapterSuite) deliverHonoursEndedContext(tb testing.TB) {
	tb.Helper()
	a := s.adapter(tb, parseRoute(tb, s.Destination(tb).Route))
	within(tb, promptly, "Deliver whose context has ended", func() {
		if err := a.Deliver(ended(tb), Messages(10)); core.IsPermanent(err) {
			tb.Errorf("the end of the context is reported as permanent, which drops the batch: %v", err)
		}
	})
	closeAdapter(tb, a)
}

func (s AdapterSuite) deadDestinationIsAnError(tb testing.TB) {
	tb.Helper()
	if s.Unacknowledged {
		tb.Skip("nobody learns whether the destination is there")
	}
	r, ok := s.at(tb, DeadAddress(tb, "tcp"))
	if !ok && r.Address == "" {
		r.Path += ".nobody-is-there"
	} else if !ok {
		tb.Skip("the address of the suite's route is not host:port")
	}
	a := s.adapter(tb, r)
	var err error
	within(tb, patience, "Deliver to a dead destination", func() {
		ctx, cancel := context.WithTimeout(tb.Context(), promptly)
		defer cancel()
		err = a.Deliver(ctx, Messages(3))
	})
	if err == nil {
		tb.Error("Deliver to an address where nobody listens returns nil: the lines are lost in silence")
	}
	if core.IsPermanent(err) {
		tb.Errorf("a destination that is down is reported as permanent, which drops the batch: %v", err)
	}
	within(tb, patience, "Close with a dead destination", func() {
		ctx, cancel := context.WithTimeout(tb.Context(), time.Second)
		defer cancel()
		_ = a.Close(ctx)
	})
}

func (s AdapterSuite) closeLeavesNothing(tb testing.TB) {
	tb.Helper()
	d := s.Destination(tb)
	deliverAndClose := func() {
		a := s.adapter(tb, parseRoute(tb, d.Route))
		deliver(tb, a, Messages(3))
		closeAdapter(tb, a)
		closeAdapter(tb, s.adapter(tb, parseRoute(tb, d.Route))) // and one that never delivered
	}
	before := settledGoroutines()
	deliverAndClose()
	noGoroutinesBeyond(tb, before)
}

func (s AdapterSuite) closeHonoursContext(tb testing.TB) {
	tb.Helper()
	a := s.adapter(tb, parseRoute(tb, s.Destination(tb).Route))
	deliver(tb, a, Messages(100))
	within(tb, promptly, "Close whose context has ended", func() { _ = a.Close(ended(tb)) })
}
