package docker

import (
	"context"
	"math/rand/v2"
	"time"
)

// backoff is the wait between attempts: doubling, with a random part so that many containers do not come at once.
type backoff struct{ next, first, most time.Duration }

func newBackoff(first, most time.Duration) backoff {
	return backoff{next: first, first: first, most: most}
}

// wait waits for the next span; false when ctx ended.
func (b *backoff) wait(ctx context.Context) bool {
	d := b.next/2 + rand.N(b.next/2+1) //nolint:gosec // spreads load
	b.next = min(2*b.next, b.most)
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// reset says that there was progress.
func (b *backoff) reset() { b.next = b.first }
