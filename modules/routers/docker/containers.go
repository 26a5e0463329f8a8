package docker

import (
	"context"
	"fmt"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"github.com/moby/moby/api/types/events"
	"github.com/moby/moby/client"

	"github.com/gliderlabs/logspout-builder/core"
)

// container is one container of the set.
type container struct {
	id      string
	about   atomic.Pointer[core.Container] // what is known of it; written under intake.mu
	running atomic.Bool                    // by the last event or inspection
	known   atomic.Bool                    // about is the engine's full description
	silence watchdog
	net     *safetyNet // nil: it was not created under our eyes

	// Under intake.mu.
	since   time.Time // in the set
	named   time.Time // its name is from then
	asked   int       // inspections so far
	applied int       // the newest of them that about comes from
	state   state     // by that one
	reading bool      // a goroutine reads it
	again   bool      // it was started meanwhile
	gone    bool      // the engine has it no more
	refused string    // why it is never read

	// Of the reading goroutine; before there is one, of the loop.
	progress progress
	history  string // so many lines of its history come first
	splitter *splitter
}

// event takes one event. Both shapes are understood: API 1.52 dropped all but Action and Actor.
func (k *intake) event(ctx context.Context, m *events.Message) {
	at := time.Unix(0, m.TimeNano)
	if m.TimeNano == 0 {
		at = time.Unix(m.Time, 0)
	}
	if at.After(k.lastEvent) {
		k.lastEvent = at
	}
	id := m.Actor.ID
	action, _, _ := strings.Cut(string(m.Action), ":")
	if m.Type == events.NetworkEventType && action == "connect" {
		k.starting(ctx, m.Actor.Attributes["container"])
	}
	if m.Type != events.ContainerEventType || id == "" {
		return
	}
	switch action {
	case "create":
		if c, added := k.add(ctx, eventContainer(id, m.Actor.Attributes), origin{fresh: true}); added && k.wanted(c) {
			k.spread(ctx, c, at)
			// Its environment is known by the time it starts, even should it not live until it is inspected then.
			k.readings.Go(func() { _, _ = k.inspect(ctx, c) })
		}
	case "start":
		c, _ := k.add(ctx, eventContainer(id, m.Actor.Attributes), origin{})
		c.running.Store(true)
		c.net.started()
		k.launch(ctx, c, false)
	case "die", "died":
		if c := k.find(id); c != nil {
			c.running.Store(false)
			c.silence.hurry()
		}
	case "rename":
		if c := k.find(id); c != nil {
			k.rename(c, m.Actor.Attributes["name"], time.Now())
		}
	case "destroy", "remove":
		if c := k.find(id); c != nil {
			c.running.Store(false)
			c.silence.hurry()
			k.remove(c)
		}
	}
}

// starting is called when a container gets its network, which is the last that is heard of it before it starts. The engine answers a
// request for its log then as soon as it runs, and before it looks after its end: the shortest life is read.
func (k *intake) starting(ctx context.Context, id string) {
	c := k.find(id)
	if c == nil || c.running.Load() {
		return
	}
	c.running.Store(true)
	k.launch(ctx, c, false)
}

// origin is how a container came to be known.
type origin struct {
	fresh   bool // it was created under our eyes: all of its log is new
	running bool // it already ran
}

// add makes a container part of the set, with the place where its reading begins.
func (k *intake) add(ctx context.Context, about *core.Container, from origin) (c *container, added bool) {
	if c = k.find(about.ID); c != nil {
		return c, false
	}
	now := time.Now()
	c = &container{id: about.ID, since: now, named: now}
	c.about.Store(about)
	if reason := k.options.unwanted(about); reason != "" {
		k.refuse(ctx, c, reason)
	} else {
		k.begin(ctx, c, from)
	}
	k.mu.Lock()
	k.containers[c.id] = c
	k.mu.Unlock()
	return c, true
}

// begin decides from where a container is read.
func (k *intake) begin(ctx context.Context, c *container, from origin) {
	if value, ok := k.Position(c.id); ok {
		var err error
		if c.progress, err = decodeProgress(value); err == nil {
			return
		}
		k.log.WarnContext(ctx, "position cannot be read, container is read from its first line", "container", c.about.Load().Name, "error", err)
		return
	}
	switch {
	case from.fresh:
	case from.running && k.options.history == "all":
	case from.running && k.options.history != "":
		c.history = k.options.history
		return
	default:
		c.progress.start = k.began.UnixNano()
	}
	// From here on it is known, and a restart of this process goes on here.
	_ = k.Append(ctx, nil, core.Position{Key: c.id, Value: c.progress.encode(c.progress.start)})
}

func (k *intake) find(id string) *container {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.containers[id]
}

// reconcile compares the set with a list: events may have been missed. missed says that some surely were, so that a stopped container may
// have run meanwhile.
func (k *intake) reconcile(ctx context.Context, l *listing, missed bool) {
	listed := make(map[string]bool, len(l.containers))
	for i := range l.containers {
		s := &l.containers[i]
		listed[s.id] = true
		_, resumed := k.Position(s.id)
		fresh := s.created.After(k.began) || !k.followed.IsZero() && s.created.After(k.followed)
		c, added := k.add(ctx, listContainer(s), origin{fresh: fresh, running: s.running})
		k.mu.Lock()
		reading, renamed := c.reading, s.name != "" && c.about.Load().Name != s.name && c.named.Before(l.asked)
		k.mu.Unlock()
		if renamed {
			k.rename(c, s.name, l.asked)
		}
		switch {
		case reading:
		case s.running:
			if added || missed || c.since.Before(l.asked) {
				c.running.Store(true)
				k.launch(ctx, c, false)
			}
		case s.ran && (added && (resumed || fresh) || !added && missed):
			k.launch(ctx, c, true)
		}
	}
	k.mu.Lock()
	var lost []*container
	for id, c := range k.containers {
		if !listed[id] && c.since.Before(l.asked) {
			lost = append(lost, c)
		}
	}
	k.mu.Unlock()
	for _, c := range lost {
		c.running.Store(false)
		c.silence.hurry()
		k.remove(c)
	}
}

