package agent

import (
	"context"
	"os"
	"time"

	"github.com/gliderlabs/logspout-builder/core"
)

// The parts of the grace, in percent from its beginning, by whose end each has to be over. The last is for saving the state:
// whoever stops a container kills it when its time is up.
const (
	untilRead      = 20
	untilDelivered = 80
	untilClosed    = 90
	atWork         = 95
)

// atLeast is what a part gets even where the grace is used up, to account for what is left.
const atLeast = 250 * time.Millisecond

// stop is a stop under way.
type stop struct {
	base    context.Context //nolint:containedctx // for the length of one function
	hurry   context.Context //nolint:containedctx // ends when a second signal has come
	started time.Time
	grace   time.Duration
	end     func()
}

// newStop starts the clock; a signal from now on ends the grace at once, where the stop was asked for by one.
func (f *forwarder) newStop(base context.Context, asked bool) *stop {
	hurry, hasten := context.WithCancel(base)
	s := &stop{base: base, started: time.Now(), grace: f.config.grace, hurry: hurry, end: hasten}
	if !asked {
		return s
	}
	if f.sys.interrupts == nil {
		f.log.InfoContext(base, "stopping", "grace", f.config.grace)
		return s
	}
	signals, ignore := f.sys.interrupts()
	f.log.InfoContext(base, "stopping", "grace", f.config.grace) // from here on a second signal is heard
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		select {
		case received := <-signals:
			f.log.WarnContext(base, "second signal, not waiting any longer", "signal", name(received))
			hasten()
		case <-hurry.Done():
		}
	}()
	s.end = func() {
		hasten()
		<-ended
		ignore()
	}
	return s
}

func name(s os.Signal) string {
	if s == nil {
		return ""
	}
	return s.String()
}

// await waits for done until that percentage of the grace is over.
func (s *stop) await(percent int, done <-chan struct{}) bool {
	ctx, cancel := s.until(percent)
	defer cancel()
	return awaited(ctx, done)
}

// until is a context that ends when that percentage of the grace is over, or a second signal comes; never at once.
func (s *stop) until(percent int) (context.Context, context.CancelFunc) {
	if s.hurry.Err() != nil {
		return context.WithTimeout(s.base, atLeast)
	}
	left := time.Until(s.started.Add(s.grace * time.Duration(percent) / 100))
	return context.WithTimeout(s.hurry, max(left, atLeast))
}

// awaited waits until done is closed (true) or ctx ends.
func awaited(ctx context.Context, done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	case <-ctx.Done():
	}
	select {
	case <-done:
		return true
	default:
		return false
	}
}

// stopReading ends the log routers, and with them the journal.
func (f *forwarder) stopReading(s *stop, end context.CancelFunc, read <-chan struct{}) {
	end()
	if !s.await(untilRead, read) {
		f.log.Error("a log router does not end, its module ignores cancellation")
	}
	f.journal.Close()
}

// stopRoutes has the routes deliver what waits, as long as the grace lasts.
func (f *forwarder) stopRoutes(s *stop, endDelivering, endClosing context.CancelFunc) {
	routes := f.table.shut()
	close(f.draining)
	for _, r := range routes {
		s.await(untilDelivered, r.done)
	}
	endDelivering()
	for _, r := range routes {
		s.await(untilClosed, r.done)
	}
	endClosing()
	for _, r := range routes {
		if s.await(atWork, r.done) { // a module that heeds its cancellation takes a moment to do so
			continue
		}
		lines := r.cursor.Queue().Lines
		if !f.resumable() {
			r.lose(core.LostShutdown, lines)
		}
		r.log.Error("route does not end, its module ignores cancellation", "lines", lines, "read_again_at_next_start", f.resumable())
	}
}
