package docker

import "bytes"

// A terminal's stream has no frames. Each message is its time, a space and the text; a line ends in "\r\n". A long line comes in
// messages without a line feed, so that its time stands in it again.

// feedRaw takes the next bytes of a terminal's stream.
func (s *splitter) feedRaw(chunk []byte) {
	limit := 2*s.limit + 64 // with the times in it; what is longer is cut there
	for {
		i := bytes.IndexByte(chunk, '\n')
		n := i
		if i < 0 {
			n = len(chunk)
		}
		if room := limit - len(s.spill); n > room {
			s.spill = append(s.spill, chunk[:room]...)
			s.rawLine(s.spill, false)
			s.spill = s.spill[:0]
			chunk = chunk[room:]
			continue
		}
		if i < 0 {
			s.spill = append(s.spill, chunk...)
			return
		}
		if len(s.spill) > 0 {
			s.spill = append(s.spill, chunk[:i]...)
			s.rawLine(s.spill, true)
			s.spill = recycle(s.spill)
		} else {
			s.rawLine(chunk[:i], true)
		}
		chunk = chunk[i+1:]
	}
}

// rawLine takes the bytes up to a line feed (last) or as many as are looked at together.
func (s *splitter) rawLine(b []byte, last bool) {
	s.stream = stdout
	a := &s.open[stdout]
	if last && len(b) > 0 && b[len(b)-1] == '\r' {
		b = b[:len(b)-1]
	}
	if s.plain {
		s.add(a, b, last)
		return
	}
	prefix := b[:0]
	if t, ok := s.clock.parse(b); ok {
		if a.open && a.time != t.nanos {
			s.end(a)
		}
		prefix = b[:t.len]
		s.time, b = t, b[t.len:]
	} else if !a.open {
		s.undated++
	}
	for {
		at, next := s.nextStamp(b, prefix)
		if at < 0 {
			s.add(a, b, last)
			return
		}
		if next.nanos == s.time.nanos { // the line's next part
			s.add(a, b[:at], false)
		} else { // a former run of the container left the line without a line feed
			s.add(a, b[:at], true)
			prefix = b[at : at+next.len]
			s.time = next
		}
		b = b[at+next.len:]
	}
}

// nextStamp finds the time of the line's next part, which is the line's own, or of a line that follows without a line feed, which is
// later. Other times are the container's own text: it prints its clock before the engine does.
func (s *splitter) nextStamp(b, own []byte) (at int, t stamp) {
	if len(own) == 0 {
		return -1, stamp{}
	}
	for from := 0; ; {
		i := bytes.Index(b[from:], own[len(own)-2:]) // "Z "
		if i < 0 {
			return -1, stamp{}
		}
		i += from
		from = i + 1
		start := i + 2 - len(own)
		if start < 0 {
			continue
		}
		if t, ok := s.clock.parse(b[start:]); ok && t.len == len(own) && t.nanos >= s.time.nanos {
			return start, t
		}
	}
}
