package journal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/gliderlabs/logspout-builder/core"
)

// The journal against a model that keeps everything for ever and says of each line, for each cursor, what it is. All that the model
// takes from the journal is how far it has dropped the log; when it may do so is checked as well.

// fate is what a line is for a cursor.
type fate byte

const (
	unread    fate = 'u' // pending
	inFlight  fate = 'f' // pending: read, not committed
	delivered fate = 'd'
	lost      fate = 'l'
)

type modelLine struct {
	data          string
	after, before time.Time // when it was appended
}

type modelCursor struct {
	*Cursor
	fates   map[uint64]fate
	refused uint64 // lines that were too large
	read    uint64
	late    bool
}

type modelMark struct {
	key, value string
	end        uint64
}

type model struct {
	j       *Journal
	lines   map[uint64]modelLine
	next    uint64
	done    uint64
	cursors []*modelCursor
	marks   []modelMark
	points  map[string]string // checkpoints
	last    map[string]string
	first   map[string]string // where reading began
	earlier map[string]string // points, at some time
	forget  map[string]bool
	serial  int
	closed  bool
}

func TestJournalAgreesWithItsModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		j := New(Options{MemoryBytes: rapid.Int64Range(2<<10, 16<<10).Draw(t, "memory"), SegmentBytes: rapid.IntRange(0, 2000).Draw(t, "segment")})
		j.maxRisk = rapid.SampledFrom([]int{3, 1 << 16}).Draw(t, "maxRisk")
		m := &model{
			j: j, lines: map[uint64]modelLine{}, next: 1, done: 1, points: map[string]string{"old": "0"},
			last: map[string]string{"old": "0"}, first: map[string]string{}, earlier: map[string]string{}, forget: map[string]bool{},
		}
		j.Restore(Checkpoints{"in": {"old": "0"}})
		if rapid.Bool().Draw(t, "cursor at once") {
			m.open(t)
		}
		t.Repeat(map[string]func(*rapid.T){
			"append": m.append,
			"Append": m.append, // twice as often
			"read":   m.readSome,
			"commit": m.commit,
			"rewind": m.rewind,
			"open":   m.open,
			"close":  m.close,
			"forget": m.forgetKey,
			"":       m.check,
		})
		m.end(t)
	})
}

func (m *model) append(t *rapid.T) {
	sizes := rapid.SliceOfN(rapid.OneOf(rapid.Just(0), rapid.IntRange(0, 60), rapid.IntRange(0, 3000), rapid.Just(20000)), 0, 12).Draw(t, "sizes")
	batch := make([]core.Message, 0, len(sizes)+rapid.IntRange(0, 40).Draw(t, "slack"))
	for _, n := range sizes {
		m.serial++
		data := fmt.Sprint("line ", m.serial)
		batch = append(batch, core.Message{Container: web, Data: strings.Repeat(data+" ", n/len(data)+1)[:n]})
	}
	given := append([]core.Message(nil), batch...)
	at := core.Position{
		Key:   rapid.SampledFrom([]string{"", "old", "a", "b", "c"}).Draw(t, "key"),
		Value: rapid.SampledFrom([]string{"", fmt.Sprint("v", m.serial)}).Draw(t, "value"),
	}
	wanted := len(m.cursors) > 0
	room := m.j.maxBytes - m.j.bytes
	delete(m.forget, at.Key)
	dead, cancel := context.WithCancel(t.Context())
	cancel() // so that it never waits
	start := time.Now()
	err := m.j.Append(dead, "in", batch, at)
	blocked := false // be it by the batch's own first lines
	for _, c := range m.cursors {
		blocked = blocked || c.full == Block && c.Queue().Lines > 0
	}
	if err != nil && (!blocked || !errors.Is(err, context.Canceled)) {
		t.Fatalf("Append = %v (a cursor that blocks has lines: %v)", err, blocked)
	}
	cost := runCost
	for _, message := range given {
		line := runCost + messageCost + int64(len(message.Data))
		if wanted && line > m.j.maxBytes {
			for _, c := range m.cursors {
				c.late = c.late || c.full == Detach
				if c.full != Detach {
					c.refused++
				}
			}
			continue
		}
		if m.next == m.j.next && err != nil { // it is this one that had no room
			break
		}
		cost += line
		m.lines[m.next] = modelLine{message.Data, start, time.Now()}
		for _, c := range m.cursors {
			c.fates[m.next] = unread
		}
		m.next++
	}
	if m.next != m.j.next {
		t.Fatalf("next offset is %d, want %d", m.j.next, m.next)
	}
	if pending := m.drop(t); pending && cost <= room {
		t.Fatalf("lines were dropped although %d bytes had room in %d", cost, room)
	}
	if err == nil && at.Key != "" {
		if len(given) == 0 && at.Value != "" && !m.knows(at.Key) {
			m.first[at.Key] = at.Value
		}
		m.marks = append(m.marks, modelMark{at.Key, at.Value, m.next})
		if at.Value != "" {
			m.last[at.Key] = at.Value
		}
	}
}

