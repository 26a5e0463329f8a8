package generator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gliderlabs/logspout-builder/generator/buildlist"
	"github.com/gliderlabs/logspout-builder/generator/cache"
	"github.com/gliderlabs/logspout-builder/generator/gotool"
	"github.com/gliderlabs/logspout-builder/generator/inspect"
	"github.com/gliderlabs/logspout-builder/generator/manifest"
)

// corePackage is what a module imports of the core.
const corePackage = manifest.CorePath + "/core"

// findings are what inspection found of external packages.
type findings struct {
	extensions []Extension
	// effects are what else the packages do when the binary starts, by package.
	effects map[string][]inspect.Effect
}

// inspect looks at the plan's external packages before they are compiled into a binary: each is there, can be imported, compiles, and
// registers at least one extension under a name that no other has. What it finds is kept by the content of all modules, and not
// looked for again.
func (b *Builder) inspect(ctx context.Context, g *gotool.Tool, p *Plan, list *buildlist.List) (found findings, err error) {
	external := p.external()
	reports, err := b.reports(ctx, g, p, list)
	if err != nil {
		return found, err
	}
	found.effects = map[string][]inspect.Effect{}
	var problems []error
	for i, r := range reports {
		for _, problem := range r.Problems {
			reason, x := p.localModule(external[i].Local).Located(problem.Reason), external[i]
			if problem.Module != "" && problem.Version != "" && x.Local == "" && !strings.Contains(reason, problem.Version) {
				reason = fmt.Sprintf("%s (%s %s)", reason, problem.Module, problem.Version)
			}
			problems = append(problems, &Error{
				Step: StepResolve, Package: x.Path, Pos: x.Pos, Err: errors.New(reason),
				Hint: problem.Next + b.workedBefore(problem.Module, problem.Version),
			})
		}
		for _, reg := range r.Registrations {
			if reg.In == corePackage || reg.In == "" {
				found.extensions = append(found.extensions, Extension{Point: reg.Point, Name: reg.Name, Package: reg.Package})
			}
		}
		if len(r.Effects) > 0 {
			found.effects[r.Package] = r.Effects
		}
	}
	if len(problems) == 0 {
		problems = p.clashes(found.extensions)
	}
	slices.SortFunc(found.extensions, compareExtensions)
	found.extensions = slices.Compact(found.extensions)
	return found, errors.Join(problems...)
}

// workedBefore names the version of a module that the lock has, where that is another: the last one that was built.
func (b *Builder) workedBefore(path, version string) string {
	m, ok := b.Lock.Module(path)
	if !ok {
		return ""
	}
	worked := m.Version
	if m.To.Version != "" {
		worked = m.To.Version
	}
	if worked == version || version == "" {
		return ""
	}
	return fmt.Sprintf("; the lock has %s, which was built before: ask for %s@%s", worked, path, worked)
}

// reports are what the plan's external packages turned out to be.
func (b *Builder) reports(ctx context.Context, g *gotool.Tool, p *Plan, list *buildlist.List) ([]inspect.Report, error) {
	toolchain, err := g.Settings.Toolchain()
	if err != nil {
		return nil, err
	}
	external := p.external()
	paths := make([]string, len(external))
	for i, x := range external {
		paths[i] = x.Path
	}
	wanted, err := json.Marshal([]any{inspect.Version, paths, p.buildFlags()})
	if err != nil {
		return nil, err
	}
	var reports []inspect.Report
	key := digest(wanted, list.GoMod, list.GoSum, toolchain)
	if b.Cache.Recall(cache.Inspections, key, &reports) && len(reports) == len(paths) {
		return reports, nil
	}
	if err := b.offer(ctx, g, p); err != nil {
		return nil, err
	}
	finished := b.step("inspect", "what they register")
	files, err := p.source(stamp{}, nil)
	if err != nil {
		return nil, err
	}
	files["go.mod"], files["go.sum"] = list.GoMod, list.GoSum
	dir, done, err := b.scratchProject(files)
	if err != nil {
		return nil, err
	}
	defer done()
	reports, err = inspect.Packages(ctx, inspect.Config{
		Dir: dir, Env: g.Environ(b.proxyEnv(g)...), BuildFlags: p.buildFlags(), Core: corePackage,
	}, paths)
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(reports, func(r inspect.Report) bool { return len(r.Problems) > 0 }) {
		return reports, nil // another cause may be gone the next time: a full disk, a killed compiler
	}
	finished()
	return reports, b.Cache.Keep(cache.Inspections, key, reports)
}

// reportEffects warns of packages that do more than register when the binary starts.
func (b *Builder) reportEffects(p *Plan, found findings) {
	const most = 3
	for _, x := range p.Packages {
		effects := found.effects[x.Path]
		if len(effects) == 0 {
			continue
		}
		var told []string
		for _, e := range effects[:min(len(effects), most)] {
			told = append(told, e.What+" at "+p.localModule(x.Local).Located(e.At))
		}
		if more := len(effects) - most; more > 0 {
			told = append(told, fmt.Sprintf("and %d more", more))
		}
		at := x.Pos.String()
		if !strings.Contains(at, x.Path) { // a flag names it
			at = strings.TrimPrefix(at+": ", ": ") + x.Path
		}
		b.note("warning", fmt.Sprintf("%s: does more than register when the binary starts: %s; that belongs into its adapter, Setup or Run", at, strings.Join(told, ", ")))
	}
}

// checkServes reports the routes that need what neither a bundled package nor an external one, as inspection found it, registers.
func (p *Plan) checkServes(found []Extension) error {
	extensions := p.extensions(found)
	err := p.checkRoutes(func(point, name string) (string, bool) {
		for _, e := range extensions {
			if e.covers(Extension{point, name, e.Package}) {
				return e.Package, true
			}
		}
		return "", false
	})
	return stepOf(StepManifest, err)
}

// unpacked names files of local modules by where they are in the user's directories.
func (p *Plan) unpacked(text string) string {
	for _, m := range p.local {
		text = m.Unpacked(text)
	}
	return text
}
