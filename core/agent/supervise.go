package agent

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// steady is how long a run has to last for the next failure to count as a new one.
const steady = time.Minute

// supervise runs a module's run until it returns nil, or ctx ends; it is started again, with backoff, when it returns an error
// or panics. failed, where given, hears of each failure.
func supervise(ctx context.Context, log *slog.Logger, run func(context.Context) error, failed func(error)) {
	var pauses backoff
	var trouble outage
	for {
		started := time.Now()
		err := guarded(func() error { return run(ctx) })
		switch {
		case ctx.Err() != nil:
			if err != nil && !errors.Is(err, context.Canceled) {
				log.WarnContext(ctx, "ended with an error at stop", "error", err)
			}
			return
		case err == nil:
			log.InfoContext(ctx, "ended, nothing more to come")
			return
		}
		now := time.Now()
		if now.Sub(started) >= steady {
			pauses.reset()
			trouble.over(now)
		}
		if failed != nil {
			failed(err)
		}
		wait := pauses.next()
		if trouble.failed(now) {
			log.ErrorContext(ctx, "failed, starting again", append(failure(err), "pause", wait, "failures", trouble.failures)...)
		}
		if !pause(ctx, wait) {
			return
		}
	}
}

// failure are the attributes that tell of an error, with the stack where it was a panic.
func failure(err error) []any {
	if p, ok := errors.AsType[*panicError](err); ok {
		return []any{"error", err, "stack", string(p.stack)}
	}
	return []any{"error", err}
}