// sweep forgets, once, the positions of containers that were removed while no process followed the engine. Those that are not old
// stay: it may be another engine that answers today.
func (k *intake) sweep(l *listing) {
	if k.swept {
		return
	}
	k.swept = true
	listed := make(map[string]bool, len(l.containers))
	for i := range l.containers {
		listed[l.containers[i].id] = true
	}
	for _, id := range k.Keys() {
		if id == syncKey || listed[id] || k.find(id) != nil {
			continue
		}
		value, _ := k.Position(id)
		if p, err := decodeProgress(value); err != nil || time.Since(time.Unix(0, p.start)) > keepGone {
			k.Forget(id)
		}
	}
}

// rename gives a container another name, for the lines to come.
func (k *intake) rename(c *container, name string, at time.Time) {
	if name == "" {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	c.about.Store(renamed(c.about.Load(), name))
	c.named = at
}

// remove drops a container that the engine has no more, once it is read.
func (k *intake) remove(c *container) {
	k.mu.Lock()
	c.gone = true
	reading := c.reading
	if !reading {
		delete(k.containers, c.id)
	}
	k.mu.Unlock()
	if !reading {
		c.net.discard()
		k.Forget(c.id)
	}
}

// refuse says that a container is never read.
func (k *intake) refuse(ctx context.Context, c *container, reason string) {
	k.mu.Lock()
	c.refused = reason
	k.mu.Unlock()
	c.net.discard()
	k.log.InfoContext(ctx, "container is not read", "container", c.about.Load().Name, "id", shortID(c.id), "reason", reason)
}

func (k *intake) wanted(c *container) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return c.refused == ""
}

// launch reads a container in a goroutine of its own. polite says that there is no hurry: few such readings run at a time.
func (k *intake) launch(ctx context.Context, c *container, polite bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if c.refused != "" || c.gone {
		return
	}
	if c.reading {
		c.again = true
		return
	}
	c.reading = true
	k.readings.Go(func() {
		if polite {
			select {
			case k.drains <- struct{}{}:
				defer func() { <-k.drains }()
			case <-ctx.Done():
			}
		}
		for again := true; again; again = k.ended(c) && ctx.Err() == nil {
			k.guarded(ctx, c)
		}
	})
}

// guarded reads a container; a panic ends that reading and not the process. The next list starts it again.
func (k *intake) guarded(ctx context.Context, c *container) {
	defer func() {
		if p := recover(); p != nil {
			k.Count("panics", 1)
			k.log.ErrorContext(ctx, "reading a container panicked", "container", c.about.Load().Name, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		}
	}()
	k.read(ctx, c)
}

// ended takes note that a reading has ended, and reports whether the container was started meanwhile.
func (k *intake) ended(c *container) (again bool) {
	k.mu.Lock()
	if c.again && !c.gone && c.refused == "" {
		c.again = false
		k.mu.Unlock()
		return true
	}
	c.reading, c.splitter = false, nil
	gone := c.gone
	if gone {
		delete(k.containers, c.id)
	}
	k.mu.Unlock()
	if gone {
		c.net.discard()
		k.Forget(c.id)
	}
	return false
}

// inspect learns all that the engine knows of a container. It returns when it has, when the container is gone, when it is known well enough, or when
// the engine cannot describe it.
func (k *intake) inspect(ctx context.Context, c *container) (running bool, err error) {
	wait := newBackoff(firstWait, longestWait)
	for failures := 0; ; {
		running, err = k.inspectOnce(ctx, c)
		if err == nil || isGone(err) || c.known.Load() {
			return running, err
		}
		if !client.IsErrConnectionFailed(err) {
			failures++
		}
		if failures == attempts {
			k.log.WarnContext(ctx, "container cannot be inspected, it is read with what is known of it", "container", c.about.Load().Name, "error", err)
			return running, err
		}
		if !wait.wait(ctx) {
			return running, err
		}
	}
}

func (k *intake) inspectOnce(ctx context.Context, c *container) (running bool, err error) {
	select {
	case k.inspections <- struct{}{}:
		defer func() { <-k.inspections }()
	case <-ctx.Done():
		return false, ctx.Err()
	}
	k.mu.Lock()
	c.asked++
	asked, at := c.asked, time.Now()
	k.mu.Unlock()
	raw, err := k.engine.inspect(ctx, c.id)
	if err != nil {
		return false, classify(err)
	}
	about, now, err := parseInspect(raw)
	if err != nil {
		return false, err
	}
	k.mu.Lock()
	if asked > c.applied {
		if c.named.After(at) {
			about.Name = c.about.Load().Name
		}
		c.about.Store(about)
		c.applied, c.state = asked, now
		c.known.Store(true)
	}
	k.mu.Unlock()
	if reason := k.options.unwanted(about); reason != "" && k.wanted(c) {
		k.refuse(ctx, c, reason)
	}
	c.net.decide(about)
	return now.running, nil
}
