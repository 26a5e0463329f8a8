package plan

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/gliderlabs/logspout-builder/generator/fault"
)

// Extension is a name that a package registers at an extension point.
type Extension struct {
	Point   string `json:"point"`
	Name    string `json:"name"`
	Package string `json:"package"`
}

// String is `AdapterFactory "kafka" of example.com/kafka`.
func (e Extension) String() string {
	return fmt.Sprintf("%s %q of %s", cmp.Or(e.Point, "an extension"), e.Name, e.Package)
}

// CompareExtensions sorts by point, name and package.
func CompareExtensions(a, b Extension) int {
	return cmp.Or(strings.Compare(a.Point, b.Point), strings.Compare(a.Name, b.Name), strings.Compare(a.Package, b.Package))
}

// Covers tells whether other is e, where an extension point or name of e that is "" stands for any: what only the running program knew.
func (e Extension) Covers(other Extension) bool {
	return e.Package == other.Package && (e.Point == "" || e.Point == other.Point) && (e.Name == "" || e.Name == other.Name)
}

// Extensions is what a binary of the plan has to register, under the names that it has there.
func (p *Plan) Extensions(found []Extension) []Extension {
	want := p.ownExtensions(found)
	for i, e := range want {
		want[i] = p.underNewName(e)
	}
	slices.SortFunc(want, CompareExtensions)
	return want
}

// ownExtensions is what the plan's packages register under names of their own: the registry's word for bundled packages, what inspection
// found for the others.
func (p *Plan) ownExtensions(found []Extension) []Extension {
	want := slices.Clone(found)
	for _, x := range p.Packages {
		if !x.Bundled {
			continue
		}
		for point, names := range x.Registers {
			for _, name := range names {
				want = append(want, Extension{point, name, x.Path})
			}
		}
	}
	slices.SortFunc(want, CompareExtensions)
	return slices.Compact(want)
}

// CheckServes reports the routes that need what neither a bundled package nor an external one, as inspection found it, registers.
func (p *Plan) CheckServes(found []Extension) error {
	extensions := p.Extensions(found)
	err := p.checkRoutes(func(point, name string) (string, bool) {
		for _, e := range extensions {
			if e.Covers(Extension{point, name, e.Package}) {
				return e.Package, true
			}
		}
		return "", false
	})
	return fault.At(fault.StepManifest, err)
}

// Clashes are the names that two packages of the plan register at one extension point.
func (p *Plan) Clashes(found []Extension) []error {
	type slot struct{ point, name string }
	holders := map[slot][]string{}
	for _, e := range p.Extensions(found) {
		if s := (slot{e.Point, e.Name}); e.Point != "" && e.Name != "" { // what only the running program knows, it has to tell itself
			holders[s] = append(holders[s], e.Package)
		}
	}
	var problems []error
	for _, e := range p.Extensions(found) {
		s := slot{e.Point, e.Name}
		packages := holders[s]
		if len(packages) < 2 {
			continue
		}
		delete(holders, s)
		slices.Sort(packages)
		out := &fault.Error{Step: fault.StepResolve, Err: fmt.Errorf("%s %q is registered by %s", e.Point, e.Name, strings.Join(packages, " and by "))}
		for _, holder := range packages {
			x := p.Holder(holder)
			if x == nil {
				continue
			}
			if x.Bundled {
				out.Hint = fmt.Sprintf("a name can be had once: leave one of them out (--without %s)", x.Name)
			} else {
				out.Package, out.Pos = x.Path, x.Pos
			}
		}
		if out.Hint == "" {
			out.Hint = "a name can be had once: leave one of them out"
		}
		out.Hint += p.renameHint(packages, e.Name)
		problems = append(problems, out)
	}
	return problems
}

// renameHint shows how one of the packages that register a name gets another: the last one that the plan names itself.
func (p *Plan) renameHint(packages []string, name string) string {
	for _, holder := range slices.Backward(packages) {
		x := p.Holder(holder)
		if x == nil || x.Bundled {
			continue
		}
		own := name
		for old, newName := range x.Rename {
			if newName == name {
				own = old
			}
		}
		return fmt.Sprintf(", or give one another name in the manifest: {package: %s, rename: {%s: %s-%s}}", x.Path, own, path.Base(x.Path), own)
	}
	return ""
}
