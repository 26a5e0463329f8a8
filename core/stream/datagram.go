package stream

import (
	"context"
	"errors"
	"syscall"
	"time"
	"unicode/utf8"
)

const (
	// datagramAge is after how long a UDP destination's name is looked up again: nobody tells that it has moved.
	datagramAge = time.Minute
	// leastDatagram is what every host takes (RFC 5426 section 3.2).
	leastDatagram = 480
)

// sendDatagrams sends each record as one datagram.
func (s *Stream) sendDatagrams(ctx context.Context, buf []byte, start int, ends []int) (taken int, err error) {
	s.lookUpAgain(ctx)
	restore := s.link.interruptible(ctx)
	defer func() { restore() }()
	for _, end := range ends {
		if err := s.sendDatagram(buf[start:end]); err != nil {
			return taken, err
		}
		taken++
		start = end
	}
	return taken, nil
}

// sendDatagram sends one record, cut to what fits. A UDP destination that refuses is counted: the record is sent or lost as on any other
// day with UDP.
func (s *Stream) sendDatagram(record []byte) error {
	l := s.link
	size := s.cfg.DatagramBytes
	if l.largest > 0 {
		size = min(size, l.largest)
	}
	for refused := 0; ; {
		_, err := l.conn.Write(cut(record, size))
		switch {
		case err == nil:
			return nil
		case l.udp && errors.Is(err, syscall.ECONNREFUSED): // an earlier one was; this one has not been sent
			s.refuse()
			if refused++; refused > 1 {
				return nil
			}
		case errors.Is(err, syscall.EMSGSIZE) && size > leastDatagram:
			size = max(min(size, len(record))/2, leastDatagram)
			l.largest = size
		default:
			return err
		}
	}
}

func (s *Stream) refuse() {
	s.refused.Add(1)
	if time.Since(s.warned) > time.Minute {
		s.warned = time.Now()
		s.cfg.Logger.Warn("destination refuses datagrams", "refused", s.refused.Load())
	}
}

// lookUpAgain replaces a UDP socket of some age; the old one serves on where that fails.
func (s *Stream) lookUpAgain(ctx context.Context) {
	if !s.link.udp || time.Since(s.link.since) < datagramAge {
		return
	}
	s.link.since = time.Now()
	if conn, err := s.cfg.Dial(ctx); err == nil {
		_ = s.link.conn.Close()
		s.link = newLink(conn)
	}
}

// cut is at most size bytes of record, never ending inside of a UTF-8 character.
func cut(record []byte, size int) []byte {
	if len(record) <= size {
		return record
	}
	for at := size; at > 0 && at > size-utf8.UTFMax; at-- {
		if utf8.RuneStart(record[at]) {
			return record[:at]
		}
	}
	return record[:size]
}