// knows reports whether something was appended under a key, and the key not forgotten.
func (m *model) knows(key string) bool {
	return m.last[key] != "" || slices.ContainsFunc(m.marks, func(mark modelMark) bool { return mark.key == key })
}

// drop takes over how far the log was dropped, and reports whether that cost someone something.
func (m *model) drop(t *rapid.T) (pending bool) {
	held := m.j.held()
	for _, c := range m.cursors {
		if c.full == Detach {
			c.late = c.late || c.read < held
			continue
		}
		var gone []uint64
		for offset := uint64(1); offset < held; offset++ {
			switch c.fates[offset] {
			case unread:
				c.fates[offset] = lost
				pending = true
				if c.full == Block {
					t.Fatalf("line %d of a cursor that blocks was dropped", offset)
				}
			case inFlight:
				gone = append(gone, offset)
			}
		}
		for len(gone) > m.j.maxRisk {
			c.fates[gone[0]] = lost
			gone = gone[1:]
		}
		c.read = max(c.read, held)
	}
	return pending
}

func (m *model) pick(t *rapid.T) *modelCursor {
	if len(m.cursors) == 0 {
		t.Skip("no cursor")
	}
	return rapid.SampledFrom(m.cursors).Draw(t, "cursor")
}

func (m *model) readSome(t *rapid.T) {
	c := m.pick(t)
	maxLines, maxBytes := rapid.IntRange(0, 8).Draw(t, "lines"), rapid.SampledFrom([]int{0, 1, 50, 500, 5000}).Draw(t, "bytes")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if c.read == m.next && !c.late && !m.closed { // it would wait
		cancel()
	}
	got, err := c.Read(ctx, nil, maxLines, maxBytes)
	switch {
	case c.late:
		if !errors.Is(err, core.ErrLate) {
			t.Fatalf("Read of a late reader = %v", err)
		}
		return
	case c.read == m.next && m.closed:
		if !errors.Is(err, io.EOF) {
			t.Fatalf("Read at the end = %v", err)
		}
		return
	case c.read == m.next:
		if len(got) > 0 || !errors.Is(err, context.Canceled) {
			t.Fatalf("Read with nothing there = %v, %v", got, err)
		}
		return
	case err != nil:
		t.Fatalf("Read = %v", err)
	}
	bytes := 0
	for i, message := range got {
		if message.Offset != c.read || message.Data != m.lines[c.read].data {
			t.Fatalf("Read gave offset %d %.20q, want %d %.20q", message.Offset, message.Data, c.read, m.lines[c.read].data)
		}
		bytes += len(message.Data)
		if i > 0 && maxBytes > 0 && bytes > maxBytes {
			t.Fatalf("Read gave more than %d bytes", maxBytes)
		}
		c.fates[c.read] = inFlight
		c.read++
	}
	full := maxLines > 0 && len(got) == maxLines || c.read == m.next || maxBytes > 0 && bytes+len(m.lines[c.read].data) > maxBytes
	if len(got) == 0 || maxLines > 0 && len(got) > maxLines || !full {
		t.Fatalf("Read gave %d lines of %d bytes, asked for %d of %d", len(got), bytes, maxLines, maxBytes)
	}
	m.drop(t)
}

func (m *model) commit(t *rapid.T) {
	c := m.pick(t)
	next := rapid.OneOf(rapid.Uint64Range(0, m.next+2), rapid.Just(c.read), rapid.Just(^uint64(0))).Draw(t, "next")
	c.Commit(next)
	for offset, f := range c.fates {
		if f == inFlight && offset < next && c.full != Detach {
			c.fates[offset] = delivered
		}
	}
	m.drop(t)
}

