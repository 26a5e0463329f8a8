package generator

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"

	"github.com/gliderlabs/logspout-builder/generator/buildlist"
	"github.com/gliderlabs/logspout-builder/generator/fault"
	"github.com/gliderlabs/logspout-builder/generator/gotool"
	"github.com/gliderlabs/logspout-builder/generator/lock"
	"github.com/gliderlabs/logspout-builder/generator/manifest"
	"github.com/gliderlabs/logspout-builder/generator/plan"
	"github.com/gliderlabs/logspout-builder/generator/source"
)

// resolve finds the versions of what the builder does not carry, by one `go get` in a scratch project: the go command refuses what cannot
// be had together, and says why. What the builder's lock has stays at its version, unless it is to be updated or the manifest asks for
// another. why names who needs a module at the version that it now has.
func (b *Builder) resolve(ctx context.Context, g *gotool.Tool, p *plan.Plan, start *buildlist.List, asked *lock.Lock) (l *lock.Lock, why map[string]string, err error) {
	files, err := source.Project(p, source.Stamp{}, nil)
	if err != nil {
		return nil, nil, err
	}
	sums := strings.Split(strings.TrimSpace(string(start.GoSum)), "\n")
	if b.Lock != nil {
		for _, m := range b.Lock.Modules {
			sums = append(sums, m.SumLines()...)
		}
	}
	files["go.mod"], files["go.sum"] = start.GoMod, buildlist.FormatGoSum(sums)
	w, err := b.Workspace(ctx, g, p, files)
	if err != nil {
		return nil, nil, err
	}
	defer w.Close()
	get := func(queries ...string) (*buildlist.List, error) {
		args := append([]string{"get", ".", b.Core.String()}, queries...)
		if _, err := w.Run(ctx, nil, args...); err != nil {
			return nil, withVersions(ctx, w, p, p.Blame(fault.StepResolve, err))
		}
		return buildlist.Read(w.Dir)
	}
	queries := b.queries(p)
	list, err := get(queries...)
	if err != nil {
		return nil, nil, err
	}
	versions, err := list.Versions()
	if err != nil {
		return nil, nil, err
	}
	if floors := b.floors(p, versions); len(floors) > 0 {
		if list, err = get(append(queries, floors...)...); err != nil {
			return nil, nil, err
		}
		if versions, err = list.Versions(); err != nil {
			return nil, nil, err
		}
	}
	if got := versions[manifest.CorePath].Version; got != b.Core.Version.Version {
		return nil, nil, &fault.Error{Step: fault.StepResolve, Err: fmt.Errorf("a module needs %s %s, newer than the core of this builder (%s)", manifest.CorePath, got, b.Core.Version.Version), Hint: "use a newer logspout-builder"}
	}
	b.reportRaised(start, versions)
	for _, warning := range g.Warnings {
		at := ""
		if x := p.Mentioned(warning); x != nil && x.Pos.Line > 0 {
			at = x.Pos.String() + ": "
		}
		b.note("warning", at+warning)
	}
	from, err := holders(ctx, w, p)
	if err != nil {
		return nil, nil, err
	}
	if l, err = p.LockOf(asked, list, from); err != nil {
		return nil, nil, err
	}
	if b.Lock != nil {
		why = b.requirers(ctx, w, l)
	}
	return l, why, nil
}

// reportRaised tells which modules that bundled packages need come at another version than they were tested with: another
// module asked for it.
func (b *Builder) reportRaised(start *buildlist.List, now map[string]module.Version) {
	tested, err := start.Versions()
	if err != nil {
		return
	}
	for _, path := range slices.Sorted(maps.Keys(tested)) {
		if was, is := tested[path], now[path]; is.Path == path && was.Path == path && is.Version != was.Version {
			b.note("raised", fmt.Sprintf("%s to %s: bundled modules were tested with %s", path, is.Version, was.Version))
		}
	}
}

