package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/gliderlabs/logspout-builder/core"
)

// maxPanics is how often a module may panic on the same messages before they are taken apart to find the one that does it.
const maxPanics = 5

// delivery is what a route's goroutine works with; nobody else touches it.
type delivery struct {
	*route
	wants selector
	chain chain
	in    []core.Message
	next  uint64 // behind the last line read

	sending  struggle // with the adapter
	making   struggle // with the processors
	rejected drip

	// After a panic in a processor all that is not done with comes again, in new processors, after some panics one by one, and
	// without the lines that made them panic. It is over when all up to mark is done with.
	panics int
	mark   uint64
	skip   map[uint64]bool
}

// struggle is something that fails and is tried again.
type struggle struct {
	pauses  backoff
	trouble outage
}

// run delivers until the journal was closed and all of it is delivered, or reading ends. delivering ends later than reading, and
// closing last.
func (d *delivery) run(reading, delivering, closing context.Context) {
	left := d.loop(reading, delivering)
	d.leave(closing, left)
	ctx, cancel := context.WithTimeout(closing, maxClosing)
	defer cancel()
	if err := guarded(func() error { return d.dest.adapter.Close(ctx) }); err != nil {
		d.log.WarnContext(ctx, "closing the adapter failed", d.failure(err)...)
	}
	if safe, taken := d.confirmation(); safe < taken && !d.removed.Load() {
		d.log.WarnContext(ctx, "the destination has not confirmed all that it was sent before the stop", "read_again_at_next_start", d.resumes != nil)
	}
	d.cursor.Close()
}

// maxClosing bounds the Close of an adapter whose route is removed.
const maxClosing = 10 * time.Second

// loop returns the messages that it could not deliver before delivering ended.
func (d *delivery) loop(reading, delivering context.Context) (left []core.Message) {
	for {
		in, err := d.read(reading)
		final := errors.Is(err, io.EOF)
		due := errors.Is(err, context.DeadlineExceeded) && reading.Err() == nil
		if err != nil && !final && !due {
			return nil
		}
		out, err := d.process(in, final)
		if err != nil {
			if !d.renewProcessors(reading, err) {
				return nil
			}
			continue
		}
		if left = d.deliver(delivering, out); len(left) > 0 {
			return left
		}
		d.commit(len(in)+len(out) > 0)
		clear(in) // or the buffer would keep the lines' memory
		if final {
			return nil
		}
	}
}

// read waits for the next lines, or until a processor is due (context.DeadlineExceeded).
func (d *delivery) read(reading context.Context) ([]core.Message, error) {
	ctx := reading
	if d.chain.holds {
		due := d.chain.due
		if soon := time.Now().Add(time.Millisecond); due.Before(soon) { // a processor may be overdue for ever
			due = soon
		}
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(reading, due)
		defer cancel()
	}
	var err error
	d.in, err = d.cursor.Read(ctx, d.in[:0], d.limits.lines, d.limits.bytes)
	if n := len(d.in); n > 0 {
		d.next = d.in[n-1].Offset + 1
	}
	return d.in, err
}

// process filters what was read and runs it through the processors. An error is a processor's panic.
func (d *delivery) process(in []core.Message, final bool) ([]core.Message, error) {
	kept := d.wants.keep(in)
	filtered := len(in) - len(kept)
	if len(d.skip) > 0 {
		kept = slices.DeleteFunc(kept, func(m core.Message) bool { return d.skip[m.Offset] })
	}
	now := time.Now()
	flush, step := flushDue, d.chain.step
	if final {
		flush = flushAll
	}
	if d.panics >= maxPanics {
		step = d.stepCarefully
	}
	out, err := step(kept, now, flush)
	if err == nil && filtered > 0 {
		d.mu.Lock()
		d.count.filtered += uint64(filtered)
		d.mu.Unlock()
	}
	return out, err
}

// stepCarefully gives the processors one line at a time, and puts the one that they panic on aside.
func (d *delivery) stepCarefully(in []core.Message, now time.Time, flush flushing) ([]core.Message, error) {
	var out []core.Message
	for i := range in {
		made, err := d.chain.step(in[i:i+1], now, flushNone)
		if err != nil {
			if d.skip == nil {
				d.skip = map[uint64]bool{}
			}
			d.skip[in[i].Offset] = true
			d.lose(core.LostPanic, 1)
			d.log.Error("line dropped, a processor panics on it", d.failure(err, "line", in[i].Key())...)
			return nil, err
		}
		out = append(out, made...)
	}
	made, err := d.chain.step(nil, now, flush)
	if err != nil { // over something that was kept back: nobody can tell which line of it
		fresh, failed := d.dest.processors()
		if failed != nil {
			return nil, failed
		}
		lines := d.chain.pending()
		d.lose(core.LostPanic, lines)
		d.log.Error("lines dropped, a processor panics when it is to give them", d.failure(err, "lines", lines)...)
		d.chain.reset(fresh)
		return out, nil
	}
	return append(out, made...), nil
}

