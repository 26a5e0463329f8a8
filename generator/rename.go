package generator

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dave/jennifer/jen"

	"github.com/gliderlabs/logspout-builder/generator/manifest"
)

const (
	// renamePackage is where the core looks up the names that a build changes.
	renamePackage = manifest.CorePath + "/core/rename"
	// renamesPackage fills it. That it sorts before "os" is what makes it come first, as renamePackage explains.
	renamesPackage = projectPath + "/renames"
	renamesFile    = "renames/renames.go"
)

// renamed is a name of a package that the plan changes.
type renamed struct{ pkg, name, newName string }

// renames are the names that the plan changes, by the packages that register them: those of the plan and, of external ones, packages below
// them that inspection found. A name that none of them registers is an error.
func (p *Plan) renames(found []Extension) ([]renamed, error) {
	var all []renamed
	var problems []error
	registered := p.ownExtensions(found)
	for _, x := range p.Packages {
		for _, name := range slices.Sorted(maps.Keys(x.Rename)) {
			var holders, have []string
			for _, e := range registered {
				if owner := p.holder(e.Package); owner == nil || owner.Path != x.Path {
					continue
				}
				if e.Name == name || e.Name == "" {
					holders = append(holders, e.Package)
				}
				have = append(have, e.Point+" "+cmp.Or(e.Name, "(a name that only the running program knows)"))
			}
			if len(holders) == 0 {
				problems = append(problems, &Error{
					Step: StepManifest, Package: x.Path, Pos: x.Pos,
					Err:  fmt.Errorf("rename: it registers no %q (it registers: %s)", name, cmp.Or(strings.Join(have, ", "), "nothing")),
					Hint: "name one of those, or leave the line out",
				})
			}
			for _, holder := range slices.Compact(holders) {
				all = append(all, renamed{holder, name, x.Rename[name]})
			}
		}
	}
	slices.SortFunc(all, func(a, b renamed) int { return cmp.Or(cmp.Compare(a.pkg, b.pkg), cmp.Compare(a.name, b.name)) })
	return slices.Compact(all), errors.Join(problems...)
}

// holder is the package of the plan that is path, or the nearest one above it; nil when there is none.
func (p *Plan) holder(path string) *Package {
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
	if x := p.holder(e.Package); x != nil {
		e.Name = x.Rename.Name(e.Name)
	}
	return e
}

func renamesSource(renames []renamed) *jen.File {
	f := jen.NewFile("renames")
	f.HeaderComment(header)
	f.PackageComment("// Package renames gives extensions the names that the manifest has for them, before they are registered.")
	f.ImportName(renamePackage, "rename")
	f.Func().Id("init").Params().BlockFunc(func(g *jen.Group) {
		for _, r := range renames {
			g.Qual(renamePackage, "Set").Call(jen.Lit(r.pkg), jen.Lit(r.name), jen.Lit(r.newName))
		}
	})
	return f
}
