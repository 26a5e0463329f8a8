package generator

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"

	"github.com/gliderlabs/logspout-builder/generator/buildlist"
	"github.com/gliderlabs/logspout-builder/generator/gotool"
	"github.com/gliderlabs/logspout-builder/generator/lock"
	"github.com/gliderlabs/logspout-builder/generator/manifest"
	"github.com/gliderlabs/logspout-builder/generator/packed"
)

const (
	// projectPath is the module path of every generated project.
	projectPath = "logspout"
	// agentPackage is what a generated main runs.
	agentPackage = manifest.CorePath + "/core/agent"
)

// compose makes the build list of what the builder carries: the core, the modules of local directories, and what the bundled
// packages need. It is complete when the plan takes nothing from elsewhere.
func (p *Plan) compose(core *packed.Core) (*buildlist.List, error) {
	packages := []string{agentPackage}
	for _, x := range p.Packages {
		if x.Bundled {
			packages = append(packages, x.Path)
		}
	}
	requirements := []*modfile.Require{{Mod: core.Version}}
	sums := core.SumLines()
	var replacements []buildlist.Replacement
	for _, m := range core.Bundled.Needs(packages) {
		requirements = append(requirements, &modfile.Require{Mod: module.Version{Path: m.Path, Version: m.Version}, Indirect: true})
		sums = append(sums, m.SumLines()...)
	}
	for _, m := range p.local {
		sums = append(sums, m.SumLines()...)
	}
	for _, x := range p.Packages {
		if m := p.localModule(x.Local); m != nil && !slices.ContainsFunc(requirements, func(r *modfile.Require) bool { return r.Mod.Path == m.Path }) {
			// Replaced whatever its version, so that another module that needs a release of it gets the directory's content too.
			requirements = append(requirements, &modfile.Require{Mod: m.Version})
			replacements = append(replacements, buildlist.Replacement{From: m.Path, To: m.Version})
		}
	}
	for _, r := range p.Replace {
		replacements = append(replacements, buildlist.Replacement{From: r.Module, To: r.target()})
	}
	return buildlist.Compose(projectPath, core.Bundled.Go, requirements, replacements, sums)
}

// localModule is the packed module of this path@version, nil for "".
func (p *Plan) localModule(name string) *packed.Module {
	for _, m := range p.local {
		if m.String() == name {
			return m
		}
	}
	return nil
}

