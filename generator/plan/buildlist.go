package plan

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"

	"github.com/gliderlabs/logspout-builder/generator/buildlist"
	"github.com/gliderlabs/logspout-builder/generator/lock"
	"github.com/gliderlabs/logspout-builder/generator/manifest"
	"github.com/gliderlabs/logspout-builder/generator/packed"
)

const (
	// ProjectPath is the module path of every generated project.
	ProjectPath = "logspout"
	// AgentPackage is what a generated main runs.
	AgentPackage = manifest.CorePath + "/core/agent"
)

// Compose makes the build list of what the builder carries: the core, the modules of local directories, and what the bundled
// packages need. It is complete when the plan takes nothing from elsewhere.
func (p *Plan) Compose(core *packed.Core) (*buildlist.List, error) {
	packages := []string{AgentPackage}
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
		if m := p.LocalModule(x.Local); m != nil && !slices.ContainsFunc(requirements, func(r *modfile.Require) bool { return r.Mod.Path == m.Path }) {
			// Replaced whatever its version, so that another module that needs a release of it gets the directory's content too.
			requirements = append(requirements, &modfile.Require{Mod: m.Version})
			replacements = append(replacements, buildlist.Replacement{From: m.Path, To: m.Version})
		}
	}
	for _, r := range p.Replace {
		replacements = append(replacements, buildlist.Replacement{From: r.Module, To: r.Target()})
	}
	return buildlist.Compose(ProjectPath, core.Bundled.Go, requirements, replacements, sums)
}

// LocalModule is the packed module of this path@version, nil for "".
func (p *Plan) LocalModule(name string) *packed.Module {
	for _, m := range p.local {
		if m.String() == name {
			return m
		}
	}
	return nil
}

// Asked is the part of a plan's lock that needs no resolution.
func (p *Plan) Asked(core *packed.Core, toolchain string) *lock.Lock {
	l := &lock.Lock{Core: lock.Core{Version: core.Version.Version, Sum: core.ZipSum}, Toolchain: toolchain}
	for _, x := range p.Packages {
		l.Wants = append(l.Wants, lock.Want{Name: x.LockName(), Query: x.Query})
		if x.Local != "" {
			l.Wants[len(l.Wants)-1].Query = lock.Local
		}
	}
	for _, r := range p.Replace {
		if p.LocalModule(r.Target().String()) != nil {
			l.Replaces = append(l.Replaces, lock.Replace{Module: r.Module, Query: lock.Local})
		} else {
			l.Replaces = append(l.Replaces, lock.Replace{Module: r.Module, Path: r.Path, Query: r.Version})
		}
	}
	for _, m := range p.local {
		l.Locals = append(l.Locals, lock.LocalModule{Path: m.Path, Needs: m.Needs()})
	}
	l.Sort()
	return l
}

// LockName is what a lock calls a package.
func (x Package) LockName() string {
	if x.Bundled && x.Name != "" {
		return x.Name
	}
	return x.Path
}

// Target is the module that is taken.
func (r Replacement) Target() module.Version { return module.Version{Path: r.Path, Version: r.Version} }

// PosOf is where the manifest asks for what changed.
func (p *Plan) PosOf(c lock.Change) manifest.Pos {
	for _, x := range p.Packages {
		if c.Kind == "with" && x.LockName() == c.Name || c.Kind == "local" && x.Local != "" && manifest.Within(x.Path, c.Name) {
			return x.Pos
		}
	}
	for _, r := range p.Replace {
		if c.Kind == "replace" && r.Module == c.Name || c.Kind == "local" && r.Path == c.Name {
			return r.Pos
		}
	}
	return manifest.Pos{}
}

// FromLock makes the build list that a lock says.
func (p *Plan) FromLock(core *packed.Core, l *lock.Lock) (*buildlist.List, error) {
	requirements := []*modfile.Require{{Mod: core.Version}}
	sums := core.SumLines()
	var replacements []buildlist.Replacement
	required := map[string]bool{}
	for _, m := range l.Modules {
		direct := p.localWant(m.Path) != nil || slices.ContainsFunc(l.Wants, func(w lock.Want) bool { return w.From == m.Path })
		requirements = append(requirements, &modfile.Require{Mod: module.Version{Path: m.Path, Version: m.Version}, Indirect: !direct})
		required[m.Path] = true
		switch m.To.Path {
		case "":
		case lock.Local:
			to := p.replacedLocally(m.Path)
			if to == nil {
				return nil, fmt.Errorf("the lock takes module %s from a directory, and the manifest names none", m.Path)
			}
			replacements = append(replacements, buildlist.Replacement{From: m.Path, To: to.Version})
		default:
			replacements = append(replacements, buildlist.Replacement{From: m.Path, To: m.To})
		}
		if m.To.Path != lock.Local {
			sums = append(sums, m.SumLines()...)
		}
	}
	for _, m := range p.local {
		sums = append(sums, m.SumLines()...)
		if p.localWant(m.Path) != nil && !required[m.Path] {
			requirements = append(requirements, &modfile.Require{Mod: m.Version})
			replacements = append(replacements, buildlist.Replacement{From: m.Path, To: m.Version})
		}
	}
	return buildlist.Compose(ProjectPath, l.Go, requirements, replacements, sums)
}

// localWant is the packed module of this path that a package of the plan comes from.
func (p *Plan) localWant(modulePath string) *packed.Module {
	for _, x := range p.Packages {
		if m := p.LocalModule(x.Local); m != nil && m.Path == modulePath {
			return m
		}
	}
	return nil
}

// replacedLocally is the packed module that stands for a module path.
func (p *Plan) replacedLocally(modulePath string) *packed.Module {
	for _, r := range p.Replace {
		if r.Module == modulePath {
			return p.LocalModule(r.Target().String())
		}
	}
	return p.localWant(modulePath)
}

// LockOf makes the lock of a resolved build list. from is the module of each external package.
func (p *Plan) LockOf(asked *lock.Lock, list *buildlist.List, from map[string]string) (*lock.Lock, error) {
	goMod, err := modfile.Parse("go.mod", list.GoMod, nil)
	if err != nil {
		return nil, err
	}
	sums := map[string]string{}
	for line := range strings.Lines(string(list.GoSum)) {
		if w := strings.Fields(line); len(w) == 3 {
			sums[w[0]+" "+w[1]] = w[2]
		}
	}
	l := asked.Clone()
	l.Go = goMod.Go.Version
	for i, w := range l.Wants {
		l.Wants[i].From = from[w.Name]
	}
	for _, r := range goMod.Require {
		if r.Mod.Path == manifest.CorePath || p.LocalModule(r.Mod.String()) != nil {
			continue
		}
		m := lock.Module{Path: r.Mod.Path, Version: r.Mod.Version}
		at := r.Mod
		for _, replaced := range goMod.Replace {
			if replaced.Old.Path == m.Path && (replaced.Old.Version == "" || replaced.Old.Version == m.Version) {
				at, m.To = replaced.New, replaced.New
			}
		}
		if p.LocalModule(at.String()) != nil {
			m.To = module.Version{Path: lock.Local}
		} else {
			m.Sum, m.GoModSum = sums[at.Path+" "+at.Version], sums[at.Path+" "+at.Version+"/go.mod"]
		}
		l.Modules = append(l.Modules, m)
	}
	l.Sort()
	return l, nil
}
