package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/gliderlabs/logspout-builder/core"
	"github.com/gliderlabs/logspout-builder/core/journal"
)

// destination is what a route's messages go through: processors, then the adapter.
type destination struct {
	route   *core.Route
	log     *slog.Logger
	adapter core.Adapter
	full    journal.Full
	// processors makes the route's processors anew: they keep messages back, and after a panic nobody knows which.
	processors func() ([]core.Process, error)
	first      []core.Process
}

// newDestination makes what the route's scheme names. It does no I/O. The error tells all that is wrong with the route.
func newDestination(ctx context.Context, env core.Env, ext *extensions, spec *core.Route) (*destination, error) {
	log := env.Logger.With("route", spec.ID, "adapter", spec.Adapter)
	env.Logger = log
	d := &destination{route: spec, log: log}
	var problems []error
	note := func(err error) {
		if err != nil {
			problems = append(problems, flatten(err)...)
		}
	}
	switch full := spec.Option("full", "drop"); full {
	case "drop":
		d.full = journal.Drop
	case "block":
		d.full = journal.Block
	default:
		note(fmt.Errorf("option full=%q: want drop or block", full))
	}

	parts := strings.Split(spec.Adapter, "+")
	if slices.Contains(parts, "") {
		note(fmt.Errorf("malformed scheme %q: want [processor+]...adapter[+transport]", spec.Adapter))
		return nil, refusal(spec, problems)
	}
	var names []string
	for len(parts) > 1 && ext.processors[parts[0]].component != nil {
		names, parts = append(names, parts[0]), parts[1:]
	}
	d.processors = func() ([]core.Process, error) { return newProcesses(env, ext, names, spec) }
	var err error
	d.first, err = d.processors()
	note(err)
	d.adapter, err = newAdapter(env, ext, parts, spec)
	note(err)
	if len(problems) > 0 {
		if d.adapter != nil {
			d.discard(ctx)
		}
		return nil, refusal(spec, problems)
	}
	return d, nil
}

// refusal tells what is wrong with a route, without its secrets.
func refusal(spec *core.Route, problems []error) error {
	hide := secrets(spec)
	for i, err := range problems {
		if text := hide.Replace(err.Error()); text != err.Error() {
			problems[i] = errors.New(text)
		}
	}
	return &core.RouteError{Route: spec.String(), Err: errors.Join(problems...)}
}

// newAdapter makes the adapter that stands first in what is left of a scheme without its processors.
func newAdapter(env core.Env, ext *extensions, parts []string, spec *core.Route) (adapter core.Adapter, err error) {
	name := parts[0]
	factory, ok := ext.adapters[name]
	switch {
	case !ok && len(parts) > 1:
		have := slices.Concat(sortedNames(ext.adapters), sortedNames(ext.processors))
		return nil, &core.UnknownError{Kind: "adapter or processor", Name: name, Have: have}
	case !ok:
		return nil, &core.UnknownError{Kind: "adapter", Name: name, Have: sortedNames(ext.adapters)}
	}
	err = guarded(func() error {
		var err error
		adapter, err = factory.component(env, spec)
		return err
	})
	switch {
	case err == nil && adapter == nil:
		return nil, fmt.Errorf("adapter %q (%s) made nothing: a defect of that module", name, factory.pkg)
	case isPanic(err):
		return nil, fmt.Errorf("adapter %q (%s): %w", name, factory.pkg, err)
	}
	return adapter, err
}

// newProcesses makes the route's processors, in the order of its scheme.
func newProcesses(env core.Env, ext *extensions, names []string, spec *core.Route) ([]core.Process, error) {
	var made []core.Process
	var problems []error
	for _, name := range names {
		processor := ext.processors[name]
		var process core.Process
		err := guarded(func() error {
			var err error
			process, err = processor.component(env, spec)
			return err
		})
		switch {
		case err == nil && process == nil:
			err = fmt.Errorf("processor %q (%s) made nothing: a defect of that module", name, processor.pkg)
		case isPanic(err):
			err = fmt.Errorf("processor %q (%s): %w", name, processor.pkg, err)
		}
		if err != nil {
			problems = append(problems, flatten(err)...)
			continue
		}
		made = append(made, process)
	}
	return made, errors.Join(problems...)
}

func isPanic(err error) bool {
	_, ok := errors.AsType[*panicError](err)
	return ok
}

// discard gives up a destination that no route was started with.
func (d *destination) discard(ctx context.Context) {
	if err := guarded(func() error { return d.adapter.Close(ctx) }); err != nil {
		d.log.DebugContext(ctx, "closing an unused adapter failed", "error", secrets(d.route).Replace(err.Error()))
	}
}
