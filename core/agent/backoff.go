package agent

import (
	"context"
	"math/rand/v2"
	"time"
)

const (
	backoffFirst = 100 * time.Millisecond
	backoffMost  = 15 * time.Second
)

// backoff gives the pauses between attempts: doubled each time up to a bound, the second half of each drawn by chance, so
// that many routes to one destination do not come back to it all at once.
type backoff struct{ failures int }

// next is the pause after one more failure.
func (b *backoff) next() time.Duration {
	d := backoffMost
	if b.failures < 8 { // 100 ms << 8 is past the bound
		d = min(backoffFirst<<b.failures, backoffMost)
	}
	b.failures++
	return d/2 + rand.N(d/2+1) //nolint:gosec // spreads load, guards nothing
}

func (b *backoff) reset() { b.failures = 0 }

// pause waits for d, or until ctx ends (false).
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

const (
	quietFirst = 10 * time.Second
	quietMost  = 10 * time.Minute
)

// outage says when a failure that goes on and on is worth a line in the log: at its start, then at growing intervals.
type outage struct {
	since    time.Time // zero while all is well
	failures uint64
	interval time.Duration
	next     time.Time
}

// failed counts a failure and reports whether to log it.
func (o *outage) failed(now time.Time) bool {
	o.failures++
	if o.since.IsZero() {
		o.since, o.interval = now, quietFirst
		o.next = now.Add(o.interval)
		return true
	}
	if now.Before(o.next) {
		return false
	}
	o.interval = min(3*o.interval, quietMost)
	o.next = now.Add(o.interval)
	return true
}

// over ends the outage: how long it was and how many failures it had; ok is false when there was none.
func (o *outage) over(now time.Time) (lasted time.Duration, failures uint64, ok bool) {
	if o.since.IsZero() {
		return 0, 0, false
	}
	lasted, failures = now.Sub(o.since), o.failures
	*o = outage{}
	return lasted, failures, true
}

// drip lets single events through to the log that may come in floods: what it held back is told with the next one.
type drip struct {
	held     uint64
	interval time.Duration
	next     time.Time
}

// add takes n more; report is how many to tell of now, 0 for none yet.
func (d *drip) add(n uint64, now time.Time) (report uint64) {
	d.held += n
	if d.held == 0 || now.Before(d.next) {
		return 0
	}
	if now.Sub(d.next) > d.interval { // a quiet time lies behind
		d.interval = quietFirst / 3
	}
	d.interval = min(3*d.interval, quietMost)
	d.next = now.Add(d.interval)
	report, d.held = d.held, 0
	return report
}
