package journal

import (
	"context"
	"io"
	"slices"
	"time"

	"github.com/gliderlabs/logspout-builder/core"
)

// From says where a new cursor begins.
type From int

const (
	// Oldest is the oldest line that some cursor is not yet done with.
	Oldest From = iota
	// Newest is the next line to come.
	Newest
)

// Full says what happens to a cursor when the journal's bound is reached.
type Full int

const (
	// Drop lets the oldest segment go: the lines of it that the cursor had not read are lost, and counted.
	Drop Full = iota
	// Block makes Append wait while the cursor holds the oldest segment.
	Block
	// Detach is a live reader. It holds nothing and slows nothing down; when what it has not read goes, Read returns core.ErrLate.
	Detach
)

// CursorOptions describe a new cursor.
type CursorOptions struct {
	Name string // for people
	From From
	Full Full
}

// Cursor is one reader of the journal. Read and Rewind are called from one goroutine at a time; the others by any.
type Cursor struct {
	journal *Journal
	name    string
	full    Full
	signal  chan struct{} // holds one
	parts   []part        // scratch of Read

	// Guarded by the journal's lock:
	read      uint64 // the next to read
	committed uint64 // all before it is done with, or in risk
	lost      uint64
	late      bool // Detach: has missed lines
	waits     bool // is among the journal's readers
	closed    bool
	// risk are the lines that were read and not committed and whose segment is gone, oldest first: their reader has the only
	// copies. It is bounded: a reader that takes without end and never commits loses the oldest of them.
	risk      []riskLine
	riskBytes int64
}

type riskLine struct {
	offset   uint64
	bytes    int64
	appended time.Time
}

// part is a stretch of a run that a Read has taken.
type part struct {
	first    uint64
	messages []core.Message
}

// Open makes a cursor. It counts from now on: what it has not committed is kept for it, as Full says.
func (j *Journal) Open(o CursorOptions) *Cursor {
	j.mu.Lock()
	defer j.mu.Unlock()
	at := j.next
	if o.From == Oldest {
		at = max(j.done, j.held())
	}
	c := &Cursor{journal: j, name: o.Name, full: o.Full, signal: make(chan struct{}, 1), read: at, committed: at}
	if o.Full == Detach {
		j.live = append(j.live, c)
	} else {
		j.cursors = append(j.cursors, c)
	}
	return c
}

// Name is the name the cursor was opened with.
func (c *Cursor) Name() string { return c.name }

// Read appends the next lines to dst, copies with their Offset set, and returns it: at most maxLines, of at most maxBytes of
// data together, but at least one, for which it waits; a bound of 0 is none. It returns dst and ctx's error when ctx has ended,
// io.EOF when the journal was closed and all of it is read, core.ErrLate for good once a cursor that is Full: Detach has missed
// lines, ErrClosed when the cursor was closed.
func (c *Cursor) Read(ctx context.Context, dst []core.Message, maxLines, maxBytes int) ([]core.Message, error) {
	for {
		if err := ctx.Err(); err != nil {
			return dst, err
		}
		ready, err := c.take(maxLines, maxBytes)
		if err != nil {
			return dst, err
		}
		if ready {
			return c.copyParts(dst), nil
		}
		select {
		case <-c.signal:
		case <-ctx.Done():
			c.stopWaiting()
			return dst, ctx.Err()
		}
	}
}

// take moves the place of reading over the next lines and keeps them in c.parts; when there are none it lists the cursor among
// those that wait.
func (c *Cursor) take(maxLines, maxBytes int) (ready bool, err error) {
	j := c.journal
	j.mu.Lock()
	defer j.mu.Unlock()
	switch {
	case c.closed:
		return false, ErrClosed
	case c.late:
		return false, core.ErrLate
	case c.read < j.next:
		c.collect(maxLines, maxBytes)
		if c.full == Detach {
			c.committed = c.read
			j.free()
		}
		return true, nil
	case j.closed:
		return false, io.EOF
	case !c.waits:
		c.waits = true
		j.readers = append(j.readers, c)
	}
	return false, nil
}

// collect fills c.parts with the lines from c.read on and moves c.read behind them.
func (c *Cursor) collect(maxLines, maxBytes int) {
	j := c.journal
	if maxLines <= 0 {
		maxLines = int(^uint(0) >> 1)
	}
	if maxBytes <= 0 {
		maxBytes = int(^uint(0) >> 1)
	}
	first := true
	for s, r := j.find(c.read); s < len(j.segments); s, r = s+1, 0 {
		runs := j.segments[s].runs
		for ; r < len(runs); r++ {
			messages := runs[r].messages[c.read-runs[r].first:]
			n := 0
			for n < len(messages) && maxLines > 0 && (first || len(messages[n].Data) <= maxBytes) {
				maxBytes -= len(messages[n].Data)
				maxLines--
				n++
				first = false
			}
			if n > 0 {
				c.parts = append(c.parts, part{c.read, messages[:n]})
				c.read += uint64(n)
			}
			if n < len(messages) {
				return
			}
		}
	}
}

