package docker

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// slack is how much earlier than the last line reading is resumed. The engine stamps a message before it writes it, so that one of the
// other stream may stand behind it in the file with an earlier time.
const slack = 2 * time.Second

// progress is how far a container's log was taken.
//
// Within a stream the times of assembled lines never go back (the parts of a line have the time of the first), so a stream's last time and how many
// lines of that time were taken tell exactly which lines were. Reading is resumed a little earlier, by the time of the engine (since is
// inclusive), and each stream drops what it has taken. That stays right when the engine has rotated some of it away meanwhile.
//
// When the host's clock was set back, a resume within that span repeats lines; it never drops one that the engine gives.
type progress struct {
	start int64 // not before; nanoseconds since the epoch
	last  int64 // the time of the line taken last; 0 when none was
	// now is what this reading has passed, taken what an earlier one took; a stream that has passed it has none.
	now, taken [streams]mark
}

// mark is a line's time and how many lines of that time there were.
type mark struct {
	time int64
	n    uint32
}

// accept passes a line. fresh is false when it was taken before.
func (p *progress) accept(stream uint8, nanos int64) (ordinal uint32, fresh bool) {
	m := &p.now[stream]
	if m.n > 0 && m.time == nanos {
		ordinal = m.n
	}
	*m = mark{nanos, ordinal + 1}
	if t := p.taken[stream]; t.n > 0 {
		if nanos < t.time || nanos == t.time && ordinal < t.n {
			return ordinal, false
		}
		p.taken[stream] = mark{}
	}
	p.last = nanos
	return ordinal, true
}

// reopen says that the log is read again, from since.
func (p *progress) reopen() {
	for i := range p.now {
		p.taken[i] = p.mark(i)
		p.now[i] = mark{}
	}
}

func (p *progress) mark(stream int) mark {
	if t := p.taken[stream]; t.n > 0 {
		return t
	}
	return p.now[stream]
}

// since is from when to read, and not later than the oldest line whose end has not come.
func (p *progress) since(oldestOpen int64, open bool) int64 {
	since := p.start
	if p.last > 0 {
		since = max(since, p.last-int64(slack))
		if open {
			since = min(since, oldestOpen)
		}
	}
	return since
}

// encode is the checkpoint's value: "1 SINCE STDOUT.N STDERR.N", times in nanoseconds since the epoch.
func (p *progress) encode(since int64) string {
	b := make([]byte, 0, 96)
	b = append(b, "1 "...)
	b = strconv.AppendInt(b, since, 10)
	for _, stream := range []int{stdout, stderr} {
		m := p.mark(stream)
		b = append(b, ' ')
		b = strconv.AppendInt(b, m.time, 10)
		b = append(b, '.')
		b = strconv.AppendUint(b, uint64(m.n), 10)
	}
	return string(b)
}

// decodeProgress reads what encode wrote.
func decodeProgress(value string) (progress, error) {
	fields := strings.Split(value, " ")
	if len(fields) != 4 || fields[0] != "1" {
		return progress{}, fmt.Errorf("position %q is of another version", value)
	}
	var p progress
	var errs [5]error
	p.start, errs[0] = strconv.ParseInt(fields[1], 10, 64)
	for i, stream := range []int{stdout, stderr} {
		nanos, count, _ := strings.Cut(fields[2+i], ".")
		n, err := strconv.ParseUint(count, 10, 32)
		errs[1+2*i] = err
		p.taken[stream].n = uint32(n)
		p.taken[stream].time, errs[2+2*i] = strconv.ParseInt(nanos, 10, 64)
	}
	if err := errors.Join(errs[:]...); err != nil {
		return progress{}, fmt.Errorf("position %q: %w", value, err)
	}
	return p, nil
}
