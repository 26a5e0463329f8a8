package agent

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/gliderlabs/logspout-builder/core"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// buffer is a bytes.Buffer for several goroutines.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// binary is a program with the modules of a test.
type binary struct {
	ext            extensions
	env            map[string]string
	build          Build
	sys            system
	stdout, stderr buffer
}

func newBinary(t *testing.T) *binary {
	t.Helper()
	b := &binary{env: map[string]string{"ROUTESPATH": t.TempDir() + "/none", "PORT": "0"}}
	b.sys.hostname = t.TempDir() + "/none"
	b.ext.adapters = map[string]extension[core.AdapterFactory]{}
	b.ext.transports = map[string]extension[core.AdapterTransport]{}
	b.ext.handlers = map[string]extension[core.HTTPHandler]{}
	b.ext.jobs = map[string]extension[core.Job]{}
	b.ext.routers = map[string]extension[core.LogRouter]{}
	b.ext.processors = map[string]extension[core.Processor]{}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("stdout:\n%.2000s\nstderr:\n%.8000s", b.stdout.String(), b.stderr.String())
		}
	})
	return b
}

func (b *binary) program(args ...string) *program {
	if b.build.Name == "" {
		b.build.Name = "logspout"
	}
	vars := core.Vars{}
	maps.Copy(vars, b.build.Env)
	maps.Copy(vars, b.env)
	return &program{
		process: Process{Args: args, Stdin: strings.NewReader(""), Stdout: &b.stdout, Stderr: &b.stderr},
		build:   b.build, ext: &b.ext, sys: b.sys, vars: vars,
	}
}

// run is the whole program.
func (b *binary) run(ctx context.Context, args ...string) int { return b.program(args...).main(ctx) }

// running is a forwarder that runs, for tests that look inside.
type running struct {
	*forwarder
	stop func()
	code chan error
}

// start runs a forwarder until stop; wait then gives its result.
func (b *binary) start(t *testing.T, uris ...string) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	f, err := b.program().prepare(ctx, uris)
	if err != nil {
		t.Fatal(err)
	}
	r := &running{f, cancel, make(chan error, 1)}
	go func() { r.code <- f.run(ctx) }()
	return r
}

func (r *running) wait() error {
	r.stop()
	return <-r.code
}

func (r *running) route(t *testing.T, adapter string) core.RouteStatus {
	t.Helper()
	for _, s := range r.status().Routes {
		if s.Route.Adapter == adapter {
			return s
		}
	}
	t.Fatalf("no route with adapter %q", adapter)
	return core.RouteStatus{}
}

// sink is an adapter that keeps what it takes; deliver may refuse.
type sink struct {
	mu      sync.Mutex
	got     []string
	batches int
	closed  int
	deliver func(ctx context.Context, batch []core.Message) error // nil takes all
}

func (s *sink) Deliver(ctx context.Context, batch []core.Message) error {
	s.mu.Lock()
	s.batches++
	s.mu.Unlock()
	if s.deliver != nil {
		if err := s.deliver(ctx, batch); err != nil {
			return err
		}
	}
	s.take(batch...)
	return nil
}

func (s *sink) take(batch ...core.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range batch {
		s.got = append(s.got, batch[i].Data)
	}
}

func (s *sink) Close(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed++
	return nil
}

func (s *sink) calls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.batches
}

func (s *sink) lines() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.got)
}

func (b *binary) sink(name string) *sink {
	s := &sink{}
	b.adapter(name, func(core.Env, *core.Route) (core.Adapter, error) { return s, nil })
	return s
}

func (b *binary) adapter(name string, factory core.AdapterFactory) {
	b.ext.adapters[name] = extension[core.AdapterFactory]{factory, "example.com/" + name}
}

func (b *binary) processor(name string, factory core.Processor) {
	b.ext.processors[name] = extension[core.Processor]{factory, "example.com/" + name}
}

func (b *binary) handler(name string, factory core.HTTPHandler) {
	b.ext.handlers[name] = extension[core.HTTPHandler]{factory, "example.com/" + name}
}

// serve mounts a handler that needs nothing of the agent.
func (b *binary) serve(name string, handler http.HandlerFunc) {
	b.handler(name, func(core.Env) (http.Handler, error) { return handler, nil })
}

// scripted is a log router or a job that does what a test says.
type scripted struct {
	name  string
	run   func(ctx context.Context, in core.Intake) error
	check func(core.Env) error
}

func (s *scripted) Name() string                                  { return s.name }
func (s *scripted) Run(ctx context.Context, in core.Intake) error { return s.run(ctx, in) }
func (s *scripted) Check(env core.Env) error                      { return s.check(env) }
func (b *binary) router(name string, run func(context.Context, core.Intake) error) *scripted {
	s := &scripted{name: name, run: run, check: func(core.Env) error { return nil }}
	b.ext.routers[name] = extension[core.LogRouter]{s, "example.com/" + name}
	return s
}

// feed is a log router that appends what a test hands it.
func (b *binary) feed(name string) chan<- []core.Message {
	lines := make(chan []core.Message)
	b.router(name, func(ctx context.Context, in core.Intake) error {
		for {
			select {
			case <-ctx.Done():
				return nil
			case batch, ok := <-lines:
				if !ok {
					return nil
				}
				at := core.Position{Key: batch[0].Container.ID, Value: batch[len(batch)-1].Data}
				if err := in.Append(ctx, batch, at); err != nil {
					return err
				}
			}
		}
	})
	return lines
}

var web = &core.Container{ID: "c0ffee", Name: "/web", Config: core.Config{Labels: map[string]string{"app": "web"}}}

// numbered are the lines prefix+from to prefix+(to-1) of the container web.
func numbered(prefix string, from, to int) []core.Message {
	var batch []core.Message
	for i := from; i < to; i++ {
		batch = append(batch, core.Message{Container: web, Source: "stdout", Data: fmt.Sprint(prefix, i), Time: time.Unix(int64(i), 0)})
	}
	return batch
}

func texts(batch []core.Message) []string {
	var list []string
	for i := range batch {
		list = append(list, batch[i].Data)
	}
	return list
}

// sleep lets fake time pass, and everything else come to rest.
func sleep(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func wantLines(t *testing.T, s *sink, want []core.Message) {
	t.Helper()
	if got := s.lines(); !slices.Equal(got, texts(want)) {
		t.Errorf("delivered %d lines %.300v, want %d", len(got), got, len(want))
	}
}

type work struct {
	name  string
	setup func(context.Context, core.Env) error
	run   func(context.Context) error
}

func (w *work) Name() string                                  { return w.name }
func (w *work) Setup(ctx context.Context, env core.Env) error { return w.setup(ctx, env) }
func (w *work) Run(ctx context.Context) error                 { return w.run(ctx) }

func (b *binary) job(name string, setup func(context.Context, core.Env) error, run func(context.Context) error) {
	b.ext.jobs[name] = extension[core.Job]{&work{name, setup, run}, "example.com/" + name}
}