// copyParts copies what collect has taken, outside of the lock: messages in the journal are never written to.
func (c *Cursor) copyParts(dst []core.Message) []core.Message {
	n := 0
	for i := range c.parts {
		n += len(c.parts[i].messages)
	}
	dst = slices.Grow(dst, n)
	for i := range c.parts {
		p := &c.parts[i]
		at := len(dst)
		dst = append(dst, p.messages...)
		for k := range p.messages {
			dst[at+k].Offset = p.first + uint64(k)
		}
		*p = part{} // or the scratch would keep the segment
	}
	c.parts = c.parts[:0]
	return dst
}

// stopWaiting takes the cursor off the list of those that wait.
func (c *Cursor) stopWaiting() {
	j := c.journal
	j.mu.Lock()
	defer j.mu.Unlock()
	c.leaveReaders()
	select {
	case <-c.signal: // came in between
	default:
	}
}

func (c *Cursor) leaveReaders() {
	j := c.journal
	if c.waits {
		c.waits = false
		j.readers = slices.DeleteFunc(j.readers, func(r *Cursor) bool { return r == c })
	}
}

// Commit says that every line with Offset < next is done with. It never goes back, and never beyond what was read: such a next is
// taken as the nearest that makes sense.
func (c *Cursor) Commit(next uint64) {
	j := c.journal
	j.mu.Lock()
	defer j.mu.Unlock()
	next = min(next, c.read)
	if c.closed || c.full == Detach || next <= c.committed {
		return
	}
	before := c.doneBefore(j)
	c.committed = next
	n := 0
	for n < len(c.risk) && c.risk[n].offset < next {
		c.riskBytes -= c.risk[n].bytes
		n++
	}
	c.risk = trim(c.risk, n)
	if before <= j.done {
		j.advance()
	} else {
		j.wakeAppender() // it may have held up the oldest segment
	}
}

// Rewind makes the next Read start at the committed place: what was read and not committed comes again. The lines among them
// whose segment went meanwhile cannot: they are lost now, and counted.
func (c *Cursor) Rewind() {
	j := c.journal
	j.mu.Lock()
	defer j.mu.Unlock()
	if c.closed || c.full == Detach {
		return
	}
	c.lost += uint64(len(c.risk))
	c.risk, c.riskBytes = nil, 0
	c.read = c.from(j)
	c.committed = c.read
	j.advance()
}

// Lost counts the lines that are lost to this cursor because the journal was full, since Open.
func (c *Cursor) Lost() uint64 {
	c.journal.mu.Lock()
	defer c.journal.mu.Unlock()
	return c.lost
}

// Queue is what is pending.
func (c *Cursor) Queue() core.QueueStatus {
	j := c.journal
	j.mu.Lock()
	defer j.mu.Unlock()
	if c.closed || c.late {
		return core.QueueStatus{}
	}
	from := c.from(j)
	q := core.QueueStatus{Lines: j.next - from + uint64(len(c.risk)), Bytes: c.riskBytes}
	if s, r := j.find(from); s < len(j.segments) {
		oldest := &j.segments[s].runs[r]
		q.Bytes += j.data - oldest.data
		for i := range oldest.messages[:from-oldest.first] {
			q.Bytes -= int64(len(oldest.messages[i].Data))
		}
		q.Oldest = oldest.appended
	}
	if len(c.risk) > 0 {
		q.Oldest = c.risk[0].appended
	}
	return q
}

// Close ends the cursor: it holds nothing any more, and what was pending is no longer anyone's; the checkpoints pass it. Only
// after the journal's own Close it stays behind the checkpoints. A Read that waits returns ErrClosed.
func (c *Cursor) Close() {
	j := c.journal
	j.mu.Lock()
	defer j.mu.Unlock()
	if c.closed {
		return
	}
	c.closed = true
	if c.waits {
		c.leaveReaders()
		signal(c.signal)
	}
	same := func(o *Cursor) bool { return o == c }
	j.live = slices.DeleteFunc(j.live, same)
	if !j.closed {
		j.cursors = slices.DeleteFunc(j.cursors, same)
	}
	j.advance()
}

// from is the oldest line that is held and not committed, or the next to come.
func (c *Cursor) from(j *Journal) uint64 { return max(c.committed, j.held()) }

// doneBefore is the offset before which the cursor has committed or lost every line.
func (c *Cursor) doneBefore(j *Journal) uint64 {
	if len(c.risk) > 0 {
		return c.risk[0].offset
	}
	return c.from(j)
}

// evicted accounts for a segment that went.
func (c *Cursor) evicted(j *Journal, s *segment) {
	from := max(c.committed, s.first)
	if from >= s.end {
		return
	}
	if unread := max(c.read, from); unread < s.end {
		c.lost += s.end - unread
	}
	for r := s.find(from); r < len(s.runs) && s.runs[r].first < c.read; r++ {
		ru := &s.runs[r]
		for i := range ru.messages {
			if offset := ru.first + uint64(i); from <= offset && offset < c.read {
				n := int64(len(ru.messages[i].Data))
				c.risk = append(c.risk, riskLine{offset, n, ru.appended})
				c.riskBytes += n
			}
		}
	}
	c.read = max(c.read, s.end)
	if over := len(c.risk) - j.maxRisk; over > 0 {
		c.lost += uint64(over)
		for i := range over {
			c.riskBytes -= c.risk[i].bytes
		}
		c.risk = trim(c.risk, over)
	}
}

// trim removes the first n elements, and the array when none is left.
func trim[T any](list []T, n int) []T {
	if n == len(list) {
		return nil
	}
	return list[n:]
}
