// Package journal is the bounded log between intakes and routes: one log per process, many cursors.
//
// Intakes append batches; every route reads by a cursor of its own and commits what its destination has taken. The
// journal keeps a line until every cursor is done with it, within a bound of memory. When the bound is reached the oldest
// segment of the log goes, and what that means for a cursor is its own choice (see Full). For each cursor every line
// that was appended while it was open, or that it found when it was opened with From Oldest, is at any time exactly one of
//
//   - delivered: the cursor committed it;
//   - lost: its segment went before the cursor had read it; or the cursor had read it, and after its segment went gave it up by
//     Rewind. Lost counts these. A line that was read and whose segment went is not lost as long as its reader holds it: it
//     may still commit it;
//   - pending: all others. Queue counts these.
//
// The journal starts no goroutine, and holds its one lock over no I/O and no wait.
package journal

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
	"unsafe"

	"github.com/gliderlabs/logspout-builder/core"
)

// ErrClosed is what Append returns once the journal was closed, and Read once its cursor was.
var ErrClosed = errors.New("journal is closed")

// Options are the journal's bounds.
type Options struct {
	// MemoryBytes bounds the memory that the journal holds: the lines' data and the overhead of each. 0 is 32 MiB.
	MemoryBytes int64
	// SegmentBytes is how much is dropped at once when the bound is reached. 0 is 1 MiB; at most an eighth of MemoryBytes.
	SegmentBytes int
}

const (
	defaultMemory  = 32 << 20
	defaultSegment = 1 << 20

	// messageCost is what a line costs beside its data: the message, and its share of the chunk of which the data is a
	// slice (frame header and time stamp, which nobody slices out but which stay with it).
	messageCost = int64(unsafe.Sizeof(core.Message{})) + 40
	// runCost is what an append costs beside its lines: its run with the slack of a growing slice, and its mark.
	runCost = int64(2*unsafe.Sizeof(run{}) + unsafe.Sizeof(mark{}))
)

// Journal is the log. All of its methods may be used by many goroutines.
type Journal struct {
	maxBytes     int64
	segmentBytes int64
	// maxRisk bounds Cursor.risk; maxLimbo is the length of limbo below which it is never compacted.
	maxRisk, maxLimbo int

	mu       sync.Mutex
	segments []*segment // oldest first, none empty but perhaps of lines; their offsets follow on each other without a gap
	next     uint64     // the offset of the next line appended
	bytes    int64      // cost of all segments
	data     int64      // bytes of Message.Data appended so far
	closed   bool

	cursors []*Cursor // open ones that hold (Drop, Block)
	live    []*Cursor // open ones that do not (Detach)
	// done is the offset before which every cursor that holds has committed or lost every line. It never goes back.
	done uint64

	positions map[place]*position
	limbo     []*mark // of segments that went while lines of theirs were still in flight, oldest first

	readers   []*Cursor       // those that wait in Read
	appenders []chan struct{} // those that wait in Append, first come first served; each has room for one signal
}

// segment is a stretch of the log that leaves memory as a whole.
type segment struct {
	first, end uint64 // offsets: of its first line, and behind its last
	bytes      int64  // cost
	runs       []run
	settled    int // so many of runs have had their mark applied
}

// run is what one Append brought, or a piece of it. Its messages are never written to.
type run struct {
	first    uint64
	messages []core.Message
	data     int64 // bytes of Message.Data appended before it
	appended time.Time
	mark     *mark // nil when it ends no position
}

func (r *run) end() uint64 { return r.first + uint64(len(r.messages)) }

// New makes an empty journal.
func New(o Options) *Journal {
	j := &Journal{
		maxBytes:     o.MemoryBytes,
		segmentBytes: int64(o.SegmentBytes),
		maxRisk:      1 << 16,
		maxLimbo:     1 << 10,
		next:         1, // 0 is the Offset of a message that no journal has seen
		done:         1,
		positions:    map[place]*position{},
	}
	if j.maxBytes <= 0 {
		j.maxBytes = defaultMemory
	}
	if j.segmentBytes <= 0 {
		j.segmentBytes = defaultSegment
	}
	j.segmentBytes = min(j.segmentBytes, j.maxBytes/8)
	return j
}

