package docker

import (
	"sync"
	"time"
)

// dyingSilence is how long the stream of a container that has stopped may be silent before it is read anew: a dead proxy does not end it.
const dyingSilence = 30 * time.Second

// watchdog ends a stream that is silent for too long. At most one stream is watched at a time.
type watchdog struct {
	mu    sync.Mutex
	timer *time.Timer
	bark  func()
	limit time.Duration // 0: for ever
}

// watch begins to watch a stream.
func (w *watchdog) watch(limit time.Duration, bark func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.bark, w.limit = bark, limit
	if limit > 0 {
		w.timer = time.AfterFunc(limit, bark)
	}
}

// alive says that the stream has given something.
func (w *watchdog) alive() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.timer != nil {
		w.timer.Reset(w.limit)
	}
}

// hurry says that the stream has to end soon.
func (w *watchdog) hurry() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.bark == nil || w.limit > 0 && w.limit <= dyingSilence {
		return
	}
	w.limit = dyingSilence
	if w.timer == nil {
		w.timer = time.AfterFunc(w.limit, w.bark)
	} else {
		w.timer.Reset(w.limit)
	}
}

// stop ends the watch.
func (w *watchdog) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.timer != nil {
		w.timer.Stop()
	}
	w.timer, w.bark, w.limit = nil, nil, 0
}
