package journal

import (
	"maps"
	"slices"

	"github.com/gliderlabs/logspout-builder/core"
)

// Checkpoints are the places to resume from: intake, key, value.
type Checkpoints map[string]map[string]string

// place is what a position is kept under.
type place struct{ intake, key string }

// position is what is known of one place. It goes when nothing is known and nothing pending any more.
type position struct {
	place
	first   string // where reading began: appended first, without lines; "" when that is not known
	last    string // appended last, or restored; "" when there is none
	done    string // the checkpoint; "" when there is none
	pending int    // marks not yet settled
	newest  *mark  // of those
	forget  bool   // once none is pending
}

// mark is the end of an append: when every cursor is done with all before end, value is the checkpoint.
type mark struct {
	position *position
	value    string // "" leaves the position as it is
	end      uint64
}

// Position is the value appended last under a key, or restored; ok is false when there is none.
func (j *Journal) Position(intake, key string) (value string, ok bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	p := j.positions[place{intake, key}]
	if p == nil || p.last == "" {
		return "", false
	}
	return p.last, true
}

// Resumable reports whether a key has a Position that is kept: what is not done with by the end of this process can be read again from it. Once
// Forget was called there is nothing left to read.
func (j *Journal) Resumable(intake, key string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	p := j.positions[place{intake, key}]
	return p != nil && p.last != "" && !p.forget
}

// Keys are the keys of an intake that have a Position, sorted.
func (j *Journal) Keys(intake string) []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	var keys []string
	for where, p := range j.positions {
		if where.intake == intake && p.last != "" {
			keys = append(keys, where.key)
		}
	}
	slices.Sort(keys)
	return keys
}

// Forget drops a key's position and checkpoint once all that was appended under it is done with. An Append under the key before
// that keeps them.
func (j *Journal) Forget(intake, key string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if p := j.positions[place{intake, key}]; p != nil {
		p.forget = true
		j.dropUnused(p)
	}
}

// Checkpoints tells for each key where to resume so that nothing is missed: the value of the last Append of which, and of all
// before which, every cursor that holds has committed or lost every line. Keys without one are not in it. The result is the
// caller's.
//
// While more was dropped than the journal holds and the lines in flight are still not committed, a checkpoint may stay at an earlier
// Append of its key; it catches up when they are.
func (j *Journal) Checkpoints() Checkpoints {
	j.mu.Lock()
	defer j.mu.Unlock()
	c := Checkpoints{}
	for _, p := range j.positions {
		if p.done == "" {
			continue
		}
		if c[p.intake] == nil {
			c[p.intake] = map[string]string{}
		}
		c[p.intake][p.key] = p.done
	}
	return c
}

// Complete is a copy of c, checkpoints of this journal, now or earlier, with every key that c does not have and of which it is known where
// reading began: whose first Append brought that place and no lines. It is right whatever became of the lines that followed.
func (j *Journal) Complete(c Checkpoints) Checkpoints {
	out := make(Checkpoints, len(c))
	for intake, values := range c {
		out[intake] = maps.Clone(values)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, p := range j.positions {
		if p.first == "" || out[p.intake][p.key] != "" {
			continue
		}
		if out[p.intake] == nil {
			out[p.intake] = map[string]string{}
		}
		out[p.intake][p.key] = p.first
	}
	return out
}

// Restore takes over the checkpoints of an earlier process, but for keys that have a position already.
func (j *Journal) Restore(c Checkpoints) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for intake, values := range c {
		for key, value := range values {
			where := place{intake, key}
			if j.positions[where] == nil && value != "" {
				j.positions[where] = &position{place: where, last: value, done: value}
			}
		}
	}
}

// remember takes back a Forget that has not yet taken effect.
func (j *Journal) remember(intake, key string) {
	if p := j.positions[place{intake, key}]; p != nil {
		p.forget = false
	}
}

// setPosition ends an append of so many lines, all of which are in the log.
func (j *Journal) setPosition(intake string, lines int, at core.Position) {
	if at.Key == "" {
		return
	}
	where := place{intake, at.Key}
	p := j.positions[where]
	if p == nil {
		p = &position{place: where}
		if lines == 0 {
			p.first = at.Value
		}
		j.positions[where] = p
	}
	if at.Value != "" {
		p.last = at.Value
	}
	switch {
	case j.done == j.next: // nothing to wait for
		if at.Value != "" {
			p.done = at.Value
		}
		j.dropUnused(p)
	case p.newest != nil && p.newest.end == j.next: // both take effect at the same moment
		if at.Value != "" {
			p.newest.value = at.Value
		}
	default:
		p.newest = &mark{position: p, value: at.Value, end: j.next}
		p.pending++
		j.putMark(p.newest)
	}
}

// putMark sets a mark at the end of the log: on the run that ends there, or on an empty one.
func (j *Journal) putMark(m *mark) {
	if n := len(j.segments); n > 0 {
		runs := j.segments[n-1].runs
		if r := &runs[len(runs)-1]; r.mark == nil {
			r.mark = m
			return
		}
	}
	j.evictFor(runCost)   // where nobody blocks
	if j.done == j.next { // which has ended the wait
		j.apply(m)
		return
	}
	j.put(run{first: j.next, data: j.data, mark: m}, runCost)
}

// settle makes checkpoints of the marks that done has passed.
func (j *Journal) settle() {
	n := 0
	for n < len(j.limbo) && j.limbo[n].end <= j.done {
		j.apply(j.limbo[n])
		n++
	}
	j.limbo = trim(j.limbo, n)
	for _, s := range j.segments {
		for s.settled < len(s.runs) && s.runs[s.settled].end() <= j.done {
			if m := s.runs[s.settled].mark; m != nil {
				j.apply(m)
			}
			s.settled++
		}
		if s.settled < len(s.runs) {
			return
		}
	}
}

func (j *Journal) apply(m *mark) {
	p := m.position
	if m.value != "" {
		p.done = m.value
	}
	j.unpend(m)
}

func (j *Journal) unpend(m *mark) {
	p := m.position
	p.pending--
	if p.newest == m {
		p.newest = nil
	}
	j.dropUnused(p)
}

func (j *Journal) dropUnused(p *position) {
	if p.pending == 0 && (p.forget || p.last == "") {
		delete(j.positions, p.place)
	}
}

// compactLimbo bounds what waits for lines in flight whose segments went: of each position the oldest mark stays, so that the
// checkpoint gets on, and the newest.
func (j *Journal) compactLimbo() {
	if len(j.limbo) <= max(j.maxLimbo, 4*len(j.positions)) {
		return
	}
	oldest, newest := map[*position]*mark{}, map[*position]*mark{}
	for _, m := range j.limbo {
		if oldest[m.position] == nil {
			oldest[m.position] = m
		}
		if m.value != "" {
			newest[m.position] = m
		}
	}
	kept := make([]*mark, 0, 2*len(oldest))
	for _, m := range j.limbo {
		if oldest[m.position] == m || newest[m.position] == m || m.position.newest == m {
			kept = append(kept, m)
		} else {
			m.position.pending--
		}
	}
	j.limbo = kept
}
