package moduletest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gliderlabs/logspout-builder/core"
)

// Intake is a core.Intake that keeps what is appended. It gives every message its Offset, from 1, as the journal does.
type Intake struct {
	env core.Env

	mu        sync.Mutex
	appends   []Append
	messages  []core.Message
	positions map[string]string
	forgotten []string
	counts    map[string]uint64
	reports   []error
	changed   chan struct{} // closed and made anew at each change
}

// Append is one call of Intake.Append.
type Append struct {
	Batch []core.Message // as it was then
	At    core.Position
	given []core.Message // as it is now
}

// NewIntake makes an Intake whose Env is env.
func NewIntake(env core.Env) *Intake {
	return &Intake{env: env, positions: map[string]string{}, counts: map[string]uint64{}, changed: make(chan struct{})}
}

// Env implements core.Intake.
func (i *Intake) Env() core.Env { return i.env }

// Append implements core.Intake. It never waits, and takes what comes even when ctx has ended.
func (i *Intake) Append(_ context.Context, batch []core.Message, at core.Position) error {
	i.update(func() {
		i.appends = append(i.appends, Append{Batch: slices.Clone(batch), At: at, given: batch})
		for _, m := range batch {
			m.Offset = uint64(len(i.messages)) + 1
			i.messages = append(i.messages, m)
		}
		if at.Key != "" && at.Value != "" {
			i.positions[at.Key] = at.Value
		}
	})
	return nil
}

// Position implements core.Intake.
func (i *Intake) Position(key string) (string, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	v, ok := i.positions[key]
	return v, ok
}

// SetPosition is what an earlier process left behind.
func (i *Intake) SetPosition(key, value string) { i.update(func() { i.positions[key] = value }) }

// Keys implements core.Intake.
func (i *Intake) Keys() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Sorted(maps.Keys(i.positions))
}

// Forget implements core.Intake.
func (i *Intake) Forget(key string) {
	i.update(func() {
		delete(i.positions, key)
		i.forgotten = append(i.forgotten, key)
	})
}

// Count implements core.Intake.
func (i *Intake) Count(name string, n uint64) { i.update(func() { i.counts[name] += n }) }

// Report implements core.Intake.
func (i *Intake) Report(err error) { i.update(func() { i.reports = append(i.reports, err) }) }

func (i *Intake) update(f func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	f()
	close(i.changed)
	i.changed = make(chan struct{})
}

// Messages are all messages so far, in the order in which they were appended.
func (i *Intake) Messages() []core.Message {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.messages)
}

// Lines are the data of all messages of a container, by id or by name without its slash, and a source; "" is any.
func (i *Intake) Lines(container, source string) []string {
	var lines []string
	for _, m := range i.Messages() {
		if (container == "" || m.Container.ID == container || m.Container.BareName() == container) && (source == "" || m.Source == source) {
			lines = append(lines, m.Data)
		}
	}
	return lines
}

// Appends are all calls of Append so far.
func (i *Intake) Appends() []Append {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.appends)
}

// Positions are the positions appended last, by key.
func (i *Intake) Positions() map[string]string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return maps.Clone(i.positions)
}

// Forgotten are the keys given to Forget, in that order.
func (i *Intake) Forgotten() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.forgotten)
}

// Counted is a counter's value.
func (i *Intake) Counted(name string) uint64 {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.counts[name]
}

// Reported is what was reported so far: nil for each time that logs could be read.
func (i *Intake) Reported() []error {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.reports)
}

// Wait waits until there are n messages, and returns all that there are. It ends the test when they do not come within 10 s.
func (i *Intake) Wait(tb testing.TB, n int) []core.Message {
	tb.Helper()
	i.WaitFor(tb, fmt.Sprintf("%d messages", n), func() bool { return len(i.Messages()) >= n })
	return i.Messages()
}

// WaitFor waits until done is true, asking at each change. It ends the test when it does not become so within 10 s.
func (i *Intake) WaitFor(tb testing.TB, what string, done func() bool) {
	tb.Helper()
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	for {
		i.mu.Lock()
		changed := i.changed
		i.mu.Unlock()
		if done() {
			return
		}
		select {
		case <-changed:
		case <-timeout.C:
			tb.Fatalf("waited %s for %s: there are %d messages", patience, what, len(i.Messages()))
		}
	}
}

// Check reports every message that breaks the rules of core.Message, every one that the log router changed after it had appended it,
// and every wrong ordinal.
func (i *Intake) Check(tb testing.TB) {
	tb.Helper()
	i.mu.Lock()
	defer i.mu.Unlock()
	type moment struct {
		container, source string
		nanos             int64
	}
	ordinals := map[moment]uint32{}
	for n, a := range i.appends {
		for k := range a.Batch {
			m := &a.Batch[k]
			if *m != a.given[k] {
				tb.Errorf("append %d, message %d: changed after it was appended: was %s, is %s", n, k, describe(m), describe(&a.given[k]))
			}
			if m.Container == nil {
				tb.Errorf("append %d, message %d: no container: %s", n, k, describe(m))
				continue
			}
			if m.Source == "" || m.Time.IsZero() || m.Container.ID == "" || m.Offset != 0 {
				tb.Errorf("append %d, message %d: want a source, a time, a container with an id, and no offset: %s", n, k, describe(m))
			}
			at := moment{m.Container.ID, m.Source, m.Time.UnixNano()}
			if m.Ordinal != ordinals[at] {
				tb.Errorf("append %d, message %d: ordinal %d, want %d: %s", n, k, m.Ordinal, ordinals[at], describe(m))
			}
			ordinals[at] = m.Ordinal + 1
		}
	}
}

// describe is a message for people, short whatever it holds.
func describe(m *core.Message) string {
	id := "no container"
	if m.Container != nil {
		id = fmt.Sprintf("%.20q", m.Container.ID)
	}
	return fmt.Sprintf("{%s %.20q %s/%d %d bytes %.40q}", id, m.Source, m.Time.UTC().Format(time.RFC3339Nano), m.Ordinal, len(m.Data), m.Data)
}

var _ core.Intake = (*Intake)(nil)
