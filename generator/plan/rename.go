package plan

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gliderlabs/logspout-builder/generator/fault"
	"github.com/gliderlabs/logspout-builder/generator/manifest"
)

// Renamed is a name of a package that the plan changes.
type Renamed struct{ Package, Name, NewName string }

// Renames are the names that the plan changes, by the packages that register them: those of the plan and, of external ones, packages below
// them that inspection found. A name that none of them registers is an error.
func (p *Plan) Renames(found []Extension) ([]Renamed, error) {
	var all []Renamed
	var problems []error
	registered := p.ownExtensions(found)
	for _, x := range p.Packages {
		for _, name := range slices.Sorted(maps.Keys(x.Rename)) {
			var holders, have []string
			for _, e := range registered {
				if owner := p.Holder(e.Package); owner == nil || owner.Path != x.Path {
					continue
				}
				if e.Name == name || e.Name == "" {
					holders = append(holders, e.Package)
				}
				have = append(have, e.Point+" "+cmp.Or(e.Name, "(a name that only the running program knows)"))
			}
			if len(holders) == 0 {
				problems = append(problems, &fault.Error{
					Step: fault.StepManifest, Package: x.Path, Pos: x.Pos,
					Err:  fmt.Errorf("rename: it registers no %q (it registers: %s)", name, cmp.Or(strings.Join(have, ", "), "nothing")),
					Hint: "name one of those, or leave the line out",
				})
			}
			for _, holder := range slices.Compact(holders) {
				all = append(all, Renamed{holder, name, x.Rename[name]})
			}
		}
	}
	slices.SortFunc(all, func(a, b Renamed) int { return cmp.Or(cmp.Compare(a.Package, b.Package), cmp.Compare(a.Name, b.Name)) })
	return slices.Compact(all), errors.Join(problems...)
}

// Holder is the package of the plan that is path, or the nearest one above it; nil when there is none.
func (p *Plan) Holder(path string) *Package {
	var nearest *Package
	for i, x := range p.Packages {
		if manifest.Within(path, x.Path) && (nearest == nil || len(x.Path) > len(nearest.Path)) {
			nearest = &p.Packages[i]
		}
	}
	return nearest
}

// underNewName is an extension as the binary has it.
func (p *Plan) underNewName(e Extension) Extension {
	if x := p.Holder(e.Package); x != nil {
		e.Name = x.Rename.Name(e.Name)
	}
	return e
}
