package docker

import "hash/maphash"

const (
	// repeatsLen is how many messages are remembered of a busy container, 8 bytes each: the engine repeats what it has read of the
	// newest file, at rotation, and that is the more the busier the machine is.
	repeatsLen = 8192
	// lastRepeatingAPI is the API version of the last engine that repeats lines at rotation, 20.10. It was mended in 23.0.
	lastRepeatingAPI = "1.41"
)

// repeats finds the messages that Engine 20.10 sends a second time when a log file is rotated: a run of the newest messages, in their
// order. Within a stream the times of messages never go back, so a run begins with a message older than the stream's newest that was
// sent lately; one that was not is kept. After many of those in a row the clock has been set, and time counts from there.
type repeats struct {
	seed   maphash.Seed
	ring   []uint64
	count  int // messages remembered since the start; the newest is at (count-1)%repeatsLen
	expect int // in a run: the message that comes next, as count counts; else -1
	newest [streams]int64
	older  [streams]int // messages older than newest that were kept, in a row
}

func newRepeats() *repeats {
	return &repeats{seed: maphash.MakeSeed(), expect: -1}
}

// seen reports whether the message is a repeated one, and remembers it otherwise. whole says that it is a line: two lines of a
// stream never have the same time, while parts of one do.
func (r *repeats) seen(stream uint8, nanos int64, body []byte, whole bool) bool {
	h := maphash.Bytes(r.seed, body) ^ uint64(nanos)*0x9e3779b97f4a7c15 ^ uint64(stream) //nolint:gosec // bits for a hash
	if r.expect >= 0 {
		if r.at(r.expect) == h {
			if r.expect++; r.expect == r.count {
				r.expect = -1 // the run is through
			}
			return true
		}
		r.expect = -1
	}
	if nanos < r.newest[stream] || whole && nanos == r.newest[stream] {
		if i := r.find(h); i >= 0 {
			if r.expect = i + 1; r.expect == r.count {
				r.expect = -1
			}
			return true
		}
	}
	if nanos < r.newest[stream] && r.older[stream] < repeatsLen {
		r.older[stream]++ // not remembered: it would push out what the rest of its run is known by
		return false
	}
	r.newest[stream], r.older[stream] = nanos, 0
	if len(r.ring) < repeatsLen {
		r.ring = append(r.ring, h)
	} else {
		r.ring[r.count%repeatsLen] = h
	}
	r.count++
	return false
}

func (r *repeats) at(i int) uint64 { return r.ring[i%repeatsLen] }

// find looks for a remembered message, newest first.
func (r *repeats) find(h uint64) int {
	for i := r.count - 1; i >= max(0, r.count-repeatsLen); i-- {
		if r.at(i) == h {
			return i
		}
	}
	return -1
}
