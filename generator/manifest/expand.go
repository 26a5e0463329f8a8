package manifest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gliderlabs/logspout-builder/generator/nearest"
)

// Package is one module of a binary: what its modules.go imports.
type Package struct {
	Path    string // import path
	Version string // a module version or query; "" is the latest, or the builder's own for what comes with it
	Dir     string // local directory that holds the package's module, relative to the manifest; "" is none
	Rename  Renames
	Pos     Pos    // where the manifest names it, or the set it belongs to
	Entry   *Entry // nil when the registry does not know the package
}

// ID is the package's name in the registry, else its path.
func (p Package) ID() string {
	if p.Entry != nil {
		return p.Entry.Name
	}
	return p.Path
}

// Add puts a module in; where it is already, it takes the other's version, directory and place, and the new names where it has some.
func (m *Manifest) Add(mod Module) {
	m.Implied = false
	i := slices.IndexFunc(m.Modules, func(have Module) bool { return have.ID() == mod.ID() })
	if i < 0 {
		m.Modules = append(m.Modules, mod)
		return
	}
	if mod.Rename == nil {
		mod.Rename = m.Modules[i].Rename
	}
	m.Modules[i] = mod
}

// Remove takes a module out, by its name or package path. A member of the standard set leaves the other members in its place. What is not in is
// an error with the nearest match.
func (m *Manifest) Remove(name string, reg *Registry) error {
	if e, ok := reg.ByPackage(name); ok {
		name = e.Name
	}
	var kept []Module
	found := false
	for _, mod := range m.Modules {
		members := []Module{mod}
		if e, err := reg.Lookup(name); mod.Name == StandardName && err == nil && e.Standard {
			members = nil
			for _, member := range reg.Standard() {
				members = append(members, Module{Name: member.Name, Pos: mod.Pos})
			}
		}
		for _, member := range members {
			if member.ID() == name {
				found = true
				continue
			}
			kept = append(kept, member)
		}
	}
	if !found {
		return m.notIn(name, reg)
	}
	m.Modules, m.Implied = withoutRepeats(kept), false
	return nil
}

// withoutRepeats drops members of the standard set that stand in the list themselves, too: those win, for they may have a version.
func withoutRepeats(modules []Module) []Module {
	last := map[string]Module{}
	for _, m := range modules {
		if have, ok := last[m.ID()]; !ok || have.Version == "" && have.Dir == "" && have.Rename == nil {
			last[m.ID()] = m
		}
	}
	var kept []Module
	for _, m := range modules {
		if winner, ok := last[m.ID()]; ok {
			kept = append(kept, winner)
			delete(last, m.ID())
		}
	}
	return kept
}

func (m *Manifest) notIn(name string, reg *Registry) error {
	var have []string
	for _, mod := range m.Modules {
		have = append(have, mod.ID())
		if mod.Name == StandardName {
			for _, e := range reg.Standard() {
				have = append(have, e.Name)
			}
		}
	}
	slices.Sort(have)
	have = slices.Compact(have)
	list := strings.Join(have, ", ")
	if list == "" {
		list = "nothing"
	}
	return fmt.Errorf("module %s is not in (there is: %s)%s", quote(name), list, nearest.DidYouMean(name, have))
}

// Expand is the manifest's modules with names resolved and the standard set spelled out: sorted by path, each once. It is the same in
// whatever order the manifest names them. Its error is Errors.
func (m *Manifest) Expand(reg *Registry) ([]Package, error) {
	var ps problems
	chosen := map[string]Package{}
	var standard *Module
	for _, mod := range inFileOrder(m.Modules) {
		if mod.Name == StandardName {
			standard = &mod
			continue
		}
		p, err := resolve(mod, reg)
		if err != nil {
			ps.add(mod.Pos, "%s", err)
			continue
		}
		have, again := chosen[p.Path]
		if again && (have.Version != p.Version || have.Dir != p.Dir || !maps.Equal(have.Rename, p.Rename)) {
			ps.add(mod.Pos, "module %s is wanted in two ways: keep one of them", quote(p.ID()))
		}
		if !again {
			chosen[p.Path] = p
		}
	}
	if standard != nil {
		for _, e := range reg.Standard() {
			if _, named := chosen[e.Package]; !named {
				chosen[e.Package] = Package{Path: e.Package, Version: e.Version, Pos: standard.Pos, Entry: &e}
			}
		}
	}
	packages := make([]Package, 0, len(chosen))
	for _, p := range chosen {
		packages = append(packages, p)
	}
	slices.SortFunc(packages, func(a, b Package) int { return strings.Compare(a.Path, b.Path) })
	checkClashes(&ps, packages)
	if len(packages) == 0 && len(ps) == 0 {
		ps.add(Pos{File: m.File}, "no modules are left, and a binary without modules does nothing")
	}
	if has, complete := m.registered(reg); complete { // else CheckRoutes is called when the others have been inspected
		m.checkRoutes(&ps, reg, has)
	}
	if err := ps.err(); err != nil {
		return nil, err
	}
	return packages, nil
}

// inFileOrder is the modules by place, so that the order of the list does not count.
func inFileOrder(modules []Module) []Module {
	sorted := slices.Clone(modules)
	slices.SortFunc(sorted, func(a, b Module) int { return cmp.Or(a.Pos.Compare(b.Pos), strings.Compare(a.String(), b.String())) })
	return sorted
}

// resolve finds a module's package.
func resolve(mod Module, reg *Registry) (Package, error) {
	p := Package{Path: mod.Package, Version: mod.Version, Dir: mod.Dir, Rename: mod.Rename, Pos: mod.Pos}
	e, known := reg.ByPackage(mod.Package)
	if mod.Name != "" {
		var err error
		if e, err = reg.Lookup(mod.Name); err != nil {
			return p, err
		}
		known = true
	}
	if known {
		p.Path, p.Entry = e.Package, &e
		if p.Version == "" && p.Dir == "" {
			p.Version = e.Version
		}
	}
	return p, nil
}

// checkClashes finds two modules that register one name, as far as the registry knows.
func checkClashes(ps *problems, packages []Package) {
	taken := map[string]Package{}
	for _, p := range packages {
		if p.Entry == nil {
			continue
		}
		for _, point := range p.Entry.Points() {
			for _, own := range p.Entry.Registers[point] {
				key := point + " " + quote(p.Rename.Name(own))
				other, clash := taken[key]
				if !clash {
					taken[key] = p
					continue
				}
				at, first := p, other
				if p.Pos.Compare(other.Pos) < 0 {
					at, first = other, p
				}
				ps.add(at.Pos, "%s and %s both register %s: leave one of them out, or give one another name (rename:)", quote(first.ID()), quote(at.ID()), key)
			}
		}
	}
}
