package describe

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gliderlabs/logspout-builder/generator"
	"github.com/gliderlabs/logspout-builder/generator/manifest"
	"github.com/gliderlabs/logspout-builder/generator/plan"
)

// VerifyEntries builds modules of a registry and compares what each binary registers with the registry's word. It returns what is wrong, by
// name; what is right is not in it. Entries whose names do not clash share a binary; when one of them cannot be built they are built one by one.
func VerifyEntries(ctx context.Context, b *generator.Builder, registry *manifest.Registry, entries []manifest.Entry) (map[string]error, error) {
	wrong := map[string]error{}
	for _, group := range apart(entries) {
		err := verifyEntries(ctx, b, registry, group, wrong)
		switch {
		case err == nil:
			continue
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case len(group) == 1:
			wrong[group[0].Name] = err
			continue
		}
		for _, e := range group {
			if err := verifyEntries(ctx, b, registry, []manifest.Entry{e}, wrong); err != nil {
				if ctx.Err() != nil {
					return nil, ctx.Err()
				}
				wrong[e.Name] = err
			}
		}
	}
	return wrong, nil
}

// apart puts entries into groups in which no name is registered twice.
func apart(entries []manifest.Entry) [][]manifest.Entry {
	var groups [][]manifest.Entry
	var taken []map[string]bool
next:
	for _, e := range entries {
		var names []string
		for point, registered := range e.Registers {
			for _, name := range registered {
				names = append(names, point+" "+name)
			}
		}
		for i := range groups {
			if slices.ContainsFunc(names, func(n string) bool { return taken[i][n] }) {
				continue
			}
			groups[i] = append(groups[i], e)
			for _, n := range names {
				taken[i][n] = true
			}
			continue next
		}
		groups, taken = append(groups, []manifest.Entry{e}), append(taken, map[string]bool{})
		for _, n := range names {
			taken[len(taken)-1][n] = true
		}
	}
	return groups
}

// verifyEntries builds one binary of entries. What it registers against the word of an entry goes into wrong; that it cannot be built is an error.
func verifyEntries(ctx context.Context, b *generator.Builder, registry *manifest.Registry, entries []manifest.Entry, wrong map[string]error) error {
	m := manifest.Default()
	m.Modules = nil
	for _, e := range entries {
		m.Modules = append(m.Modules, manifest.Module{Name: e.Name, Pos: manifest.Pos{File: e.Name}})
	}
	p, err := plan.New(m, registry, b.Core)
	if err != nil {
		return err
	}
	dir, done, err := b.Cache.Scratch()
	if err != nil {
		return err
	}
	defer done()
	binary := filepath.Join(dir, generator.BinaryName("binary", "windows"))
	if _, err := b.Build(ctx, p, binary); err != nil {
		return err
	}
	is, err := Binary(ctx, b, binary, registry)
	if err != nil {
		return err
	}
	for _, e := range entries {
		var have, want []string
		for _, x := range is.Extensions {
			if holder := p.Holder(x.Package); holder != nil && holder.Path == e.Package {
				have = append(have, x.Point+" "+x.Name)
			}
		}
		for point, names := range e.Registers {
			for _, name := range names {
				want = append(want, point+" "+name)
			}
		}
		slices.Sort(have)
		slices.Sort(want)
		if !slices.Equal(have, want) {
			wrong[e.Name] = fmt.Errorf("it registers %s, and the registry says %s", strings.Join(have, ", "), strings.Join(want, ", "))
		}
	}
	return nil
}

// EntryOf is a registry's entry for the package that d describes.
func EntryOf(d *Description) manifest.Entry {
	path := d.Name
	e := manifest.Entry{Package: path, Version: d.Version, Summary: d.Summary, Registers: map[string][]string{}, Options: []manifest.Option{}, Stability: stability(d.Version)}
	for _, x := range d.Extensions {
		if x.Point != "" && x.Name != "" {
			e.Registers[x.Point] = append(e.Registers[x.Point], x.Name)
		}
	}
	e.Name = nameOf(path)
	module := ""
	for _, m := range d.Modules {
		if manifest.Within(path, m.Path) && len(m.Path) > len(module) {
			module, e.License = m.Path, m.License
		}
	}
	if e.License == "" {
		e.License = "NOASSERTION" // SPDX for: not known
	}
	e.Home = "https://" + module
	for _, o := range d.Options {
		if o.Package == path {
			e.Options = o.Options
		}
	}
	if e.Summary == "" {
		e.Summary = e.Name + ", a module of kind " + e.Kind()
	}
	if names := e.Registers["AdapterFactory"]; len(names) > 0 {
		e.Example = names[0] + "://host:port"
	}
	return e
}

// nameOf is a name for a package: the last element of its path that is no version, without "logspout-".
func nameOf(path string) string {
	elements := strings.Split(path, "/")
	name := elements[len(elements)-1]
	if len(elements) > 1 && len(name) > 1 && name[0] == 'v' && strings.Trim(name[1:], "0123456789") == "" {
		name = elements[len(elements)-2]
	}
	name = strings.ToLower(strings.TrimPrefix(name, "logspout-"))
	return strings.Map(func(c rune) rune {
		if c == '.' {
			return '-'
		}
		return c
	}, name)
}

// stability is what a version promises.
func stability(version string) string {
	switch {
	case strings.Contains(version, "-"): // a pre-release, or no release at all
		return "experimental"
	case strings.HasPrefix(version, "v0."):
		return "beta"
	}
	return "stable"
}