// renewProcessors takes new processors after a panic, and has come again what is not done with: all that the old ones may have
// kept back. False when reading ended meanwhile.
func (d *delivery) renewProcessors(reading context.Context, err error) bool {
	d.panics++
	d.mark = max(d.mark, d.next)
	for {
		d.failed(&d.making, err)
		if d.pause(reading, &d.making); reading.Err() != nil {
			d.chain.reset(nil)
			d.cursor.Rewind()
			return false
		}
		var fresh []core.Process
		if fresh, err = d.dest.processors(); err == nil {
			d.chain.reset(fresh)
			d.cursor.Rewind()
			return true
		}
	}
}

// deliver has the adapter take batch, however often it must be tried. It returns what was not taken when ctx ended.
func (d *delivery) deliver(ctx context.Context, batch []core.Message) (left []core.Message) {
	if len(batch) == 0 {
		return nil
	}
	parts := [][]core.Message{batch}
	panics := 0
	for len(parts) > 0 {
		if ctx.Err() != nil {
			return slices.Concat(parts...)
		}
		rest, err := d.attempt(ctx, parts[0])
		if err == nil {
			parts = parts[1:]
			d.recovered(&d.sending)
			continue
		}
		if len(rest) < len(parts[0]) {
			d.sending.pauses.reset()
		}
		parts[0] = rest
		if ctx.Err() != nil {
			continue
		}
		if isPanic(err) {
			if panics++; panics >= maxPanics && len(rest) > 1 {
				half := len(rest) / 2
				parts = slices.Concat([][]core.Message{rest[:half], rest[half:]}, parts[1:])
				continue
			}
			if panics >= maxPanics { // found it
				d.lose(core.LostPanic, 1)
				d.log.ErrorContext(ctx, "line dropped, the adapter panics on it", d.failure(err, "container", rest[0].Container.ID, "line", rest[0].Key())...)
				parts = parts[1:]
			}
		}
		d.failed(&d.sending, err)
		d.pause(ctx, &d.sending)
	}
	return nil
}

// lastPause bounds the pauses once the process is about to stop.
const lastPause = time.Second