// resolve finds the versions of what the builder does not carry, by one `go get` in a scratch project: the go command refuses what cannot
// be had together, and says why. What the builder's lock has stays at its version, unless it is to be updated or the manifest asks for
// another. why names who needs a module at the version that it now has.
func (b *Builder) resolve(ctx context.Context, g *gotool.Tool, p *Plan, start *buildlist.List, asked *lock.Lock) (l *lock.Lock, why map[string]string, err error) {
	if err := b.offer(ctx, g, p); err != nil {
		return nil, nil, err
	}
	files, err := p.source(stamp{}, nil)
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
	dir, done, err := b.scratchProject(files)
	if err != nil {
		return nil, nil, err
	}
	defer done()
	get := func(queries ...string) (*buildlist.List, error) {
		args := append([]string{"get", ".", b.Core.String()}, queries...)
		if _, err := g.Run(ctx, dir, b.proxyEnv(g), args...); err != nil {
			return nil, b.withVersions(ctx, g, p, dir, p.blame(StepResolve, err))
		}
		return buildlist.Read(dir)
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
		return nil, nil, &Error{Step: StepResolve, Err: fmt.Errorf("a module needs %s %s, newer than the core of this builder (%s)", manifest.CorePath, got, b.Core.Version.Version), Hint: "use a newer logspout-builder"}
	}
	b.reportRaised(start, versions)
	for _, warning := range g.Warnings {
		at := ""
		if x := p.mentioned(warning); x != nil && x.Pos.Line > 0 {
			at = x.Pos.String() + ": "
		}
		b.note("warning", at+warning)
	}
	from, err := b.holders(ctx, g, p, dir)
	if err != nil {
		return nil, nil, err
	}
	if l, err = p.lockOf(asked, list, from); err != nil {
		return nil, nil, err
	}
	if b.Lock != nil {
		why = b.requirers(ctx, g, dir, l)
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
func (b *Builder) queries(p *Plan) []string {
	var queries []string
	for _, x := range p.external() {
		if x.Local != "" {
			continue
		}
		w, ok := b.Lock.Want(x.Path)
		m, locked := b.Lock.Module(w.From)
		if ok && locked && w.Query == x.Query && !b.Update.has(x) {
			queries = append(queries, m.Path+"@"+m.Version)
		} else {
			queries = append(queries, x.Path+"@"+versionQuery(x.Query))
		}
	}
	for _, name := range b.Update.Names {
		modulePath, query, _ := strings.Cut(name, "@")
		if _, ok := b.Lock.Module(modulePath); ok && !slices.ContainsFunc(p.Packages, b.Update.has) {
			queries = append(queries, modulePath+"@"+versionQuery(query))
		}
	}
	slices.Sort(queries)
	return slices.Compact(queries)
}

// floors are the locked versions below which a module has come that nobody asked to be changed: what is locked never goes back by itself.
func (b *Builder) floors(p *Plan, versions map[string]module.Version) []string {
	if b.Lock == nil {
		return nil
	}
	var floors []string
	for _, m := range b.Lock.Modules {
		now, there := versions[m.Path]
		if !there || m.To.Path != "" || now.Path != m.Path || semver.Compare(m.Version, now.Version) <= 0 {
			continue
		}
		chosen := slices.ContainsFunc(p.external(), func(x Package) bool {
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
func (b *Builder) holders(ctx context.Context, g *gotool.Tool, p *Plan, dir string) (map[string]string, error) {
	args := []string{"list", "-find", "-e", "-f", "{{.ImportPath}} {{with .Module}}{{.Path}}{{end}}"}
	for _, x := range p.external() {
		if x.Local == "" {
			args = append(args, x.Path)
		}
	}
	if len(args) == 5 {
		return nil, nil //nolint:nilnil // nothing holds nothing
	}
	out, err := g.Run(ctx, dir, b.proxyEnv(g), args...)
	if err != nil {
		return nil, p.blame(StepResolve, err)
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
func (b *Builder) requirers(ctx context.Context, g *gotool.Tool, dir string, l *lock.Lock) map[string]string {
	out, err := g.Run(ctx, dir, append(b.proxyEnv(g), "GOFLAGS=-mod=mod"), "mod", "graph")
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

// offer puts the core and the plan's local modules where the go command finds them. A module that the user declared private
// would not be asked of any proxy: those are put into the module cache first, from where they are taken whatever the settings.
func (b *Builder) offer(ctx context.Context, g *gotool.Tool, p *Plan) error {
	var private []*packed.Module
	for _, m := range append([]*packed.Module{&b.Core.Module}, p.local...) {
		if err := b.Cache.Proxy().Offer(m); err != nil {
			return err
		}
		if module.MatchPrefixPatterns(g.Settings.GONOPROXY, m.Path) {
			private = append(private, m)
		}
	}
	if len(private) == 0 {
		return nil
	}
	return p.blame(StepResolve, b.download(ctx, g, private...))
}

// proxyEnv makes the go command look at the builder's own modules first, then where the user's settings say.
func (b *Builder) proxyEnv(g *gotool.Tool) []string {
	if b.Offline {
		return b.offlineEnv()
	}
	return []string{"GOPROXY=" + b.Cache.Proxy().URL() + "," + g.Settings.GOPROXY}
}

func versionQuery(query string) string {
	if query == "" {
		return "latest"
	}
	return query
}

// writeFiles writes files into dir, which exists.
func writeFiles(dir string, files map[string][]byte) error {
	var problems []error
	for name, data := range files {
		file := filepath.Join(dir, filepath.FromSlash(name))
		problems = append(problems, os.MkdirAll(filepath.Dir(file), 0o750), os.WriteFile(file, data, 0o600))
	}
	return errors.Join(problems...)
}
