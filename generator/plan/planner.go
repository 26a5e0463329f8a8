package plan

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"

	"golang.org/x/mod/module"

	"github.com/gliderlabs/logspout-builder/generator/manifest"
	"github.com/gliderlabs/logspout-builder/generator/packed"
)

// New makes the plan of a manifest: names become packages, local directories become modules. Its error has all that is wrong at
// once; it is manifest.Errors.
func New(m *manifest.Manifest, registry *manifest.Registry, core *packed.Core) (*Plan, error) {
	packages, err := m.Expand(registry)
	if err != nil {
		return nil, err
	}
	p := &Plan{
		Name: m.Name, Version: m.Version, Core: core.Version.Version,
		Tags: slices.Clone(m.Build.Tags), LDFlags: m.Build.LDFlags, Debug: m.Build.Debug,
		Env: m.Env, Budget: m.Budget,
		checkRoutes: func(has manifest.Registered) error { return m.CheckRoutes(registry, has) },
	}
	for _, r := range m.Routes {
		p.Routes = append(p.Routes, r.URI)
	}
	d := directories{base: filepath.Dir(m.File), packed: map[string]*packed.Module{}}
	for _, x := range packages {
		d.addPackage(p, x, core)
	}
	for _, r := range m.Replace {
		d.addReplacement(p, r)
	}
	if len(d.problems) > 0 {
		slices.SortStableFunc(d.problems, func(a, b manifest.Problem) int { return a.Pos.Compare(b.Pos) })
		return nil, d.problems
	}
	return p.sorted(), nil
}

// directories packs the local directories of a plan, each once.
type directories struct {
	base     string
	packed   map[string]*packed.Module // by absolute path
	problems manifest.Errors
}

func (d *directories) problem(at manifest.Pos, err error) {
	d.problems = append(d.problems, manifest.Problem{Pos: at, Message: err.Error()})
}

func (d *directories) addPackage(p *Plan, x manifest.Package, core *packed.Core) {
	out := Package{Path: x.Path, Bundled: manifest.Within(x.Path, manifest.CorePath), Rename: x.Rename, Pos: x.Pos}
	if x.Entry != nil {
		out.Name, out.Registers = x.Entry.Name, x.Entry.Registers
	}
	switch {
	case out.Bundled && !core.HasPackage(x.Path):
		d.problem(x.Pos, fmt.Errorf("the core of this builder holds no package %s", x.Path))
	case out.Bundled:
	case x.Dir != "":
		m, err := d.pack(p, x.Dir)
		if err == nil {
			err = m.CheckHolds(x.Path)
		}
		if err != nil {
			d.problem(x.Pos, err)
			return
		}
		out.Local = m.String()
	default:
		out.Query = cmp.Or(x.Version, "latest")
	}
	p.Packages = append(p.Packages, out)
}

func (d *directories) addReplacement(p *Plan, r manifest.Replace) {
	out := Replacement{Module: r.Module, Path: r.Path, Version: r.Version, Pos: r.Pos}
	if r.Module == manifest.CorePath {
		d.problem(r.Pos, fmt.Errorf("%s is the core, which comes with the builder and cannot be replaced: build another builder", manifest.CorePath))
		return
	}
	if r.Dir != "" {
		m, err := d.pack(p, r.Dir)
		if err != nil {
			d.problem(r.Pos, err)
			return
		}
		out.Path, out.Version = m.Path, m.Version.Version
	}
	p.Replace = append(p.Replace, out)
}

// pack makes a module of a directory, once, and gives it to the plan.
func (d *directories) pack(p *Plan, dir string) (*packed.Module, error) {
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(d.base, dir)
	}
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if m, ok := d.packed[absolute]; ok {
		return m, nil
	}
	m, err := packed.Directory(dir)
	if err != nil {
		return nil, err
	}
	for _, other := range p.local {
		if other.Path == m.Path {
			return nil, fmt.Errorf("%s and %s are both module %s: keep one of them", other.Directory, m.Directory, m.Path)
		}
	}
	if m.Path == manifest.CorePath {
		return nil, fmt.Errorf("%s is %s, which comes with the builder: build another builder from it", dir, manifest.CorePath)
	}
	if err := module.CheckPath(m.Path); err != nil {
		return nil, err
	}
	d.packed[absolute] = m
	p.local = append(p.local, m)
	return m, nil
}
