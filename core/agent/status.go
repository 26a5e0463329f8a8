package agent

import (
	"fmt"
	"time"

	"github.com/gliderlabs/logspout-builder/core"
)

// unreadable is how long an intake may be without logs to read before that is a problem: engines restart.
const unreadable = 5 * time.Second

// status is a snapshot of the whole agent.
func (f *forwarder) status() core.Status {
	now := time.Now()
	s := core.Status{
		Name: f.build.Name, Version: f.build.Version, Started: f.started, Journal: f.journal.Status(),
	}
	for _, in := range f.intakes {
		is := in.status(now)
		if down := now.Sub(is.Since); is.Err != "" && down >= unreadable {
			s.Problems = append(s.Problems, fmt.Sprintf("%s: no logs can be read for %s: %s", in.name, down.Round(time.Second), is.Err))
		}
		s.Intakes = append(s.Intakes, is)
	}
	for _, r := range f.table.running() {
		rs := r.status()
		if stalled := r.stalledFor(now); stalled >= f.config.stall {
			reason := rs.Err
			if reason == "" {
				reason = "a delivery does not return"
			}
			s.Problems = append(s.Problems, fmt.Sprintf("route %s (%s): %d lines wait, nothing delivered for %s: %s",
				r.spec.ID, r.spec.Adapter, rs.Queue.Lines, stalled.Round(time.Second), reason))
		}
		s.Routes = append(s.Routes, rs)
	}
	return s
}
