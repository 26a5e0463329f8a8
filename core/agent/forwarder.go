package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gliderlabs/logspout-builder/core"
	"github.com/gliderlabs/logspout-builder/core/journal"
	"github.com/gliderlabs/logspout-builder/core/rename"
)

// forwarder is the agent with all that it was configured for, before and while it runs.
type forwarder struct {
	build   Build
	ext     *extensions
	sys     system
	config  config
	env     core.Env // of a module that is not a handler or job
	log     *slog.Logger
	started time.Time

	journal  *journal.Journal
	table    *table
	first    []*destination // of the configured routes, until they start
	intakes  []*intake      // sorted by name
	jobs     []namedJob     // sorted by name
	handlers map[string]http.Handler
	draining chan struct{} // closed when a stop begins

	reached reached
	saved   journal.Checkpoints // those in the state directory
	saving  outage
}

type namedJob struct {
	name string
	job  core.Job
	log  *slog.Logger
}

// prepare reads the configuration and makes all that it asks for, without starting or connecting to anything. Its error has
// everything that is wrong.
func (p *program) prepare(ctx context.Context, uris []string) (*forwarder, error) {
	var problems []error
	note := func(err error) {
		if err != nil {
			problems = append(problems, flatten(err)...)
		}
	}
	c, err := readConfig(p.vars)
	note(err)
	log := newLogger(p.process.Stderr, c)
	hostname, err := readHostname(p.sys.hostname)
	note(err)
	f := &forwarder{
		build: p.build, ext: p.ext, sys: p.sys, config: c, log: log, started: time.Now(),
		env:      core.Env{Vars: p.vars, Logger: log, Modules: p.ext, Hostname: hostname, Stdin: p.process.Stdin},
		draining: make(chan struct{}),
		journal:  journal.New(journal.Options{MemoryBytes: c.journal}),
	}
	f.table = newTable(f)

	lists := uris
	if len(lists) == 0 && c.routeURIs != "" {
		lists = []string{c.routeURIs}
	}
	if len(lists) == 0 {
		lists = p.build.Routes
	}
	routes, err := core.ParseRoutes(lists, p.vars)
	note(err)
	unset := unsetVariables(lists, p.vars)
	for _, spec := range routes {
		dest, err := newDestination(ctx, f.env, f.ext, spec)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		f.first = append(f.first, dest)
	}
	note(f.prepareIntakes())
	note(f.prepareJobs())
	note(f.prepareHandlers())
	if len(problems) > 0 {
		f.discard(ctx)
		for _, text := range unset { // most probably why
			problems = append(problems, errors.New(text))
		}
		return nil, errors.Join(problems...)
	}
	f.config.warnings = append(f.config.warnings, unset...)
	return f, nil
}

// discard gives up what prepare made and nobody started.
func (f *forwarder) discard(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	for _, dest := range f.first {
		dest.discard(ctx)
	}
	f.first = nil
}

// prepareIntakes picks the log routers that are to run, and has them check their environment.
func (f *forwarder) prepareIntakes() error {
	var problems []error
	names := sortedNames(f.ext.routers)
	if len(names) == 0 {
		problems = append(problems, errors.New("this binary has no log router, nothing to read: build one with docker or stdin"))
	}
	if len(f.config.routers) > 0 {
		for _, name := range f.config.routers {
			if !slices.Contains(names, name) {
				problems = append(problems, fmt.Errorf("LOG_ROUTERS: %w", &core.UnknownError{Kind: "log router", Name: name, Have: names}))
			}
		}
		names = slices.DeleteFunc(names, func(name string) bool { return !slices.Contains(f.config.routers, name) })
	}
	for _, name := range names {
		router := f.ext.routers[name]
		in := newIntake(name, router.component, f.env, f.journal, f.resumable())
		f.intakes = append(f.intakes, in)
		problems = append(problems, checked("log router", name, router.pkg, router.component, in.env))
	}
	return errors.Join(problems...)
}

// prepareJobs has the jobs check their environment.
func (f *forwarder) prepareJobs() error {
	var problems []error
	for _, name := range sortedNames(f.ext.jobs) {
		job := f.ext.jobs[name]
		env := f.serving("job", name)
		f.jobs = append(f.jobs, namedJob{name, job.component, env.Logger})
		problems = append(problems, checked("job", name, job.pkg, job.component, env))
	}
	return errors.Join(problems...)
}

// prepareHandlers makes the HTTP handlers.
func (f *forwarder) prepareHandlers() error {
	f.handlers = map[string]http.Handler{}
	var problems []error
	for _, name := range sortedNames(f.ext.handlers) {
		factory := f.ext.handlers[name]
		err := guarded(func() error {
			handler, err := factory.component(f.serving("http_handler", name))
			if err == nil && handler == nil {
				err = errors.New("it made nothing, a defect of that module")
			}
			f.handlers[name] = underOwnName(handler, name, rename.Original(factory.pkg, name))
			return err
		})
		if err != nil {
			problems = append(problems, fmt.Errorf("HTTP handler %q (%s): %w", name, factory.pkg, err))
		}
	}
	return errors.Join(problems...)
}

// underOwnName gives a handler that the build renamed the paths below the name that it knows as its own.
func underOwnName(handler http.Handler, name, own string) http.Handler {
	if name == own {
		return handler
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = r.Clone(r.Context())
		r.URL.Path = "/" + own + strings.TrimPrefix(r.URL.Path, "/"+name)
		r.URL.RawPath = "" // Path is encoded anew
		handler.ServeHTTP(w, r)
	})
}

// serving is the Env of a handler or job, which may ask and steer the agent.
func (f *forwarder) serving(kind, name string) core.Env {
	env := f.env
	env.Logger = f.log.With(kind, name)
	env.Routes, env.Logs, env.Status = f.table, &tap{f.journal}, f.status
	return env
}

// checked asks a module that can tell what is wrong with its environment.
func checked(kind, name, pkg string, module any, env core.Env) error {
	checker, ok := module.(core.Checker)
	if !ok {
		return nil
	}
	err := guarded(func() error { return checker.Check(env) })
	switch {
	case err == nil:
		return nil
	case isPanic(err):
		return fmt.Errorf("%s %q (%s): %w", kind, name, pkg, err)
	}
	var problems []error
	for _, e := range flatten(err) {
		problems = append(problems, fmt.Errorf("%s %q: %w", kind, name, e))
	}
	return errors.Join(problems...)
}
