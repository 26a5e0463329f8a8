// Package docker is the log router that reads the logs of every container of a Docker Engine, or of Podman, through the engine's API.
//
// One loop follows the engine's events and keeps the set of containers; each container that has something to read has a goroutine of
// its own, which resumes exactly where it was whenever its stream ends.
package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/moby/moby/api/types/events"

	"github.com/gliderlabs/logspout-builder/core"
)

const (
	name = "docker"
	// syncKey is the position that tells up to when the set of containers was followed. No container has such an id.
	syncKey = "followed-until"
	// syncMargin is how long a container may be followed before its own position is there.
	syncMargin = time.Minute

	listEvery   = 30 * time.Second   // an event may be missed
	queueLen    = 1024               // the engine drops what a subscriber does not take within 100 ms
	inspectors  = 8                  // inspections at the same time
	drainers    = 16                 // stopped containers read at the same time, at start
	keepGone    = 7 * 24 * time.Hour // how old the position of a container must be that is forgotten when the engine does not know it
	firstWait   = 100 * time.Millisecond
	longestWait = 15 * time.Second
)

// Router reads one engine. It has no state of its own.
type Router struct{}

// New makes the log router.
func New() *Router { return &Router{} }

// Name implements core.LogRouter.
func (*Router) Name() string { return name }

// Check implements core.Checker.
func (*Router) Check(env core.Env) error {
	_, err := parseOptions(env.Vars)
	return err
}

// Run reads until ctx ends, and returns when every reading has ended. An engine that is down, at start or later, is waited for.
func (*Router) Run(ctx context.Context, in core.Intake) error {
	o, err := parseOptions(in.Env().Vars)
	if err != nil {
		return err
	}
	eng := &engine{options: &o}
	defer eng.close()
	k := &intake{
		Intake: in, log: in.Env().Logger, options: &o, engine: eng, started: time.Now(),
		inspections: make(chan struct{}, inspectors), drains: make(chan struct{}, drainers), nets: make(chan struct{}, netsOpen),
		containers: map[string]*container{},
	}
	if value, ok := in.Position(syncKey); ok {
		k.followed, _ = time.Parse(time.RFC3339, value)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer k.readings.Wait()
	defer cancel()
	wait := newBackoff(firstWait, longestWait)
	for reported := ""; ; {
		err := k.follow(ctx, func() {
			wait.reset()
			reported = ""
			in.Report(nil)
		})
		if ctx.Err() != nil {
			return nil
		}
		in.Report(err)
		if text := err.Error(); text != reported {
			k.log.WarnContext(ctx, "engine cannot be followed, trying again", "engine", o.address(), "error", err)
			reported = text
		}
		if !wait.wait(ctx) {
			return nil
		}
	}
}

// intake is one Run.
type intake struct {
	core.Intake
	log         *slog.Logger
	options     *options
	engine      *engine
	inspections chan struct{}
	drains      chan struct{}
	nets        chan struct{}
	netted      atomic.Int64 // bytes that nets keep
	noAttach    atomic.Bool  // the engine, or a proxy in front of it, does not let us
	readings    sync.WaitGroup

	// Of the loop alone.
	started   time.Time     // this Run
	ahead     time.Duration // of the engine's clock before this process's
	began     time.Time     // started, by the engine's clock: lines from then on are wanted whatever container they come from
	followed  time.Time     // up to when an earlier process followed the set; zero when there was none
	lastEvent time.Time
	swept     bool // positions of containers that went while no process followed the engine are forgotten

	mu         sync.Mutex // held for moments, never over I/O
	containers map[string]*container
}

// listing is a list and when it was asked for.
type listing struct {
	asked      time.Time
	containers []summary
	err        error
}

// follow subscribes to the engine's events, then lists the containers, and keeps the set of them until the subscription ends or ctx does.
// It calls ready once the set is complete.
func (k *intake) follow(ctx context.Context, ready func()) error {
	first := k.began.IsZero()
	ahead, err := k.engine.connect(ctx)
	if err != nil {
		return fmt.Errorf("connect to the engine: %w", err)
	}
	if k.ahead = ahead; first {
		k.began = k.started.Add(k.ahead)
		k.lastEvent = k.began
	}
	session, cancel := context.WithCancel(ctx)
	var helpers sync.WaitGroup
	defer helpers.Wait()
	defer cancel()

	queue, ended := k.subscribe(session, &helpers)
	lists := make(chan listing)
	list := func() {
		l := listing{asked: time.Now()}
		l.containers, l.err = k.engine.list(session)
		select {
		case lists <- l:
		case <-session.Done():
		}
	}
	helpers.Go(list)
	tick := time.NewTicker(listEvery)
	defer tick.Stop()
	for complete := false; ; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-ended:
			if errors.Is(err, io.EOF) {
				err = errors.New("the engine ended the stream")
			}
			return fmt.Errorf("read the engine's events: %w", err)
		case m := <-queue:
			k.event(ctx, &m)
		case l := <-lists:
			if l.err != nil {
				return fmt.Errorf("list the containers: %w", l.err)
			}
			k.reconcile(ctx, &l, !complete && !first)
			k.sweep(&l)
			if !complete {
				complete = true
				k.log.InfoContext(ctx, "following the engine", "engine", k.options.address(), "api", k.engine.version(), "containers", len(l.containers))
				ready()
			}
			at := l.asked.Add(k.ahead - syncMargin)
			if err := k.Append(ctx, nil, core.Position{Key: syncKey, Value: at.UTC().Format(time.RFC3339)}); err != nil {
				return err
			}
		case <-tick.C:
			helpers.Go(list)
		}
	}
}

// subscribe reads events into a queue: whatever the loop does, the engine does not wait.
func (k *intake) subscribe(session context.Context, helpers *sync.WaitGroup) (<-chan events.Message, <-chan error) {
	queue, ended := make(chan events.Message, queueLen), make(chan error, 1)
	since := k.lastEvent // what comes between this and the subscription comes first
	helpers.Go(func() {
		stream := k.engine.events(session, since) // Engine 20.10 answers with the first event only
		for {
			select {
			case m := <-stream.Messages:
				select {
				case queue <- m:
				case <-session.Done():
				}
			case err := <-stream.Err:
				ended <- err
				for range stream.Err { // closed when the client's goroutine has ended
				}
				return
			}
		}
	})
	return queue, ended
}

var (
	_ core.LogRouter = (*Router)(nil)
	_ core.Checker   = (*Router)(nil)
)
