package agent

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/gliderlabs/logspout-builder/core"
	"github.com/gliderlabs/logspout-builder/core/journal"
)

// forward runs the forwarder.
func (p *program) forward(ctx context.Context, uris []string) int {
	f, err := p.prepare(ctx, uris)
	if err != nil {
		return p.problems(err)
	}
	if p.sys.collect != nil {
		p.sys.collect(f.config.gcPercent)
	}
	if err := f.run(ctx); err != nil {
		for _, e := range flatten(err) {
			f.log.ErrorContext(ctx, "cannot start", "error", e)
		}
		return exitError
	}
	return exitOK
}

// run forwards until ctx ends, or every log router has nothing more to read and all is delivered. Its error is one of the start.
func (f *forwarder) run(ctx context.Context) error {
	for _, warning := range f.config.warnings {
		f.log.WarnContext(ctx, "configuration", "warning", warning)
	}
	base := context.WithoutCancel(ctx) // parts end one after the other, each when it is told to
	unlock, err := f.lockState()
	if err != nil {
		f.discard(base)
		return err
	}
	defer unlock()
	if err := f.loadState(); err != nil {
		f.discard(base)
		return err
	}
	server, err := f.listen(ctx)
	if err != nil {
		f.discard(base)
		return err
	}
	if err := f.setupJobs(ctx); err != nil {
		f.discard(base)
		server.abandon()
		if ctx.Err() != nil {
			f.log.InfoContext(base, "stopped before the start was complete")
			return nil
		}
		return err
	}

	closing, endClosing := context.WithCancel(base)
	defer endClosing()
	delivering, endDelivering := context.WithCancel(closing)
	defer endDelivering()
	f.startRoutes(delivering, closing)
	server.serve(base)
	working, endWork := context.WithCancel(base)
	defer endWork()
	work := f.startJobs(working)
	kept := f.startKeeping(working)
	reading, endReading := context.WithCancel(base)
	defer endReading()
	read := f.startIntakes(reading)
	f.log.InfoContext(ctx, "forwarding", "name", f.build.Name, "version", f.build.Version, "routes", len(f.table.running()), "log_routers", len(f.intakes))

	select {
	case <-ctx.Done():
	case <-read:
		f.log.InfoContext(ctx, "nothing more to read, delivering the rest")
		f.journal.Close()
		for _, r := range f.table.running() {
			awaited(ctx, r.done)
		}
	}
	s := f.newStop(base, ctx.Err() != nil)
	defer s.end()
	f.stopReading(s, endReading, read)
	f.stopRoutes(s, endDelivering, endClosing)
	endWork()
	server.shutdown(s)
	if !s.await(atWork, work) {
		f.log.ErrorContext(ctx, "a job does not end, its module ignores cancellation")
	}
	<-kept
	f.watch(base, time.Now())
	f.saveState()
	f.report(time.Since(s.started))
	return nil
}

// startRoutes starts the configured routes, then the persisted ones: one of those that is no good is told of and left out.
func (f *forwarder) startRoutes(delivering, closing context.Context) {
	var resumes func(*core.Container) bool
	if f.resumable() {
		resumes = f.resumes
	}
	lim := limits{f.config.batchLines, f.config.batchBytes}
	f.table.open(func(dest *destination, from journal.From) *route {
		cursor := f.journal.Open(journal.CursorOptions{Name: dest.route.ID, From: from, Full: dest.full})
		return startRoute(delivering, closing, f.draining, dest, cursor, lim, resumes)
	})
	for _, dest := range f.first {
		f.table.add(dest, journal.Oldest)
		f.log.InfoContext(delivering, "route", "route", dest.route.ID, "uri", dest.route.String())
	}
	f.first = nil
	persisted, problems := loadRoutes(f.config.routesPath)
	for _, err := range problems {
		f.log.ErrorContext(delivering, "persisted route skipped", "error", err)
	}
	for _, spec := range persisted {
		if f.table.has(spec.ID) {
			f.log.ErrorContext(delivering, "persisted route skipped", "route", spec.ID, "error", "a route with that id runs already")
			continue
		}
		dest, err := newDestination(delivering, f.env, f.ext, spec)
		if err != nil {
			f.log.ErrorContext(delivering, "persisted route skipped", "route", spec.ID, "error", err)
			continue
		}
		f.table.add(dest, journal.Oldest)
		f.log.InfoContext(delivering, "route", "route", spec.ID, "uri", spec.String(), "persisted", true)
	}
}

// startIntakes runs the log routers; the channel is closed when all of them have ended.
func (f *forwarder) startIntakes(ctx context.Context) <-chan struct{} {
	var running sync.WaitGroup
	for _, in := range f.intakes {
		running.Go(func() { in.run(ctx) })
	}
	return closedAfter(&running)
}

// setupJobs prepares the jobs; the problems of all of them are reported.
func (f *forwarder) setupJobs(ctx context.Context) error {
	var problems []error
	for _, j := range f.jobs {
		env := f.serving("job", j.name)
		if err := guarded(func() error { return j.job.Setup(ctx, env) }); err != nil {
			problems = append(problems, fmt.Errorf("job %q: %w", j.name, err))
		}
	}
	return errors.Join(problems...)
}

// startJobs runs the jobs; the channel is closed when all of them have ended.
func (f *forwarder) startJobs(ctx context.Context) <-chan struct{} {
	var running sync.WaitGroup
	for _, j := range f.jobs {
		running.Go(func() { supervise(ctx, j.log, j.job.Run, nil) })
	}
	return closedAfter(&running)
}

// keepEvery is how often the checkpoints are written where they have changed, and the routes looked at.
const keepEvery = time.Second

// startKeeping saves the checkpoints and watches the routes; the channel is closed when that has ended.
func (f *forwarder) startKeeping(ctx context.Context) <-chan struct{} {
	var running sync.WaitGroup
	running.Go(func() {
		for pause(ctx, keepEvery) {
			f.watch(ctx, time.Now())
			f.saveState()
		}
	})
	return closedAfter(&running)
}

func (f *forwarder) watch(ctx context.Context, now time.Time) {
	for _, r := range f.table.running() {
		r.watch(ctx, now)
	}
}

// closedAfter is a channel that is closed when all of running has ended.
func closedAfter(running *sync.WaitGroup) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		running.Wait()
	}()
	return done
}

// report says in the log what this run has done.
func (f *forwarder) report(took time.Duration) {
	var in, delivered, lost uint64
	s := f.status()
	for i := range s.Intakes {
		in += s.Intakes[i].Lines
		lost += s.Intakes[i].Counts[core.LostShutdown]
	}
	for i := range s.Routes {
		delivered += s.Routes[i].Delivered
		for _, n := range s.Routes[i].Lost {
			lost += n
		}
	}
	f.log.Info("stopped", "lines_in", in, "delivered", delivered, "lost", lost,
		"up", time.Since(f.started).Round(time.Millisecond), "stop_took", took.Round(time.Millisecond))
}

// resumes reports whether a log router can read on with that container at the next start.
func (f *forwarder) resumes(c *core.Container) bool {
	for _, in := range f.intakes {
		if f.journal.Resumable(in.name, c.ID) {
			return true
		}
	}
	return false
}

// resumable reports whether places to read on from are kept for the next start.
func (f *forwarder) resumable() bool { return f.config.statePath != "" }
