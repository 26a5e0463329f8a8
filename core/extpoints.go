// Package core is what a module imports: the message and its container, the route, the environment, the errors that
// steer delivery, and the extension points. It imports the standard library only.
package core

import (
	"context"
	"net"
	"net/http"
	"time"

	"github.com/gliderlabs/logspout-builder/core/rename"
)

//go:generate go run ../cmd/logspout-builder extpoints -o extpoints_gen.go . AdapterFactory AdapterTransport HTTPHandler Job LogRouter Processor

// renamedExtension is the name that the build gives to what pkg registers as name; generated code asks for it.
func renamedExtension(_, name, pkg string) string { return rename.Name(pkg, name) }

// AdapterFactory makes the adapter of a route. It checks the route's address and options and reports all that is wrong with
// them at once (errors.Join); it does no I/O: a destination that is down is Deliver's to find.
type AdapterFactory func(env Env, route *Route) (Adapter, error)

// Adapter delivers to one destination. Retry, backoff, queueing and order are the agent's business, not its own. The agent calls
// Deliver from one goroutine at a time, and Close once, after the last Deliver returned.
type Adapter interface {
	// Deliver returns nil once the destination has taken the whole batch. An error means that it may have taken
	// none or some: the batch comes again, unless the error is Permanent (drop and count) or a
	// *PartialError (only the rest comes again). The batch is the agent's: neither it nor its messages are written to or kept.
	Deliver(ctx context.Context, batch []Message) error
	// Close gives up what the adapter holds; what was written and is not yet known to be taken may be waited for until ctx ends.
	Close(ctx context.Context) error
}

// Counter is implemented by an Adapter that counts events of its own: datagrams that were refused, bytes that were sent again.
type Counter interface {
	// Counts are the counters since the adapter was made, by names in snake_case. Any goroutine may call it at any time; the result
	// is the caller's.
	Counts() map[string]uint64
}

// Confirmer is implemented by an Adapter whose Deliver returns before the destination has confirmed what it took, and which sends that again
// itself where need be, as long as it lives. The checkpoints from which a later process reads on do not pass what it has not confirmed.
type Confirmer interface {
	// Confirmed tells how much Deliver has taken since the adapter was made, and how much of that, from its beginning, is safe: confirmed by the
	// destination, and nothing that the adapter would send again. The unit is the adapter's own (lines, bytes). Neither goes back, safe is
	// never more than taken, and what a Deliver took is in taken when it returns. With safe at what taken was then, it is safe. Both have to get
	// there without another Deliver, and at the latest when Close returns where the destination works.
	//
	// Any goroutine may call it at any time, during Deliver and Close and after them; it waits for nothing.
	Confirmed() (safe, taken uint64)
}

// AdapterTransport makes the connections of the adapters that write to a socket.
type AdapterTransport interface {
	// Dial connects to address ("host:port", or a path for unix). options are the route's, unknown ones are ignored.
	Dial(ctx context.Context, address string, options map[string]string) (net.Conn, error)
}

// TransportConfigurer is implemented by an AdapterTransport that takes options or reads the environment. An adapter calls it from its
// factory (stream.ForRoute does), so that a wrong address, option or variable is found before anything is dialed.
type TransportConfigurer interface {
	// Options are the names of the route options that the transport understands.
	Options() []string
	// Configure checks address and options and returns the options to give to Dial: with what the environment says where the route
	// does not. It reports all that is wrong at once and does no I/O beyond reading the files that the options name.
	Configure(env Env, address string, options map[string]string) (map[string]string, error)
}

// HTTPHandler makes what the agent's HTTP server answers with below "/NAME". It sees the whole path of a request.
// Every handler but health and metrics stands behind the token.
type HTTPHandler func(env Env) (http.Handler, error)

// Job is something of its own beside the flow of logs.
type Job interface {
	Name() string
	// Setup runs before any log is read; an error ends the start.
	Setup(ctx context.Context, env Env) error
	// Run blocks until ctx ends. It is started again, with backoff, when it returns an error or panics; nil means done for good.
	Run(ctx context.Context) error
}

// LogRouter is an intake of logs.
type LogRouter interface {
	Name() string
	// Run appends what it reads to in until ctx ends. It is started again, with backoff, when it returns an error or
	// panics; nil means that nothing will ever come any more: when that is so of all, the process delivers the rest and ends.
	Run(ctx context.Context, in Intake) error
}

// Checker is implemented by a LogRouter or Job that reads options from the environment: it reports all that is wrong with
// them at once, without I/O. The agent calls it at start and for `logspout check`.
type Checker interface {
	Check(env Env) error
}

// Intake is a log router's side of the journal. It may be used by many goroutines.
type Intake interface {
	Env() Env
	// Append hands over lines in their order, with the place in the engine's log from which to read on once they are done
	// with. The batch and all it points to belong to the journal from then on. Append returns at once, unless a route asked for
	// full=block; its only error is ctx's. Where reading begins under a new key, an empty batch with that place comes first: it is
	// kept at once, so that a crash before any line was delivered does not lose the beginning.
	Append(ctx context.Context, batch []Message, at Position) error
	// Position is the place appended last under a key (by this process, or the last to be checkpointed by an earlier one), ok false when there is none.
	Position(key string) (value string, ok bool)
	// Keys are those that have a position, sorted; among them those that an earlier process left, whose containers may be gone.
	Keys() []string
	// Forget drops a key's position once all that was appended under it is done with: its container is gone.
	Forget(key string)
	// Count adds n to one of the intake's counters: a possible loss, a repeated line. Names are snake_case.
	Count(name string, n uint64)
	// Report says whether logs can be read at the moment: nil, or why not. It is what /health shows.
	Report(err error)
}

// Position is where to resume reading one container. Only its log router knows what Value means.
type Position struct {
	Key   string // the container's id
	Value string // "" leaves the position as it is
}

// Processor makes the process of a route: it rewrites, joins or drops messages (multiline, redact, ...). It is named in front
// of the adapter in the route's scheme: "multiline+syslog+tcp://...". Like an AdapterFactory it checks and does no I/O.
type Processor func(env Env, route *Route) (Process, error)

// Process is one route's processor. The agent calls it from one goroutine.
type Process interface {
	// Apply appends to dst what goes on of in, and returns it. It never writes to in's messages or keeps in; it may keep
	// messages back, bounded in number and size, until a later Apply or Flush.
	Apply(dst, in []Message, now time.Time) []Message
	// Flush appends to dst what was kept back and is due at now; all of it when final, which is the last call.
	Flush(dst []Message, now time.Time, final bool) []Message
	// Held tells the oldest message kept back by its Offset, and when Flush is due; ok is false when nothing is.
	Held() (offset uint64, due time.Time, ok bool)
}
