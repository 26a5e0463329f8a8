package agent

import (
	"context"
	"fmt"
	"strings"

	"github.com/gliderlabs/logspout-builder/core"
)

// check reports all that is wrong with routes and environment, or what would run. It connects to nothing.
func (p *program) check(ctx context.Context, uris []string) int {
	f, err := p.prepare(ctx, uris)
	if err != nil {
		return p.problems(err)
	}
	defer f.discard(ctx)
	var b strings.Builder
	var specs []*core.Route
	for _, dest := range f.first {
		specs = append(specs, dest.route)
	}
	persisted, warnings := loadRoutes(f.config.routesPath)
	for _, spec := range persisted {
		dest, err := newDestination(ctx, f.env, f.ext, spec)
		if err != nil {
			warnings = append(warnings, fmt.Errorf("persisted %w", err))
			continue
		}
		f.first = append(f.first, dest)
		specs = append(specs, spec)
	}
	fmt.Fprintf(&b, "ok: %d %s\n", len(specs), plural(len(specs), "route", "routes"))
	for _, spec := range specs {
		fmt.Fprintf(&b, "  %s  %s\n", spec.ID, spec)
	}
	var routers []string
	for _, in := range f.intakes {
		routers = append(routers, in.name)
	}
	fmt.Fprintf(&b, "log routers: %s\n", strings.Join(routers, ", "))
	for _, warning := range f.config.warnings {
		_, _ = fmt.Fprintf(p.process.Stderr, "%s: warning: %s\n", p.build.Name, warning)
	}
	for _, warning := range warnings {
		_, _ = fmt.Fprintf(p.process.Stderr, "%s: warning: %v\n", p.build.Name, warning)
	}
	_, err = fmt.Fprint(p.process.Stdout, b.String())
	return p.printed(err)
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
