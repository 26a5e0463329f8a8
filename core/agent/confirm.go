package agent

import (
	"maps"
	"math"
	"slices"
	"time"

	"github.com/gliderlabs/logspout-builder/core"
	"github.com/gliderlabs/logspout-builder/core/journal"
)

// An adapter may hold back what it has delivered, to send it again: a core.Confirmer. What it has not confirmed is lost when the process dies,
// so checkpoints that pass it are not yet for the next start. Rather than to follow each line, reached remembers the checkpoints of the last
// seconds, each with how much every adapter had taken by then: once that is confirmed, so are these checkpoints.

// reached are checkpoints that the journal has reached, until they are confirmed. It is used by one goroutine at a time.
type reached struct {
	confirmed journal.Checkpoints
	waiting   []snapshot // oldest first, each other than the one before
}

// snapshot is what the journal's checkpoints were at a moment.
type snapshot struct {
	at    journal.Checkpoints
	when  time.Time
	needs []need
}

// need is how much of what a route's adapter takes has to be safe.
type need struct {
	route *route
	taken uint64
}

// mostWaiting bounds how many checkpoints are remembered. Those that are stand about evenly apart: what is confirmed after a minute is known to
// some seconds.
const mostWaiting = 16

// add notes that the journal has reached at. All that these checkpoints pass was taken by then.
func (r *reached) add(at journal.Checkpoints, routes []*route) {
	last := r.confirmed
	if n := len(r.waiting); n > 0 {
		last = r.waiting[n-1].at
	}
	if maps.EqualFunc(at, last, maps.Equal) {
		return // what was taken since moves no checkpoint
	}
	if len(r.waiting) == mostWaiting {
		r.thin()
	}
	s := snapshot{at: at, when: time.Now()}
	for _, route := range routes {
		if safe, taken := route.confirmation(); safe < taken {
			s.needs = append(s.needs, need{route, taken})
		}
	}
	r.waiting = append(r.waiting, s)
}

// thin drops the snapshot whose neighbours stand closest together, never the oldest or newest.
func (r *reached) thin() {
	gap := func(i int) time.Duration { return r.waiting[i+1].when.Sub(r.waiting[i-1].when) }
	least := 1
	for i := 2; i < len(r.waiting)-1; i++ {
		if gap(i) < gap(least) {
			least = i
		}
	}
	r.waiting = slices.Delete(r.waiting, least, least+1)
}

// settle returns the newest checkpoints that are confirmed.
func (r *reached) settle() journal.Checkpoints {
	safe := map[*route]uint64{}
	met := func(n need) bool {
		if n.route.removed.Load() { // on purpose, with all that it had
			return true
		}
		if _, asked := safe[n.route]; !asked {
			safe[n.route], _ = n.route.confirmation()
		}
		return safe[n.route] >= n.taken
	}
	for i := len(r.waiting) - 1; i >= 0; i-- {
		s := &r.waiting[i]
		s.needs = slices.DeleteFunc(s.needs, met)
		if len(s.needs) == 0 {
			r.confirmed = s.at
			r.waiting = slices.Delete(r.waiting, 0, i+1)
			break
		}
	}
	return r.confirmed
}

// confirmation is core.Confirmer's, of the route's adapter; 0, 0 where it holds nothing back. One that cannot tell has confirmed nothing.
func (r *route) confirmation() (safe, taken uint64) {
	c, ok := r.dest.adapter.(core.Confirmer)
	if !ok {
		return 0, 0
	}
	if err := guarded(func() error { safe, taken = c.Confirmed(); return nil }); err != nil {
		if n := r.untold.add(1, time.Now()); n > 0 {
			r.log.Error("the adapter does not tell what is confirmed, checkpoints stay where they are", "error", r.explain(err), "times", n)
		}
		return 0, math.MaxUint64
	}
	return safe, taken
}
