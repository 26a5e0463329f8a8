package agent

import (
	"fmt"
	"time"

	"github.com/gliderlabs/logspout-builder/core"
)

// chain runs messages through a route's processors. It is used by the route's goroutine alone.
type chain struct {
	processes []core.Process
	made      [][]core.Message // one buffer a processor, used again and again
	// in and out count the messages since the chain kept nothing back: what is missing then was dropped or joined.
	in, out uint64
	// The oldest message that is kept back, and when the next Flush is due, as of the last step.
	oldest uint64
	due    time.Time
	holds  bool
}

// reset puts fresh processors in the place of those there are, with all that they kept back.
func (c *chain) reset(processes []core.Process) {
	*c = chain{processes: processes}
	c.made = make([][]core.Message, len(processes))
}

// flushing says what a step flushes.
type flushing int

const (
	flushNone flushing = iota
	flushDue
	flushAll // the last step
)

// step runs in through the processors, and what they give of what they kept back. The result is valid until the next step.
// A panic of a processor comes back as an error; the chain is then to be reset.
func (c *chain) step(in []core.Message, now time.Time, flush flushing) (out []core.Message, err error) {
	if len(c.processes) == 0 {
		return in, nil
	}
	c.in += uint64(len(in))
	err = guarded(func() error {
		for i, p := range c.processes {
			made := c.made[i][:0]
			if len(in) > 0 {
				made = p.Apply(made, in, now)
			}
			if _, due, held := p.Held(); flush == flushAll || flush == flushDue && held && !due.After(now) {
				made = p.Flush(made, now, flush == flushAll)
			}
			for j := range made {
				if made[j].Container == nil {
					return fmt.Errorf("processor %d made a message without a container", i+1)
				}
			}
			c.made[i], in = made, made
		}
		c.hold()
		return nil
	})
	if err == nil {
		c.out += uint64(len(in))
	}
	return in, err
}

// hold notes what is kept back.
func (c *chain) hold() {
	c.holds = false
	for _, p := range c.processes {
		oldest, due, held := p.Held()
		if !held {
			continue
		}
		if !c.holds || oldest < c.oldest {
			c.oldest = oldest
		}
		if !c.holds || due.Before(c.due) {
			c.due = due
		}
		c.holds = true
	}
}

// settle tells how many messages the processors have dropped or joined to others since it was asked last; they are only
// known while nothing is kept back.
func (c *chain) settle() (missing uint64) {
	if c.in > c.out {
		missing = c.in - c.out
	}
	c.in, c.out = 0, 0
	return missing
}

// pending is how many messages are in the chain, or were dropped by it since it was last empty.
func (c *chain) pending() uint64 {
	if c.in > c.out {
		return c.in - c.out
	}
	return 0
}
