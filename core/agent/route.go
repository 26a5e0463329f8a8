package agent

import (
	"context"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gliderlabs/logspout-builder/core"
	"github.com/gliderlabs/logspout-builder/core/journal"
)

// route is a route that runs: one goroutine reads the journal, filters, runs the processors and delivers.
type route struct {
	spec    *core.Route
	log     *slog.Logger
	dest    *destination
	cursor  *journal.Cursor
	limits  limits
	hide    *strings.Replacer
	resumes func(*core.Container) bool // whether what is left of it at stop is read again at the next start; nil is never

	quit    context.CancelFunc // no more reading
	abort   context.CancelFunc // nor delivering
	done    chan struct{}      // closed when the goroutine has ended
	removed atomic.Bool

	draining <-chan struct{}

	// Of the goroutine that watches all routes:
	dropped drip
	untold  drip
	told    uint64

	mu    sync.Mutex
	count counters
}

// limits bound a batch.
type limits struct{ lines, bytes int }

// counters are what a route tells of itself.
type counters struct {
	delivered, bytes, filtered, retries uint64
	lost                                map[string]uint64
	err                                 string
	since                               time.Time
	lastDelivered                       time.Time
	progress                            time.Time // when anything was done with last, be it only filtered
}

// startRoute starts a route's goroutine. It delivers until the journal was closed and all is delivered, or delivering ends, or
// it is removed; closing bounds the adapter's Close. It closes the cursor.
// draining is closed when the process is about to stop.
func startRoute(
	delivering, closing context.Context, draining <-chan struct{}, dest *destination, cursor *journal.Cursor, lim limits,
	resumes func(*core.Container) bool,
) *route {
	r := &route{
		spec: dest.route, log: dest.log, dest: dest, cursor: cursor, limits: lim, hide: secrets(dest.route), resumes: resumes,
		draining: draining, done: make(chan struct{}),
	}
	r.count.lost = map[string]uint64{}
	r.count.progress = time.Now()
	delivering, r.abort = context.WithCancel(delivering)
	reading, quit := context.WithCancel(delivering)
	r.quit = quit
	go func() {
		defer close(r.done)
		defer r.abort()
		defer quit()
		d := &delivery{route: r, wants: selector{filter: &dest.route.Filter}}
		d.chain.reset(dest.first)
		d.run(reading, delivering, closing)
	}()
	return r
}

// patience is how long the delivery that is under way may still take when its route is removed.
const patience = 2 * time.Second

// remove ends the route without delivering what waits: the delivery under way may end, for a short while, unless the one before it failed;
// one that does not end when it is told to is left to itself. It waits no longer than ctx.
func (r *route) remove(ctx context.Context) {
	r.removed.Store(true)
	r.quit()
	if r.failing() || !r.await(ctx, patience) {
		r.abort()
		if !r.await(ctx, patience/2) {
			r.log.ErrorContext(ctx, "removed route does not end, its module ignores cancellation")
		}
	}
	r.abort()
	r.cursor.Close()
}

// failing tells whether the last delivery failed, so that the one under way most probably does not end well either.
func (r *route) failing() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.count.err != ""
}

// await waits until the route's goroutine has ended (true), for at most d.
func (r *route) await(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-r.done:
		return true
	case <-timer.C:
	case <-ctx.Done():
	}
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}

// watch tells in the log of lines that the journal had to drop for this route: its own goroutine may be stuck with its destination.
func (r *route) watch(ctx context.Context, now time.Time) {
	lost := r.cursor.Lost()
	if n := r.dropped.add(lost-r.told, now); n > 0 {
		r.log.ErrorContext(ctx, "lines lost, the journal was full", "lines", n, "reason", core.LostJournalFull)
	}
	r.told = lost
}

// lose counts lines that will not be delivered.
func (r *route) lose(reason string, lines uint64) {
	if lines == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.count.lost[reason] += lines
}

// explain is an error's text without the route's secrets.
func (r *route) explain(err error) string { return r.hide.Replace(err.Error()) }

// status is a snapshot.
func (r *route) status() core.RouteStatus {
	queue, full, counts := r.cursor.Queue(), r.cursor.Lost(), r.counts()
	r.mu.Lock()
	defer r.mu.Unlock()
	c := &r.count
	s := core.RouteStatus{
		Route: r.spec, Delivered: c.delivered, Bytes: c.bytes, Filtered: c.filtered, Retries: c.retries,
		Lost: make(map[string]uint64, len(c.lost)+1), Queue: queue, Err: c.err, Since: c.since, LastDelivered: c.lastDelivered,
	}
	maps.Copy(s.Lost, c.lost)
	if full > 0 {
		s.Lost[core.LostJournalFull] = full
	}
	s.Counts = counts
	return s
}

// counts is what the adapter itself counts; nothing where it panics.
func (r *route) counts() (counts map[string]uint64) {
	if c, ok := r.dest.adapter.(core.Counter); ok {
		_ = guarded(func() error { counts = c.Counts(); return nil })
	}
	return counts
}

// stalledFor is how long the route has had lines waiting without getting on.
func (r *route) stalledFor(now time.Time) time.Duration {
	oldest := r.cursor.Queue().Oldest
	if oldest.IsZero() {
		return 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.count.progress.After(oldest) {
		oldest = r.count.progress
	}
	return now.Sub(oldest)
}

// selector decides by a route's filter, and remembers what it decided of a container.
type selector struct {
	filter  *core.Filter
	known   map[*core.Container]bool
	last    *core.Container
	lastYes bool
}

// maxKnown bounds the selector's memory of containers, which keeps them from being freed; with more alive than that it asks the
// filter again.
const maxKnown = 256

// keep moves the messages that the filter wants to the front of batch, and returns those.
func (s *selector) keep(batch []core.Message) []core.Message {
	n := 0
	for i := range batch {
		m := &batch[i]
		if m.Container != s.last {
			s.last, s.lastYes = m.Container, s.ask(m.Container)
		}
		if !s.lastYes || !s.filter.MatchSource(m.Source) {
			continue
		}
		if n != i {
			batch[n] = *m
		}
		n++
	}
	return batch[:n]
}

func (s *selector) ask(c *core.Container) bool {
	if s.filter.ID == "" && s.filter.Name == "" && len(s.filter.Labels) == 0 {
		return true
	}
	if yes, ok := s.known[c]; ok {
		return yes
	}
	if s.known == nil || len(s.known) >= maxKnown {
		s.known = map[*core.Container]bool{}
	}
	yes := s.filter.MatchContainer(c)
	s.known[c] = yes
	return yes
}
