package stream

import (
	"slices"
	"sort"
	"time"
)

// kept is the end of what was written: a ring of bytes by their position in all that was ever written, the ends of its records, and a
// note of what was acknowledged when.
type kept struct {
	limit  int           // of bytes; a single chunk may be more
	window time.Duration // how long acknowledged bytes stay

	ring      []byte // its length is a power of two
	base, end uint64 // positions of the first byte kept, and behind the last
	ends      []uint64
	first     int // of ends that are still kept

	clock time.Duration // runs only while the peer takes bytes
	last  time.Time
	acked uint64
	marks []mark
}

// mark says that everything before pos was acknowledged at a moment of the clock.
type mark struct {
	pos uint64
	at  time.Duration
}

// markEvery is how finely acknowledgements are noted.
const markEvery = 100 * time.Millisecond

// add keeps a chunk whose records end at ends, counted from start.
func (k *kept) add(chunk []byte, start int, ends []int) {
	k.grow(len(chunk))
	for rest := chunk; len(rest) > 0; {
		n := copy(k.ring[k.index(k.end):], rest)
		rest = rest[n:]
		k.end += uint64(n) //nolint:gosec // a count
	}
	if k.first > 1024 && k.first > len(k.ends)/2 {
		k.ends = append(k.ends[:0], k.ends[k.first:]...)
		k.first = 0
	}
	from := k.end - uint64(len(chunk))
	for _, e := range ends {
		k.ends = append(k.ends, from+uint64(e-start)) //nolint:gosec // ends ascend from start
	}
}

// grow makes the ring hold n bytes more.
func (k *kept) grow(n int) {
	need := int(k.end-k.base) + n //nolint:gosec // at most the ring's size
	if need <= len(k.ring) {
		return
	}
	size := max(len(k.ring), 64<<10)
	for size < need {
		size *= 2
	}
	old := *k
	k.ring = make([]byte, size)
	for at := old.base; at < old.end; {
		part := old.bytes(at)
		copy(k.ring[k.index(at):], part) // may be cut by the new ring's end
		n := min(len(part), size-k.index(at))
		at += uint64(n) //nolint:gosec // a count
	}
}

func (k *kept) index(pos uint64) int {
	return int(pos & uint64(len(k.ring)-1)) //nolint:gosec // less than the ring's size
}

// bytes are those from pos on, as many as lie in one piece.
func (k *kept) bytes(pos uint64) []byte {
	i := k.index(pos)
	n := int(k.end - pos) //nolint:gosec // at most the ring's size
	if i+n <= len(k.ring) {
		return k.ring[i : i+n]
	}
	return k.ring[i:]
}

// restart begins a new connection, on which nothing is acknowledged.
func (k *kept) restart(now time.Time) {
	k.last, k.acked, k.marks = now, k.base, k.marks[:0]
}

// observe notes that all but the last queued bytes are acknowledged, and lets go of what was acknowledged a window ago.
func (k *kept) observe(now time.Time, queued int) {
	acked := k.base
	if q := uint64(max(queued, 0)); q < k.end-k.base {
		acked = k.end - q
	}
	// No step counts for more than a second: what happened in a longer one is not known.
	step := min(max(now.Sub(k.last), 0), time.Second)
	if stalled := queued > 0 && acked <= k.acked; !stalled {
		k.clock += step
	}
	k.last, k.acked = now, max(k.acked, acked)
	if n := len(k.marks); n == 0 || k.acked > k.marks[n-1].pos && k.clock-k.marks[n-1].at >= markEvery {
		k.marks = append(k.marks, mark{k.acked, k.clock})
	}
	k.forget(k.window)
}

// forget lets go of what was acknowledged so long ago.
func (k *kept) forget(window time.Duration) {
	n := sort.Search(len(k.marks), func(i int) bool { return k.marks[i].at+window > k.clock })
	if n == 0 {
		return
	}
	k.discard(k.marks[n-1].pos)
	k.marks = slices.Delete(k.marks, 0, n)
	if k.base == k.end && len(k.ring) > 1<<20 {
		k.ring, k.ends, k.first = nil, nil, 0
	}
}

// forgetRead lets go of what was acknowledged a window ago and has more than unread acknowledged bytes behind it.
func (k *kept) forgetRead(window time.Duration, unread int) {
	k.discard(k.readBefore(window, unread))
}

// readBefore is the position before which forgetRead lets go of everything.
func (k *kept) readBefore(window time.Duration, unread int) uint64 {
	n := sort.Search(len(k.marks), func(i int) bool { return k.marks[i].at+window > k.clock })
	if n == 0 {
		return k.base
	}
	return max(k.base, min(k.marks[n-1].pos, k.acked-min(k.acked, uint64(unread)))) //nolint:gosec // not negative
}

// room lets go of old bytes until n more fit, and reports whether they do.
func (k *kept) room(n int) bool {
	limit := max(k.limit, n)
	excess := int(k.end-k.base) + n - limit //nolint:gosec // at most the ring's size
	if excess <= 0 {
		return true
	}
	live := k.ends[k.first:]
	i := sort.Search(len(live), func(i int) bool { return live[i] >= k.base+uint64(excess) }) //nolint:gosec // positive
	// Half of the limit must be acknowledged behind what goes, or, for a chunk that is larger than that, all of it.
	behind := uint64(min(limit/2, limit-n)) //nolint:gosec // not negative
	if i == len(live) || live[i]+behind > k.acked {
		return false
	}
	k.discard(live[i])
	return true
}

// discard lets go of every record that ends at or before pos.
func (k *kept) discard(pos uint64) {
	live := k.ends[k.first:]
	n := sort.Search(len(live), func(i int) bool { return live[i] > pos })
	if n > 0 {
		k.base = live[n-1]
		k.first += n
	}
}
