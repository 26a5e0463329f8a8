package docker

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// Docker Engine API /containers/{id}/attach, "Stream format": a header of 8 bytes (stream, three zeros, length as big-endian
// uint32), then the payload; with timestamps=1 each payload begins with the message's time and a space.
const (
	headerLen = 8
	stdin     = 0 // written on stdout
	stdout    = 1
	stderr    = 2
	engineErr = 3 // the engine's own word about why it cannot go on
	streams   = 3 // assemblies are indexed by stdout and stderr

	// pieceLen bounds what is kept of a frame that has not come whole. The engines' own frames are far smaller.
	pieceLen = 256 << 10
	// keepLen is the capacity that an empty buffer may keep.
	keepLen = 16 << 10
)

// line is an assembled line: arena[start:end].
type line struct {
	stream     uint8
	time       int64
	start, end int
}

// splitter makes lines of the bytes of a log stream. It takes bytes in chunks of any size: where they are cut makes no difference.
// What it has assembled stands in lines and arena until reset.
type splitter struct {
	limit   int      // longest line; a longer one comes in pieces
	repeats *repeats // nil: the engine repeats nothing

	lines []line
	arena []byte

	clock clock
	known bool // whether the stream has frames or is a terminal's
	plain bool // messages have no times: time is set before each chunk
	raw   bool // a terminal's
	spill []byte

	// The frame that pieces belong to.
	stream uint8
	left   int // bytes of it still to come
	time   stamp

	open [streams]assembly

	split    uint64 // lines that came in pieces
	repeated uint64 // frames dropped as repeated
	undated  uint64 // messages without a time
	message  string // the engine's last word in a frame of its own
}

// assembly is a stream's line whose end has not come.
type assembly struct {
	pending  []byte
	open     bool // a part is there
	inPieces bool // pieces of it are out
	time     int64
	fine     bool
}

// feed takes the next bytes. Its error says that these are no frames: nothing behind them can be told.
func (s *splitter) feed(chunk []byte) error {
	if len(chunk) == 0 {
		return nil
	}
	if !s.known {
		// With timestamps a terminal's stream begins with a digit and a frame with 0 to 3: the engine before API 1.42 has no
		// content type that says which it is.
		s.known, s.raw = true, chunk[0]-'0' < 10
	}
	if s.raw {
		s.feedRaw(chunk)
		return nil
	}
	for len(chunk) > 0 {
		if len(s.spill) == 0 {
			need, err := s.need(chunk)
			if err != nil {
				return err
			}
			if need <= len(chunk) {
				s.piece(chunk[:need])
				chunk = chunk[need:]
				continue
			}
			s.spill = append(s.spill, chunk...)
			return nil
		}
		need, err := s.need(s.spill)
		if err != nil {
			return err
		}
		n := min(need-len(s.spill), len(chunk))
		s.spill = append(s.spill, chunk[:n]...)
		chunk = chunk[n:]
		if need, err = s.need(s.spill); err != nil {
			return err
		}
		if need <= len(s.spill) {
			s.piece(s.spill)
			s.spill = recycle(s.spill)
		}
	}
	return nil
}

// need is how many bytes the piece that b begins has at least: 8 while its header is not there.
func (s *splitter) need(b []byte) (int, error) {
	if s.left > 0 {
		return min(s.left, pieceLen), nil
	}
	if len(b) < headerLen {
		return headerLen, nil
	}
	if b[0] > engineErr || b[1]|b[2]|b[3] != 0 {
		return 0, fmt.Errorf("log stream has no frame where one must begin: % x", b[:headerLen])
	}
	return headerLen + min(int(binary.BigEndian.Uint32(b[4:])), pieceLen), nil
}

