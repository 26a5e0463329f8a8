package moduletest

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gliderlabs/logspout-builder/core"
)

// ProcessorSuite says what TestProcessor needs to know of a processor.
type ProcessorSuite struct {
	Processor core.Processor
	// Env is the processor's; nil is NewEnv(tb, nil).
	Env func(tb testing.TB) core.Env
	// Route is the URI of a route with the processor ("multiline+raw://localhost:1?...").
	Route string
	// Invalid are routes that the processor has to refuse, with all that is wrong with each.
	Invalid []InvalidRoute
}

// TestProcessor checks that a processor keeps the promises of core.Processor and core.Process: each is a subtest with the promise's name.
func TestProcessor(t *testing.T, s ProcessorSuite) {
	t.Helper()
	runChecks(t, s.checks())
}

func (s ProcessorSuite) checks() []check {
	return []check{
		{"an invalid route is refused with all that is wrong with it", s.invalidRoutesAreRefused},
		{"making a process starts nothing", s.startsNothing},
		{"messages are not written to, whatever they hold", s.messagesAreNotWrittenTo},
		{"a batch is not kept", s.batchIsNotKept},
		{"what is in dst stays", s.dstStays},
		{"Held tells the oldest message kept back", s.heldIsTheOldest},
		{"Flush gives what is due, and all of it at the end", s.flushGivesWhatIsDue},
		{"what is kept back is bounded", s.keptBackIsBounded},
	}
}

func (s ProcessorSuite) process(tb testing.TB) core.Process {
	tb.Helper()
	env := NewEnv(tb, nil)
	if s.Env != nil {
		env = s.Env(tb)
	}
	p, err := s.Processor(env, parseRoute(tb, s.Route))
	if err != nil {
		tb.Fatalf("processor with %s: %v", s.Route, err)
	}
	return p
}

func (s ProcessorSuite) invalidRoutesAreRefused(tb testing.TB) {
	tb.Helper()
	if len(s.Invalid) == 0 {
		tb.Skip("the suite names nothing invalid")
	}
	env := NewEnv(tb, nil)
	if s.Env != nil {
		env = s.Env(tb)
	}
	for _, invalid := range s.Invalid {
		_, err := s.Processor(env, parseRoute(tb, invalid.URI))
		wantProblems(tb, invalid.URI, err, invalid.Problems...)
	}
}

func (s ProcessorSuite) startsNothing(tb testing.TB) {
	tb.Helper()
	before := settledGoroutines()
	for range 3 {
		s.process(tb)
	}
	noGoroutinesBeyond(tb, before)
}

// processorMessages are lines that processors are made for, among them such as begin with white space and such as look like secrets, of
// two containers in turn, and all the hostile ones; the offsets ascend.
func processorMessages() []core.Message {
	messages := Messages(40)
	other := NewContainer("other")
	for i := range messages {
		if i%3 == 1 {
			messages[i].Container = other
		}
		if i%5 > 1 {
			messages[i].Data = "   at com.example.Main.main(Main.java:42) password=hunter2"
		}
	}
	messages = append(messages, HostileMessages()...)
	for i := range messages {
		messages[i].Offset = uint64(i) + 10
	}
	return messages
}

func (s ProcessorSuite) messagesAreNotWrittenTo(tb testing.TB) {
	tb.Helper()
	p := s.process(tb)
	in := processorMessages()
	before := slices.Clone(in)
	within(tb, patience, "Apply", func() {
		p.Apply(nil, in, Epoch())
		p.Flush(nil, Epoch(), true)
	})
	sameMessages(tb, "Apply", in, before)
}

func (s ProcessorSuite) batchIsNotKept(tb testing.TB) {
	tb.Helper()
	clean, poisoned := s.process(tb), s.process(tb)
	var want, got []core.Message
	buffer := make([]core.Message, 7)
	for batch := range slices.Chunk(processorMessages(), len(buffer)) {
		now := Epoch()
		want = clean.Apply(want, batch, now)
		n := copy(buffer, batch)
		got = poisoned.Apply(got, buffer[:n], now)
		poison(buffer)
	}
	want, got = clean.Flush(want, Epoch(), true), poisoned.Flush(got, Epoch(), true)
	for i := range min(len(want), len(got)) {
		if want[i] != got[i] {
			tb.Fatalf("a batch is used after Apply has returned: message %d is %s, want %s", i, describe(&got[i]), describe(&want[i]))
		}
	}
	if len(want) != len(got) {
		tb.Errorf("a batch is used after Apply has returned: %d messages come of it, want %d", len(got), len(want))
	}
}

