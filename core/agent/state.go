package agent

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"time"

	"github.com/gliderlabs/logspout-builder/core/journal"
)

func (f *forwarder) checkpointsFile() string {
	return filepath.Join(f.config.statePath, "checkpoints.json")
}

// loadState takes up the checkpoints of an earlier process.
func (f *forwarder) loadState() error {
	if !f.resumable() {
		return nil
	}
	if err := os.MkdirAll(f.config.statePath, 0o700); err != nil {
		return fmt.Errorf("LOGSPOUT_STATE: %w", err)
	}
	c, err := journal.LoadCheckpoints(f.checkpointsFile())
	if err != nil {
		return fmt.Errorf("LOGSPOUT_STATE: %w", err)
	}
	f.journal.Restore(c)
	f.saved, f.reached.confirmed = c, c
	return nil
}

// saveState writes the confirmed checkpoints where they have changed. It is called by one goroutine at a time.
func (f *forwarder) saveState() {
	if !f.resumable() {
		return
	}
	f.reached.add(f.journal.Checkpoints(), f.table.running())
	c := f.journal.Complete(f.reached.settle())
	if maps.EqualFunc(c, f.saved, maps.Equal) {
		return
	}
	now := time.Now()
	if err := journal.SaveCheckpoints(f.checkpointsFile(), c); err != nil {
		if f.saving.failed(now) {
			f.log.Error("saving checkpoints failed, trying again", "error", err, "failures", f.saving.failures)
		}
		return
	}
	if lasted, failures, ok := f.saving.over(now); ok {
		f.log.Info("saving checkpoints works again", "after", lasted, "failures", failures)
	}
	f.saved = c
}