// queries are what `go get` is asked for beside the project's own imports.
func (b *Builder) queries(p *plan.Plan) []string {
	var queries []string
	for _, x := range p.External() {
		if x.Local != "" {
			continue
		}
		w, ok := b.Lock.Want(x.Path)
		m, locked := b.Lock.Module(w.From)
		if ok && locked && w.Query == x.Query && !b.Update.has(x) {
			queries = append(queries, m.Path+"@"+m.Version)
		} else {
			queries = append(queries, x.Path+"@"+cmp.Or(x.Query, "latest"))
		}
	}
	for _, name := range b.Update.Names {
		modulePath, query, _ := strings.Cut(name, "@")
		if _, ok := b.Lock.Module(modulePath); ok && !slices.ContainsFunc(p.Packages, b.Update.has) {
			queries = append(queries, modulePath+"@"+cmp.Or(query, "latest"))
		}
	}
	slices.Sort(queries)
	return slices.Compact(queries)
}

// floors are the locked versions below which a module has come that nobody asked to be changed: what is locked never goes back by itself.
func (b *Builder) floors(p *plan.Plan, versions map[string]module.Version) []string {
	if b.Lock == nil {
		return nil
	}
	var floors []string
	for _, m := range b.Lock.Modules {
		now, there := versions[m.Path]
		if !there || m.To.Path != "" || now.Path != m.Path || semver.Compare(m.Version, now.Version) <= 0 {
			continue
		}
		chosen := slices.ContainsFunc(p.External(), func(x plan.Package) bool {
			w, ok := b.Lock.Want(x.Path)
			return manifest.Within(x.Path, m.Path) && (x.Local != "" || !ok || w.Query != x.Query || b.Update.has(x))
		})
		named := slices.ContainsFunc(b.Update.Names, func(n string) bool { name, _, _ := strings.Cut(n, "@"); return name == m.Path })
		if !chosen && !named {
			floors = append(floors, m.Path+"@"+m.Version)
		}
	}
	return floors
}

// holders tells for each external package which module holds it.
func holders(ctx context.Context, w *Workspace, p *plan.Plan) (map[string]string, error) {
	args := []string{"list", "-find", "-e", "-f", "{{.ImportPath}} {{with .Module}}{{.Path}}{{end}}"}
	for _, x := range p.External() {
		if x.Local == "" {
			args = append(args, x.Path)
		}
	}
	if len(args) == 5 {
		return nil, nil //nolint:nilnil // nothing holds nothing
	}
	out, err := w.Run(ctx, nil, args...)
	if err != nil {
		return nil, p.Blame(fault.StepResolve, err)
	}
	from := map[string]string{}
	for line := range strings.Lines(string(out)) {
		if path, modulePath, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			from[path] = modulePath
		}
	}
	return from, nil
}

// requirers tells for each module of a lock who needs it at its version. It only explains: what cannot be told stays untold.
func (b *Builder) requirers(ctx context.Context, w *Workspace, l *lock.Lock) map[string]string {
	out, err := w.Run(ctx, []string{"GOFLAGS=-mod=mod"}, "mod", "graph")
	if err != nil {
		return nil
	}
	selected := map[string]bool{b.Core.String(): true}
	for _, m := range l.Modules {
		selected[m.Path+"@"+m.Version] = true
	}
	needed := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		by, needs, _ := strings.Cut(strings.TrimSpace(line), " ")
		modulePath, _, _ := strings.Cut(needs, "@")
		if !selected[needs] || !selected[by] {
			continue
		}
		if by == b.Core.String() {
			by = "the core"
		}
		needed[modulePath] = append(needed[modulePath], by)
	}
	why := map[string]string{}
	for _, w := range l.Wants {
		if w.From != "" {
			why[w.From] = strings.TrimSpace("asked for: " + w.Name + " " + w.Query)
		}
	}
	for modulePath, by := range needed {
		if why[modulePath] == "" {
			slices.Sort(by)
			const most = 3
			if more := len(by) - most; more > 0 {
				by = append(by[:most], fmt.Sprintf("%d more", more))
			}
			why[modulePath] = "needed by " + strings.Join(by, ", ")
		}
	}
	return why
}
