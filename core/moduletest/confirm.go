package moduletest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/gliderlabs/logspout-builder/core"
)

// longUnread is how long a destination reads nothing and must not be taken to have confirmed.
const longUnread = 700 * time.Millisecond

// confirmations asks a core.Confirmer, whose promises for any moment it keeps an eye on.
type confirmations struct {
	tb testing.TB
	of core.Confirmer

	mu          sync.Mutex
	safe, taken uint64
	told        bool // what is wrong
}

// confirmationsOf asks an adapter, now and then also beside the test until that ends.
func confirmationsOf(tb testing.TB, a core.Adapter) *confirmations {
	tb.Helper()
	of, ok := a.(core.Confirmer)
	if !ok {
		closeAdapter(tb, a)
		tb.Skip("the adapter does not implement core.Confirmer: what Deliver took is confirmed")
	}
	c := &confirmations{tb: tb, of: of}
	done := make(chan struct{})
	var asking sync.WaitGroup
	asking.Go(func() {
		for {
			c.ask()
			select {
			case <-done:
				return
			case <-time.After(time.Millisecond):
			}
		}
	})
	tb.Cleanup(func() {
		close(done)
		asking.Wait()
	})
	return c
}

func (c *confirmations) ask() (safe, taken uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	safe, taken = c.of.Confirmed()
	switch {
	case c.told:
	case safe > taken:
		c.told = true
		c.tb.Errorf("Confirmed tells that %d of %d are safe, more than were taken", safe, taken)
	case safe < c.safe || taken < c.taken:
		c.told = true
		c.tb.Errorf("Confirmed goes back from %d of %d to %d of %d", c.safe, c.taken, safe, taken)
	}
	c.safe, c.taken = safe, taken
	return safe, taken
}

func (s AdapterSuite) confirmsNothingUnread(tb testing.TB) {
	tb.Helper()
	if s.Unacknowledged {
		tb.Skip("nobody learns what the destination has read")
	}
	r, ok := s.at(tb, NewSilentSink(tb, "tcp").Address)
	if !ok {
		tb.Skip("the address of the suite's route is not host:port")
	}
	a := s.adapter(tb, r)
	c := confirmationsOf(tb, a)
	_, before := c.ask()
	var err error
	within(tb, patience, "Deliver to a destination that reads nothing", func() {
		ctx, cancel := context.WithTimeout(tb.Context(), promptly)
		defer cancel()
		err = a.Deliver(ctx, Messages(5))
	})
	unread := func(when string) {
		safe, taken := c.ask()
		if taken == before {
			tb.Errorf("Deliver has taken 5 messages, and Confirmed tells that %d were taken, as before", taken)
		} else if safe == taken {
			tb.Errorf("Confirmed tells %s that all is safe, of which the destination has read nothing: it is lost when destination and process die", when)
		}
	}
	if err == nil {
		pause(longUnread)
		unread("after Deliver")
	}
	within(tb, promptly, "Close with a destination that reads nothing", func() {
		ctx, cancel := context.WithTimeout(tb.Context(), 200*time.Millisecond)
		defer cancel()
		_ = a.Close(ctx)
	})
	if err == nil {
		unread("after Close")
	}
}

func (s AdapterSuite) closeConfirms(tb testing.TB) {
	tb.Helper()
	a := s.adapter(tb, parseRoute(tb, s.Destination(tb).Route))
	c := confirmationsOf(tb, a)
	deliver(tb, a, Messages(20))
	c.ask()
	closeAdapter(tb, a)
	if safe, taken := c.ask(); safe != taken {
		tb.Errorf("Confirmed tells after Close that %d of %d are safe, and the destination has taken all: it comes again after every restart", safe, taken)
	}
}