// piece takes a frame, or the next piece of one that is too large.
func (s *splitter) piece(b []byte) {
	if s.left > 0 {
		s.left -= len(b)
		s.content(b)
		return
	}
	s.stream = b[0]
	s.left = int(binary.BigEndian.Uint32(b[4:])) - (len(b) - headerLen)
	b = b[headerLen:]
	switch s.stream {
	case engineErr:
		s.message = string(bytes.TrimSpace(b[:min(len(b), 1024)]))
		return
	case stdin:
		s.stream = stdout
	}
	if len(b) == 0 {
		return
	}
	if s.plain {
		s.content(b)
		return
	}
	a := &s.open[s.stream]
	t, ok := s.clock.parse(b)
	if !ok {
		s.undated++
		t = stamp{nanos: s.time.nanos, fine: s.time.fine}
	}
	s.time = t
	b = b[t.len:]
	if s.repeats != nil && s.left == 0 {
		whole := !a.open && len(b) > 0 && b[len(b)-1] == '\n'
		if s.repeats.seen(s.stream, t.nanos, b, whole) {
			s.repeated++
			return
		}
	}
	// The parts of a line have one time. A part with another one ends a line that a former run of the container left without a line
	// feed. Podman's times are those of the parts, to the second; it ends such a line itself.
	if a.open && a.time != t.nanos && (a.fine || t.fine) {
		s.end(a)
	}
	s.content(b)
}

// content takes bytes of the current frame: whole lines, and the beginning of one.
func (s *splitter) content(b []byte) {
	if s.stream == engineErr {
		return
	}
	a := &s.open[s.stream]
	for {
		i := bytes.IndexByte(b, '\n')
		if i < 0 {
			break
		}
		s.add(a, b[:i], true)
		b = b[i+1:]
	}
	if len(b) > 0 {
		s.add(a, b, false)
	}
}

// add takes a part of a line; last says that the line ends with it.
func (s *splitter) add(a *assembly, b []byte, last bool) {
	if !a.open {
		a.time, a.fine = s.time.nanos, s.time.fine
	}
	for len(a.pending)+len(b) > s.limit {
		n := s.limit - len(a.pending)
		s.emit(a, b[:n])
		b = b[n:]
		if !a.inPieces {
			s.split++
		}
		a.open, a.inPieces = true, true
	}
	if !last {
		a.pending = append(a.pending, b...)
		a.open = true
		return
	}
	s.emit(a, b)
	a.open, a.inPieces = false, false
}

// end makes a line of what is pending.
func (s *splitter) end(a *assembly) {
	if a.open {
		s.emit(a, nil)
		a.open, a.inPieces = false, false
	}
}

// abandon forgets what is pending.
func (s *splitter) abandon(a *assembly) {
	*a = assembly{}
	if s.raw {
		s.spill = nil
	}
}

// emit puts out what is pending and b as one line.
func (s *splitter) emit(a *assembly, b []byte) {
	start := len(s.arena)
	if len(a.pending) > 0 {
		s.arena = append(s.arena, a.pending...)
		a.pending = recycle(a.pending)
	}
	s.arena = append(s.arena, b...)
	s.lines = append(s.lines, line{stream: s.streamOf(a), time: a.time, start: start, end: len(s.arena)})
}

func (s *splitter) streamOf(a *assembly) uint8 {
	if a == &s.open[stderr] {
		return stderr
	}
	return stdout
}

// partial reports whether the stream was cut inside a frame.
func (s *splitter) partial() bool {
	return !s.raw && (len(s.spill) > 0 || s.left > 0)
}

// unended reports whether there is a line whose end has not come.
func (s *splitter) unended() bool {
	_, open := s.oldestOpen()
	return open || s.raw && len(s.spill) > 0
}

// finish ends the lines that will not be ended any more.
func (s *splitter) finish() {
	if s.raw && len(s.spill) > 0 {
		s.rawLine(s.spill, true)
		s.spill = recycle(s.spill)
	}
	s.end(&s.open[stdout])
	s.end(&s.open[stderr])
}

// oldestOpen is the time of the oldest line whose end has not come.
func (s *splitter) oldestOpen() (nanos int64, ok bool) {
	for i := range s.open {
		if a := &s.open[i]; a.open && (!ok || a.time < nanos) {
			nanos, ok = a.time, true
		}
	}
	return nanos, ok
}

// reset forgets the lines that were put out; busy says that many more come at once.
func (s *splitter) reset(busy bool) {
	if busy && cap(s.arena) <= 4*largeRead {
		s.lines, s.arena = s.lines[:0], s.arena[:0]
		return
	}
	s.lines, s.arena = s.lines[:0], recycle(s.arena)
	if cap(s.lines) > keepLen/32 {
		s.lines = nil
	}
}

// recycle empties a buffer, and drops a large one.
func recycle(b []byte) []byte {
	if cap(b) > keepLen {
		return nil
	}
	return b[:0]
}
