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
	"github.com/gliderlabs/logspout-builder/generator/fault"
	"github.com/gliderlabs/logspout-builder/generator/gotool"
	"github.com/gliderlabs/logspout-builder/generator/inspect"
	"github.com/gliderlabs/logspout-builder/generator/manifest"
	"github.com/gliderlabs/logspout-builder/generator/plan"
	"github.com/gliderlabs/logspout-builder/generator/source"
)

// corePackage is what a module imports of the core.
const corePackage = manifest.CorePath + "/core"

// findings are what inspection found of external packages.
type findings struct {
	extensions []plan.Extension
	// effects are what else the packages do when the binary starts, by package.
	effects map[string][]inspect.Effect
}

// inspect looks at the plan's external packages before they are compiled into a binary: each is there, can be imported, compiles, and
// registers at least one extension under a name that no other has. What it finds is kept by the content of all modules, and not
// looked for again.
func (b *Builder) inspect(ctx context.Context, g *gotool.Tool, p *plan.Plan, list *buildlist.List) (found findings, err error) {
	external := p.External()
	reports, err := b.reports(ctx, g, p, list)
	if err != nil {
		return found, err
	}
	found.effects = map[string][]inspect.Effect{}
	var problems []error
	for i, r := range reports {
		for _, problem := range r.Problems {
			reason, x := p.LocalModule(external[i].Local).Located(problem.Reason), external[i]
			if problem.Module != "" && problem.Version != "" && x.Local == "" && !strings.Contains(reason, problem.Version) {
				reason = fmt.Sprintf("%s (%s %s)", reason, problem.Module, problem.Version)
			}
			problems = append(problems, &fault.Error{
				Step: fault.StepResolve, Package: x.Path, Pos: x.Pos, Err: errors.New(reason),
				Hint: problem.Next + b.workedBefore(problem.Module, problem.Version),
			})
		}
		for _, reg := range r.Registrations {
			if reg.In == corePackage || reg.In == "" {
				found.extensions = append(found.extensions, plan.Extension{Point: reg.Point, Name: reg.Name, Package: reg.Package})
			}
		}
		if len(r.Effects) > 0 {
			found.effects[r.Package] = r.Effects
		}
	}
	if len(problems) == 0 {
		problems = p.Clashes(found.extensions)
	}
	slices.SortFunc(found.extensions, plan.CompareExtensions)
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
func (b *Builder) reports(ctx context.Context, g *gotool.Tool, p *plan.Plan, list *buildlist.List) ([]inspect.Report, error) {
	toolchain, err := g.Settings.Toolchain()
	if err != nil {
		return nil, err
	}
	external := p.External()
	paths := make([]string, len(external))
	for i, x := range external {
		paths[i] = x.Path
	}
	wanted, err := json.Marshal([]any{inspect.Version, paths, p.BuildFlags()})
	if err != nil {
		return nil, err
	}
	var reports []inspect.Report
	key := plan.DigestOf(wanted, list.GoMod, list.GoSum, toolchain)
	if b.Cache.Recall(cache.Inspections, key, &reports) && len(reports) == len(paths) {
		return reports, nil
	}
	finished := b.Step("inspect", "what they register")
	files, err := source.Project(p, source.Stamp{}, nil)
	if err != nil {
		return nil, err
	}
	files["go.mod"], files["go.sum"] = list.GoMod, list.GoSum
	w, err := b.Workspace(ctx, g, p, files)
	if err != nil {
		return nil, err
	}
	defer w.Close()
	reports, err = inspect.Packages(ctx, inspect.Config{
		Dir: w.Dir, Env: w.Environ(), BuildFlags: p.BuildFlags(), Core: corePackage,
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
func (b *Builder) reportEffects(p *plan.Plan, found findings) {
	const most = 3
	for _, x := range p.Packages {
		effects := found.effects[x.Path]
		if len(effects) == 0 {
			continue
		}
		var told []string
		for _, e := range effects[:min(len(effects), most)] {
			told = append(told, e.What+" at "+p.LocalModule(x.Local).Located(e.At))
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
