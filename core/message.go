package core

import (
	"strconv"
	"time"
)

// Message is one log line. It is immutable once an intake has appended it: a module that rewrites works on its own copy.
type Message struct {
	// Container is the container the line comes from, never nil; many messages share one Container.
	Container *Container
	// Source is "stdout", "stderr", or the intake's own name.
	Source string
	// Data is the line without its line end. It need not be valid UTF-8.
	Data string
	// Time is when the engine took the line, not when it was read.
	Time time.Time
	// Ordinal tells the lines apart that have the same container, source and time, in their order, from 0.
	Ordinal uint32
	// Offset is the line's place in this process's journal. The journal sets it when a route reads; an intake leaves it 0,
	// and a processor that builds a message from others gives it the offset of the first of them.
	Offset uint64
}

// Key identifies the line: the same on every re-read of the engine's log, different for every other line of the host.
// Its form is "<container id>/<source>/<unix nanoseconds>/<ordinal>".
func (m *Message) Key() string {
	b := make([]byte, 0, 112)
	return string(m.AppendKey(b))
}

// AppendKey appends Key to dst and returns the extended slice.
func (m *Message) AppendKey(dst []byte) []byte {
	dst = append(dst, m.Container.ID...)
	dst = append(dst, '/')
	dst = append(dst, m.Source...)
	dst = append(dst, '/')
	dst = strconv.AppendInt(dst, m.Time.UnixNano(), 10)
	dst = append(dst, '/')
	return strconv.AppendUint(dst, uint64(m.Ordinal), 10)
}