func (m *model) rewind(t *rapid.T) {
	c := m.pick(t)
	held := m.j.held()
	c.Rewind()
	if c.full == Detach {
		return
	}
	for offset, f := range c.fates {
		switch {
		case f == inFlight && offset < held:
			c.fates[offset] = lost
		case f == inFlight:
			c.fates[offset] = unread
			c.read = min(c.read, offset)
		}
	}
	m.drop(t)
}

func (m *model) open(t *rapid.T) {
	if len(m.cursors) > 5 {
		t.Skip("enough")
	}
	o := CursorOptions{From: rapid.SampledFrom([]From{Oldest, Newest}).Draw(t, "from"), Full: rapid.SampledFrom([]Full{Drop, Drop, Block, Detach}).Draw(t, "full")}
	at := m.next
	if o.From == Oldest {
		at = max(m.pendingFrom(), m.j.held())
	}
	c := &modelCursor{Cursor: m.j.Open(o), fates: map[uint64]fate{}, read: at}
	for offset := at; offset < m.next; offset++ {
		c.fates[offset] = unread
	}
	m.cursors = append(m.cursors, c)
}

func (m *model) close(t *rapid.T) {
	c := m.pick(t)
	c.Close()
	if _, err := c.Read(t.Context(), nil, 0, 0); !errors.Is(err, ErrClosed) {
		t.Fatalf("Read of a closed cursor = %v", err)
	}
	for i := range m.cursors {
		if m.cursors[i] == c {
			m.cursors = append(m.cursors[:i], m.cursors[i+1:]...)
			break
		}
	}
	m.drop(t)
}

func (m *model) forgetKey(t *rapid.T) {
	key := rapid.SampledFrom([]string{"old", "a", "b", "unknown"}).Draw(t, "key")
	m.j.Forget("in", key)
	m.forget[key] = true
}

// pendingFrom is the oldest line that some cursor that holds is not done with.
func (m *model) pendingFrom() uint64 {
	for offset := m.done; offset < m.next; offset++ {
		for _, c := range m.cursors {
			if f := c.fates[offset]; c.full != Detach && (f == unread || f == inFlight) {
				return offset
			}
		}
	}
	return m.next
}

func (m *model) check(t *rapid.T) {
	m.settle()
	want := Checkpoints{}
	if len(m.points) > 0 {
		want["in"] = m.points
	}
	if got := m.j.Checkpoints(); !maps.EqualFunc(got, want, maps.Equal[map[string]string, map[string]string]) {
		t.Fatalf("checkpoints = %v, want %v", got, want)
	}
	m.checkComplete(t, m.points)
	m.checkComplete(t, m.earlier)
	if rapid.IntRange(0, 9).Draw(t, "remember") == 0 {
		m.earlier = maps.Clone(m.points)
	}
	for _, key := range []string{"old", "a", "b", "c"} {
		if got, ok := m.j.Position("in", key); got != m.last[key] || ok != (got != "") {
			t.Fatalf("position of %s = %q %v, want %q", key, got, ok, m.last[key])
		}
	}
	if keys := m.j.Keys("in"); !slices.Equal(keys, slices.Sorted(maps.Keys(m.last))) {
		t.Fatalf("keys = %v, want those of %v", keys, m.last)
	}
	held, live := m.j.held(), false
	oldest := m.next
	for _, c := range m.cursors {
		live = live || c.full == Detach && !c.late
		from := m.checkCursor(t, c)
		if c.full != Detach {
			oldest = min(oldest, max(from, held))
		}
	}
	s := m.j.Status()
	if s.Lines != m.next-oldest {
		t.Fatalf("status says %d lines, want %d", s.Lines, m.next-oldest)
	}
	if s.Bytes > s.MaxBytes+4*runCost { // marks of appends without lines may stand above it while a cursor blocks
		t.Fatalf("%d bytes held, more than %d", s.Bytes, s.MaxBytes)
	}
	if !live && len(m.j.segments) > 0 && m.j.segments[0].end <= m.done {
		t.Fatalf("a segment that ends at %d is held although all before %d is done with", m.j.segments[0].end, m.done)
	}
	if live && oldest == m.next && s.Bytes > s.MaxBytes/4 {
		t.Fatalf("%d bytes of %d are held for live readers alone", s.Bytes, s.MaxBytes)
	}
	m.checkCost(t, s.Bytes)
}

