package agent

import (
	"context"
	"log/slog"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gliderlabs/logspout-builder/core"
	"github.com/gliderlabs/logspout-builder/core/journal"
)

// intake is a log router's side of the journal, and what the agent knows of that log router.
type intake struct {
	name    string
	router  core.LogRouter
	env     core.Env
	log     *slog.Logger
	journal *journal.Journal
	resumes bool // what has a position and is not appended is read again at the next start

	lines, bytes atomic.Uint64

	mu       sync.Mutex
	counts   map[string]uint64
	reported trouble // what the log router says itself
	crashed  trouble // that it had to be started again
	started  time.Time
}

// trouble is why something does not work, and from when on; the zero value is none.
type trouble struct {
	err   string
	since time.Time
}

func (t *trouble) set(err error, now time.Time) {
	switch {
	case err == nil:
		*t = trouble{}
	case t.since.IsZero():
		*t = trouble{err.Error(), now}
	default:
		t.err = err.Error()
	}
}

func newIntake(name string, router core.LogRouter, env core.Env, j *journal.Journal, resumes bool) *intake {
	env.Logger = env.Logger.With("log_router", name)
	return &intake{name: name, router: router, env: env, log: env.Logger, journal: j, resumes: resumes, counts: map[string]uint64{}}
}

// run runs the log router until it has nothing more to read, or ctx ends.
func (in *intake) run(ctx context.Context) {
	supervise(ctx, in.log, func(ctx context.Context) error {
		in.mu.Lock()
		in.started = time.Now()
		in.mu.Unlock()
		return in.router.Run(ctx, in)
	}, func(err error) {
		in.mu.Lock()
		defer in.mu.Unlock()
		in.crashed.set(err, time.Now())
	})
}

// Env implements core.Intake.
func (in *intake) Env() core.Env { return in.env }

// Append implements core.Intake.
func (in *intake) Append(ctx context.Context, batch []core.Message, at core.Position) error {
	lines, size := len(batch), 0
	for i := range batch {
		size += len(batch[i].Data)
		if batch[i].Container == nil { // a defect of the module, which must not end the process in some route
			batch[i].Container = &core.Container{ID: in.name, Name: "/" + in.name}
		}
	}
	if err := in.journal.Append(ctx, in.name, batch, at); err != nil {
		if !in.resumes || at.Key == "" {
			in.Count(core.LostShutdown, uint64(lines)) // nobody comes back for them
		}
		return err
	}
	in.lines.Add(uint64(lines))
	in.bytes.Add(uint64(size))
	return nil
}

// Position implements core.Intake.
func (in *intake) Position(key string) (string, bool) { return in.journal.Position(in.name, key) }

// Keys implements core.Intake.
func (in *intake) Keys() []string { return in.journal.Keys(in.name) }

// Forget implements core.Intake.
func (in *intake) Forget(key string) { in.journal.Forget(in.name, key) }

// Count implements core.Intake.
func (in *intake) Count(name string, n uint64) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.counts[name] += n
}

// Report implements core.Intake.
func (in *intake) Report(err error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.reported.set(err, time.Now())
	if err == nil {
		in.crashed = trouble{}
	}
}

// settled is how long a log router that was started again has to run to count as well, where it does not say so itself.
const settled = 20 * time.Second

// status is a snapshot.
func (in *intake) status(now time.Time) core.IntakeStatus {
	in.mu.Lock()
	defer in.mu.Unlock()
	if now.Sub(in.started) >= settled {
		in.crashed = trouble{}
	}
	t := in.reported
	if t.since.IsZero() {
		t = in.crashed
	}
	return core.IntakeStatus{
		Name: in.name, Lines: in.lines.Load(), Bytes: in.bytes.Load(), Counts: maps.Clone(in.counts), Err: t.err, Since: t.since,
	}
}

var _ core.Intake = (*intake)(nil)
