package kafka

import (
	"errors"
	"slices"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/gliderlabs/logspout-builder/core"
)

// flight is a run of records that was handed to the client together.
type flight struct {
	records []*kgo.Record
	keys    []string // core.Message.Key of each
	bytes   int
	errs    []error // read after done
	left    atomic.Int64
	done    chan struct{} // closed when the client has said what became of each record
}

// settled is called once for every record, by the client's goroutine.
func (f *flight) settled(i int, err error) {
	f.errs[i] = err
	if f.left.Add(-1) == 0 {
		close(f.done)
	}
}

// delivery is what is known of a batch while Deliver runs.
type delivery struct {
	batch    []core.Message
	todo     []int // indexes of the lines that are neither taken nor rejected, ascending
	rejected []int
	reason   error // of the first rejection
}

func newDelivery(batch []core.Message) *delivery {
	d := &delivery{batch: batch, todo: make([]int, len(batch))}
	for i := range d.todo {
		d.todo[i] = i
	}
	return d
}

// takeUp strikes off the lines that an earlier Deliver has handed over and that have been taken since.
func (d *delivery) takeUp(f *flight) {
	taken := make(map[string]int, len(f.keys))
	for i, err := range f.errs {
		if err == nil {
			taken[f.keys[i]]++
		}
	}
	d.todo = slices.DeleteFunc(d.todo, func(i int) bool {
		key := d.batch[i].Key()
		if taken[key] == 0 {
			return false
		}
		taken[key]--
		return true
	})
}

// settle strikes off what was taken of a flight, which holds the first lines of todo. The error is one of those of the other lines:
// one that repeating may mend before one that a line itself has caused.
func (d *delivery) settle(f *flight) error {
	var problem error
	failed := make([]int, 0, len(d.todo))
	for i, err := range f.errs {
		if err == nil {
			continue
		}
		failed = append(failed, d.todo[i])
		if problem == nil || causedByRecord(problem) && !causedByRecord(err) {
			problem = err
		}
	}
	d.todo = append(failed, d.todo[len(f.errs):]...)
	return problem
}

// reject gives up the first line of todo.
func (d *delivery) reject(reason error) {
	d.rejected = append(d.rejected, d.todo[0])
	d.todo = d.todo[1:]
	if d.reason == nil {
		d.reason = reason
	}
}

// result is what Deliver returns: err says why lines are left to do.
func (d *delivery) result(err error) error {
	switch {
	case len(d.todo) == len(d.batch):
		return err
	case len(d.rejected) == len(d.batch):
		return core.Permanent(d.reason)
	case len(d.todo)+len(d.rejected) == 0:
		return nil
	}
	return &core.PartialError{Retry: d.todo, Rejected: d.rejected, Err: errors.Join(err, d.reason)}
}