// Append adds lines to the log, and the place in the intake's source from which to read on once they are done with. The
// batch and all it points to are the journal's from then on. It returns at once, but while the bound is reached and a cursor
// that is Full: Block holds the oldest segment: then it waits until that is done with, or ctx ends, whose error it returns; lines
// of the batch that already had room then stay appended, without the position. After Close it returns ErrClosed.
//
// A line that is larger than the whole bound is lost for every cursor. An empty batch moves the position alone.
func (j *Journal) Append(ctx context.Context, intake string, batch []core.Message, at core.Position) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return ErrClosed
	}
	lines := len(batch)
	j.remember(intake, at.Key)
	if len(j.cursors) == 0 && len(j.live) == 0 { // nobody wants it
		j.next += uint64(len(batch))
		j.done = j.next
		j.setPosition(intake, lines, at)
		return nil
	}
	whole := true
	for len(batch) > 0 {
		n, data, cost := j.piece(batch)
		if n == 0 {
			j.refuse()
			batch, whole = batch[1:], false
			continue
		}
		whole = whole && n == len(batch)
		if err := j.reserve(ctx, cost); err != nil {
			return err
		}
		messages := batch[:n:n]
		if !whole || cap(batch) > n+n/4+4 { // else one piece would keep the memory of all
			messages = slices.Clone(messages)
		}
		batch = batch[n:]
		r := run{first: j.next, messages: messages, data: j.data, appended: time.Now()}
		j.next = r.end()
		j.data += data
		j.put(r, cost)
	}
	if len(j.cursors) == 0 {
		j.advance()
	}
	j.setPosition(intake, lines, at)
	j.wakeReaders()
	return nil
}

// piece tells how many of the first messages of batch make one run, with the bytes of their data and what the run will cost; n
// is 0 when the first one alone is too large for the journal.
func (j *Journal) piece(batch []core.Message) (n int, data, cost int64) {
	cost = runCost
	for i := range batch {
		c := messageCost + int64(len(batch[i].Data))
		if i > 0 && cost+c > j.segmentBytes || cost+c > j.maxBytes {
			break
		}
		cost += c
		data += int64(len(batch[i].Data))
		n++
	}
	return n, data, cost
}

// refuse counts a line that is too large for the journal. It gets no offset.
func (j *Journal) refuse() {
	for _, c := range j.cursors {
		c.lost++
	}
	for _, c := range j.live {
		c.late = true
	}
	j.free()
	j.wakeReaders()
}

// reserve makes room for a run: it evicts, or waits for those who must not lose anything.
func (j *Journal) reserve(ctx context.Context, cost int64) error {
	if j.closed {
		return ErrClosed
	}
	if len(j.appenders) == 0 && j.evictFor(cost) {
		return nil
	}
	turn := make(chan struct{}, 1)
	j.appenders = append(j.appenders, turn)
	defer func() {
		j.appenders = slices.DeleteFunc(j.appenders, func(s chan struct{}) bool { return s == turn })
		j.wakeAppender()
	}()
	j.wakeReaders() // of the pieces before this one
	for {
		j.mu.Unlock()
		var err error
		select {
		case <-turn:
		case <-ctx.Done():
			err = ctx.Err()
		}
		j.mu.Lock()
		switch {
		case j.closed:
			return ErrClosed
		case err != nil:
			return err
		case j.evictFor(cost): // only the first is signalled
			return nil
		}
	}
}

// evictFor drops the oldest segments until cost fits. It drops none and returns false when that would take one that a cursor which
// blocks is not done with.
func (j *Journal) evictFor(cost int64) bool {
	room, kept := j.maxBytes-j.bytes, j.next
	for _, c := range j.cursors {
		if c.full == Block {
			kept = min(kept, c.committed)
		}
	}
	for n := 0; room < cost && n < len(j.segments); n++ {
		if j.segments[n].end > kept {
			return false
		}
		room += j.segments[n].bytes
	}
	for j.bytes+cost > j.maxBytes && len(j.segments) > 0 {
		j.evict()
	}
	return true
}