// checkComplete compares checkpoints to which the beginnings were added.
func (m *model) checkComplete(t *rapid.T, points map[string]string) {
	want := maps.Clone(m.first)
	maps.Copy(want, points)
	got := m.j.Complete(Checkpoints{"in": points})["in"]
	if !maps.Equal(got, want) {
		t.Fatalf("complete checkpoints = %v, want %v: of %v, and the beginnings %v", got, want, points, m.first)
	}
	if got == nil {
		return
	}
	if got["theirs"] = "1"; points["theirs"] != "" {
		t.Fatal("what it returns is no copy")
	}
}

// checkCursor compares what the cursor says with its lines' fates, and returns the first line pending or the next to come.
func (m *model) checkCursor(t *rapid.T, c *modelCursor) uint64 {
	var want core.QueueStatus
	lostLines, from := c.refused, m.next
	for offset := uint64(1); offset < m.next; offset++ {
		switch f := c.fates[offset]; {
		case f == lost:
			lostLines++
		case c.full == Detach && (c.late || f != unread):
		case f == unread || f == inFlight:
			from = min(from, offset)
			want.Lines++
			want.Bytes += int64(len(m.lines[offset].data))
		}
	}
	got := c.Queue()
	if got.Lines != want.Lines || got.Bytes != want.Bytes || got.Oldest.IsZero() != (want.Lines == 0) {
		t.Fatalf("queue = %+v, want %+v", got, want)
	}
	if line := m.lines[from]; want.Lines > 0 && (got.Oldest.Before(line.after) || got.Oldest.After(line.before)) {
		t.Fatalf("oldest = %s, want from %s to %s", got.Oldest, line.after, line.before)
	}
	if c.Lost() != lostLines {
		t.Fatalf("lost = %d, want %d", c.Lost(), lostLines)
	}
	return from
}

// settle advances done and the checkpoints.
func (m *model) settle() {
	m.done = max(m.done, m.pendingFrom())
	rest := m.marks[:0]
	for _, mark := range m.marks {
		if mark.end > m.done {
			rest = append(rest, mark)
		} else if mark.value != "" {
			m.points[mark.key] = mark.value
		}
	}
	m.marks = rest
	for key := range m.forget {
		pending := false
		for _, mark := range m.marks {
			pending = pending || mark.key == key
		}
		if !pending {
			delete(m.points, key)
			delete(m.last, key)
			delete(m.first, key)
			delete(m.forget, key)
		}
	}
}

// checkCost compares the journal's count of its memory with what it holds.
func (m *model) checkCost(t *rapid.T, bytes int64) {
	var cost int64
	at := m.j.held()
	for _, s := range m.j.segments {
		for _, r := range s.runs {
			if r.first != at {
				t.Fatalf("a run begins at %d, want %d", r.first, at)
			}
			at = r.end()
			cost += runCost + messageCost*int64(len(r.messages))
			for _, message := range r.messages {
				cost += int64(len(message.Data))
			}
			if cap(r.messages) > len(r.messages)+len(r.messages)/4+4 {
				t.Fatalf("a run of %d messages keeps room for %d", len(r.messages), cap(r.messages))
			}
		}
	}
	if bytes != cost {
		t.Fatalf("%d bytes counted, %d held", bytes, cost)
	}
}

// end closes the journal: every cursor then reads what is left and gets to its end.
func (m *model) end(t *rapid.T) {
	m.j.Close()
	m.closed = true
	points := m.j.Checkpoints()
	for i, c := range m.cursors {
		if i%2 == 1 {
			c.Close()
			continue
		}
		for !c.late && c.read < m.next {
			m.readAll(t, c)
		}
	}
	if got := m.j.Checkpoints(); !maps.EqualFunc(got, points, maps.Equal[map[string]string, map[string]string]) {
		t.Fatalf("checkpoints moved from %v to %v by closing", points, got)
	}
}

func (m *model) readAll(t *rapid.T, c *modelCursor) {
	got, err := c.Read(t.Context(), nil, 0, 0)
	if err != nil || len(got) != int(m.next-c.read) {
		t.Fatalf("read %d lines of the last %d: %v", len(got), m.next-c.read, err)
	}
	c.read = m.next
	if _, err := c.Read(t.Context(), nil, 0, 0); !errors.Is(err, io.EOF) {
		t.Fatalf("Read at the end = %v", err)
	}
}
