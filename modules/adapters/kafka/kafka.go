// Package kafka delivers to a Kafka topic. A line counts as delivered once all in-sync replicas have it.
package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/gliderlabs/logspout-builder/core"
)

// Adapter writes to one topic. It has at most one flight of records under way.
type Adapter struct {
	config
	brokers *brokerErrors
	client  *kgo.Client // made by the first Deliver
	flight  *flight     // handed to the client and not yet settled; it outlives a Deliver that gave up waiting
	// flightBytes is what a flight may hold. It shrinks when the cluster turns out to take less than max_message_bytes.
	flightBytes int
}

// New makes the adapter of a route "kafka://[user:password@]broker[:port][,...]/topic". It connects to nothing.
func New(env core.Env, route *core.Route) (core.Adapter, error) {
	c, err := parse(env, route)
	if err != nil {
		return nil, err
	}
	a := &Adapter{config: c, brokers: &brokerErrors{log: env.Logger, failing: map[string]error{}}, flightBytes: 1 << 30}
	a.config.client = append(a.config.client, kgo.WithHooks(a.brokers))
	return a, nil
}

// Deliver writes the batch and waits until all of it is acknowledged, at most for the route's timeout. What is not acknowledged by
// then stays with the client, which goes on with the same sequence numbers: when those lines come again, Deliver takes up the wait
// instead of writing them a second time. So a broker that was away causes no duplicate and no change of order.
func (a *Adapter) Deliver(ctx context.Context, batch []core.Message) error {
	if a.client == nil {
		client, err := kgo.NewClient(a.config.client...)
		if err != nil {
			return fmt.Errorf("make kafka client: %w", err)
		}
		a.client = client
	}
	ctx, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()

	d := newDelivery(batch)
	if a.flight != nil { // of an earlier Deliver; its failures come again now anyway
		if err := a.wait(ctx); err != nil {
			return err
		}
		d.takeUp(a.flight)
		a.flight = nil
	}
	most := len(batch) // records in the next flight
	for len(d.todo) > 0 {
		if !a.send(ctx, d, most) {
			continue
		}
		if err := a.wait(ctx); err != nil {
			return d.result(err)
		}
		f := a.flight
		a.flight = nil
		err := d.settle(f)
		switch {
		case err == nil:
			most = min(2*most, len(batch))
		case !causedByRecord(err):
			return d.result(a.explain(err))
		case len(f.records) == 1:
			d.reject(a.explain(err))
		default: // one of them is to blame: find it by halves
			most = len(f.records) / 2
			if !errors.Is(err, kerr.InvalidRecord) && !errors.Is(err, kerr.InvalidTimestamp) {
				a.flightBytes = max(1, f.bytes/2)
			}
		}
	}
	return d.result(nil)
}

// send hands the next lines to the client: at most so many, and one at least. It is false when the first of them makes no record:
// that one is rejected then.
func (a *Adapter) send(ctx context.Context, d *delivery, most int) bool {
	f := &flight{done: make(chan struct{})}
	for _, i := range d.todo {
		r, err := a.record(&d.batch[i])
		if err != nil && len(f.records) == 0 {
			d.reject(err)
			return false
		}
		if err != nil || len(f.records) == most || len(f.records) > 0 && f.bytes+size(r) > a.flightBytes {
			break
		}
		f.bytes += size(r)
		f.records = append(f.records, r)
		f.keys = append(f.keys, d.batch[i].Key())
	}
	f.errs = make([]error, len(f.records))
	f.left.Store(int64(len(f.records)))
	a.flight = f
	// A record's context must not end with this Deliver: the client gives a record up only while that breaks no sequence.
	ctx = context.WithoutCancel(ctx)
	for i, r := range f.records {
		a.client.Produce(ctx, r, func(_ *kgo.Record, err error) { f.settled(i, err) })
	}
	return true
}

// wait returns nil once the flight is settled.
func (a *Adapter) wait(ctx context.Context) error {
	err := a.client.Flush(ctx)
	if err == nil {
		select {
		case <-a.flight.done:
			return nil
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	text := fmt.Errorf("%d of %d lines not acknowledged within %s", a.flight.left.Load(), len(a.flight.records), a.timeout)
	if cause := a.brokers.last(); cause != nil {
		return fmt.Errorf("%w: %w", text, cause)
	}
	return text
}

// Close gives up what is under way. It does not wait for the brokers.
func (a *Adapter) Close(context.Context) error {
	if a.client != nil {
		a.client.Close()
	}
	return nil
}

// explain says what to do about an error of the cluster.
func (a *Adapter) explain(err error) error {
	switch {
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		return fmt.Errorf("topic %q is not on the cluster: create it, or set topic.create=true: %w", a.topic, err)
	case errors.Is(err, kerr.TopicAuthorizationFailed):
		return fmt.Errorf("user %q may not write to topic %q: %w", a.user, a.topic, err)
	case errors.Is(err, kerr.MessageTooLarge):
		return fmt.Errorf("topic %q: larger than max.message.bytes of the topic or max_message_bytes of the route: %w", a.topic, err)
	}
	return fmt.Errorf("topic %q: %w", a.topic, err)
}

// causedByRecord tells whether a record's own content is at fault, so that repeating it is in vain.
func causedByRecord(err error) bool {
	return slices.ContainsFunc([]error{kerr.MessageTooLarge, kerr.RecordListTooLarge, kerr.InvalidRecord, kerr.InvalidTimestamp},
		func(e error) bool { return errors.Is(err, e) })
}

var (
	_ core.AdapterFactory = New
	_ core.Adapter        = (*Adapter)(nil)
)