// evict drops the oldest segment: the one place where lines leave memory before everyone is done with them.
func (j *Journal) evict() {
	s := j.segments[0]
	j.pop()
	for _, c := range j.cursors {
		c.evicted(j, s)
	}
	j.leaveBehind(s)
	for i := s.settled; i < len(s.runs); i++ {
		if m := s.runs[i].mark; m != nil {
			j.limbo = append(j.limbo, m)
		}
	}
	j.advance()
	j.compactLimbo()
}

// pop removes the oldest segment.
func (j *Journal) pop() {
	j.bytes -= j.segments[0].bytes
	j.segments[0] = nil
	j.segments = j.segments[1:]
	if len(j.segments) == 0 {
		j.segments = nil // and the array that pops have eaten into
	}
}

// put adds a run to the newest segment, or to a new one where that is full.
func (j *Journal) put(r run, cost int64) {
	var s *segment
	if n := len(j.segments); n > 0 {
		s = j.segments[n-1]
	}
	if s == nil || s.bytes+cost > j.segmentBytes {
		s = &segment{first: r.first}
		j.segments = append(j.segments, s)
	}
	s.runs = append(s.runs, r)
	s.end = r.end()
	s.bytes += cost
	j.bytes += cost
}

// advance finds how far every cursor is done, settles the positions up to there and frees what nobody wants any more.
func (j *Journal) advance() {
	done := j.next
	for _, c := range j.cursors {
		done = min(done, c.doneBefore(j))
	}
	j.done = max(j.done, done)
	j.settle()
	j.free()
	j.wakeAppender()
}

// free drops the segments that every cursor is done with. For live readers the newest of them stay a while, in a quarter of the
// memory that nobody else needs.
func (j *Journal) free() {
	n, spent := 0, int64(0)
	for n < len(j.segments) && j.segments[n].end <= j.done {
		spent += j.segments[n].bytes
		n++
	}
	for ; n > 0; n-- {
		s := j.segments[0]
		if spent <= j.maxBytes/4 && slices.ContainsFunc(j.live, func(c *Cursor) bool { return !c.late && c.read < s.end }) {
			return
		}
		spent -= s.bytes
		j.pop()
		j.leaveBehind(s)
	}
}

// leaveBehind marks the live readers that had not read a segment which went.
func (j *Journal) leaveBehind(s *segment) {
	for _, c := range j.live {
		c.late = c.late || c.read < s.end
	}
}

// held is the offset of the oldest line that is in the journal, or will be.
func (j *Journal) held() uint64 {
	if len(j.segments) == 0 {
		return j.next
	}
	return j.segments[0].first
}

// find tells where the line with that offset stands, which is held or the next to come: its segment and its run, or those behind the last.
func (j *Journal) find(offset uint64) (s, r int) {
	s, _ = slices.BinarySearchFunc(j.segments, offset, func(s *segment, offset uint64) int {
		if s.end <= offset {
			return -1
		}
		return 1
	})
	if s < len(j.segments) {
		r = j.segments[s].find(offset)
	}
	return s, r
}

func (s *segment) find(offset uint64) int {
	r, _ := slices.BinarySearchFunc(s.runs, offset, func(r run, offset uint64) int {
		if r.end() <= offset {
			return -1
		}
		return 1
	})
	return r
}

// wakeReaders signals those that wait for a line, and nobody else.
func (j *Journal) wakeReaders() {
	for i, c := range j.readers {
		c.waits = false
		signal(c.signal)
		j.readers[i] = nil
	}
	j.readers = j.readers[:0]
}

// wakeAppender signals the first that waits for room.
func (j *Journal) wakeAppender() {
	if len(j.appenders) > 0 {
		signal(j.appenders[0])
	}
}

// signal leaves a signal in a channel with room for one.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Status is what the journal holds.
func (j *Journal) Status() core.JournalStatus {
	j.mu.Lock()
	defer j.mu.Unlock()
	from := j.next
	for _, c := range j.cursors {
		from = min(from, c.from(j))
	}
	return core.JournalStatus{Lines: j.next - from, Bytes: j.bytes, MaxBytes: j.maxBytes}
}

// Close ends the appends. Cursors read on what is there, then get io.EOF. From then on the Close of a cursor no longer counts as
// being done: what it has not committed stays behind the checkpoints, for the next start.
func (j *Journal) Close() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return
	}
	j.closed = true
	j.wakeReaders()
	for _, s := range j.appenders {
		signal(s)
	}
}