func (s ProcessorSuite) dstStays(tb testing.TB) {
	tb.Helper()
	p := s.process(tb)
	before := Messages(3)
	got := p.Apply(slices.Clone(before), processorMessages(), Epoch())
	got = p.Flush(got, Epoch(), true)
	if len(got) < 3 || !slices.Equal(got[:3], before) {
		tb.Errorf("Apply and Flush have to append to dst: the %d messages that it held are not there", len(before))
	}
}

// heldIsTheOldest checks at every step that nothing which comes later is older than what Held told: the agent commits up to there.
func (s ProcessorSuite) heldIsTheOldest(tb testing.TB) {
	tb.Helper()
	p := s.process(tb)
	now := Epoch()
	var floor uint64 // all before it is done with
	check := func(when string, out []core.Message) {
		for i := range out {
			if out[i].Offset < floor {
				tb.Errorf("%s: message %s with offset %d comes although Held said that only those from %d on are kept back (a message made of others has the offset of the first)",
					when, describe(&out[i]), out[i].Offset, floor)
			}
		}
	}
	for _, m := range processorMessages() {
		now = now.Add(time.Millisecond)
		check("Apply", p.Apply(nil, []core.Message{m}, now))
		floor = m.Offset + 1
		if held, due, ok := p.Held(); ok {
			if held > m.Offset {
				tb.Errorf("Held tells offset %d, the newest message given has %d", held, m.Offset)
			}
			if due.IsZero() || due.After(now.Add(time.Hour)) {
				tb.Errorf("Held tells that Flush is due at %s, now is %s", due, now)
			}
			floor = held
		}
	}
	check("Flush", p.Flush(nil, now.Add(time.Hour), true))
}

func (s ProcessorSuite) flushGivesWhatIsDue(tb testing.TB) {
	tb.Helper()
	p := s.process(tb)
	now := Epoch()
	for _, m := range processorMessages() {
		p.Apply(nil, []core.Message{m}, now)
	}
	for range 1000 {
		offset, due, ok := p.Held()
		if !ok {
			break
		}
		now = later(now, due)
		p.Flush(nil, now, false)
		if again, dueAgain, ok := p.Held(); ok && again == offset && !dueAgain.After(now) {
			tb.Fatalf("Flush at %s keeps back the message with offset %d, which was due then: the agent would call it for ever", now, offset)
		}
	}
	if offset, due, ok := p.Held(); ok {
		tb.Errorf("after Flush whenever it was due a message (offset %d, due %s) is still kept back", offset, due)
	}
	p.Apply(nil, processorMessages(), now)
	p.Flush(nil, now, true)
	if offset, _, ok := p.Held(); ok {
		tb.Errorf("after the final Flush a message (offset %d) is still kept back", offset)
	}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// keptBackIsBounded feeds lines that never end a record, with the time standing still.
func (s ProcessorSuite) keptBackIsBounded(tb testing.TB) {
	tb.Helper()
	const limit = 16 << 20
	for name, line := range map[string]string{"indented": "  " + strings.Repeat("x", 4<<10), "plain": strings.Repeat("x", 4<<10)} {
		p := s.process(tb)
		batch := Messages(64)
		offset, kept := uint64(0), 0
		for n := 0; n < 2*limit; n += len(batch) * len(line) {
			for i := range batch {
				offset++
				batch[i].Offset, batch[i].Data = offset, line
			}
			p.Apply(nil, batch, Epoch())
			if held, _, ok := p.Held(); ok {
				kept = int(offset+1-held) * len(line)
			} else {
				kept = 0
			}
		}
		if kept > limit {
			tb.Errorf("%d MiB of %s lines of one container are kept back: want a bound below %d", kept>>20, name, limit>>20)
		}
	}
}