// pause waits before the next attempt. The beginning of a stop ends a long pause: the next attempt may be the last that there is.
func (d *delivery) pause(ctx context.Context, s *struggle) {
	wait := s.pauses.next()
	select {
	case <-d.draining:
		pause(ctx, min(wait, lastPause))
		return
	default:
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-d.draining:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// attempt is one Deliver. It accounts for what was taken and rejected, and returns what must come again, with the reason.
func (d *delivery) attempt(ctx context.Context, batch []core.Message) (rest []core.Message, err error) {
	err = guarded(func() error { return d.dest.adapter.Deliver(ctx, batch) })
	partial, isPartial := errors.AsType[*core.PartialError](err)
	switch {
	case err == nil:
		d.took(batch)
		return nil, nil
	case isPartial:
		taken, retry, rejected, ok := divide(batch, partial)
		if !ok {
			return batch, fmt.Errorf("indexes that are not ascending or not of the batch, a defect of the module: %w", err)
		}
		d.took(taken)
		d.reject(rejected, partial.Err)
		if len(retry) == 0 {
			return nil, nil
		}
		return retry, err
	case isPanic(err), ctx.Err() != nil:
		return batch, err
	case core.IsPermanent(err):
		d.reject(uint64(len(batch)), err)
		return nil, nil
	}
	return batch, err
}

// divide sorts a batch by what a partial error says of it; ok is false when that makes no sense.
func divide(batch []core.Message, partial *core.PartialError) (taken, retry []core.Message, rejected uint64, ok bool) {
	ascending := func(list []int) bool {
		for i, n := range list {
			if n < 0 || n >= len(batch) || i > 0 && n <= list[i-1] {
				return false
			}
		}
		return true
	}
	if !ascending(partial.Retry) || !ascending(partial.Rejected) {
		return nil, nil, 0, false
	}
	again, never := partial.Retry, partial.Rejected
	for i := range batch {
		first := func(list []int) bool { return len(list) > 0 && list[0] == i }
		switch {
		case first(again) && first(never):
			return nil, nil, 0, false
		case first(again):
			retry, again = append(retry, batch[i]), again[1:]
		case first(never):
			rejected, never = rejected+1, never[1:]
		default:
			taken = append(taken, batch[i])
		}
	}
	return taken, retry, rejected, true
}

// took counts what the destination has taken.
func (d *delivery) took(batch []core.Message) {
	if len(batch) == 0 {
		return
	}
	var size uint64
	for i := range batch {
		size += uint64(len(batch[i].Data))
	}
	now := time.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.count.delivered += uint64(len(batch))
	d.count.bytes += size
	d.count.lastDelivered, d.count.progress = now, now
}

// reject counts what the destination will never take.
func (d *delivery) reject(lines uint64, err error) {
	if lines == 0 {
		return
	}
	d.lose(core.LostRejected, lines)
	if n := d.rejected.add(lines, time.Now()); n > 0 {
		if err == nil {
			err = errors.New("no reason given")
		}
		d.log.Error("lines dropped, the destination will never take them", d.failure(err, "lines", n)...)
	}
}

// failed notes an attempt that comes again.
func (d *delivery) failed(s *struggle, err error) {
	now := time.Now()
	report := s.trouble.failed(now)
	d.mu.Lock()
	d.count.retries++
	d.count.err = d.explain(err)
	d.count.since = s.trouble.since
	d.mu.Unlock()
	if report {
		d.log.Warn("delivery failed, trying again", d.failure(err, "failures", s.trouble.failures, "since", s.trouble.since)...)
	}
}

// recovered notes that what failed works again.
func (d *delivery) recovered(s *struggle) {
	s.pauses.reset()
	lasted, failures, ok := s.trouble.over(time.Now())
	if !ok {
		return
	}
	d.mu.Lock()
	d.count.err, d.count.since = "", time.Time{}
	d.mu.Unlock()
	d.log.Info("delivery works again", "after", lasted.Round(time.Millisecond), "failures", failures)
}

// failure are the attributes that tell of an error, without the route's secrets.
func (d *delivery) failure(err error, more ...any) []any {
	attributes := append([]any{"error", d.explain(err)}, more...)
	if p, ok := errors.AsType[*panicError](err); ok {
		attributes = append(attributes, "stack", string(p.stack))
	}
	return attributes
}

// commit says that all that was read is done with, but for what the processors keep back.
func (d *delivery) commit(progress bool) {
	next := d.next
	if d.chain.holds {
		next = min(next, d.chain.oldest)
	}
	d.cursor.Commit(next)
	maps.DeleteFunc(d.skip, func(offset uint64, _ bool) bool { return offset < next })
	if d.panics > 0 && next >= d.mark {
		d.panics = 0
		d.recovered(&d.making)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.chain.holds {
		d.count.filtered += d.chain.settle()
	}
	if progress {
		d.count.progress = time.Now()
	}
}

// leave accounts for what is not delivered at the end.
func (d *delivery) leave(closing context.Context, left []core.Message) {
	if d.removed.Load() { // on purpose
		return
	}
	var lost, again uint64
	known := map[*core.Container]bool{}
	count := func(batch []core.Message) {
		for i := range batch {
			c := batch[i].Container
			resumes, ok := known[c]
			if !ok {
				resumes = d.resumes != nil && d.resumes(c)
				known[c] = resumes
			}
			if resumes {
				again++
			} else {
				lost++
			}
		}
	}
	count(left)
	if d.resumes != nil { // nobody can tell whose lines they are
		again += d.chain.pending()
	} else {
		lost += d.chain.pending()
	}
	if len(left) > 0 {
		next := d.next
		for i := range left {
			next = min(next, left[i].Offset)
		}
		if d.chain.holds {
			next = min(next, d.chain.oldest)
		}
		d.cursor.Commit(next)
	}
	for {
		in, err := d.cursor.Read(closing, d.in[:0], d.limits.lines, d.limits.bytes)
		count(d.wants.keep(in))
		if err != nil {
			break
		}
	}
	if again > 0 {
		d.log.WarnContext(closing, "lines not delivered before the stop, to be read again at the next start", "lines", again)
	}
	if lost > 0 {
		d.lose(core.LostShutdown, lost)
		d.log.ErrorContext(closing, "lines lost, not delivered before the stop", "lines", lost, "reason", core.LostShutdown)
	}
}
