package generator

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/gliderlabs/logspout-builder/generator/packed"
)

// LeftOut is a package that a build was made without.
type LeftOut struct {
	Package string `json:"package"`
	Err     error  `json:"-"`
}

// without tries a plan and, when the builder is to keep going, the plan less the packages from elsewhere that are at fault, until one does.
func (b *Builder) without(ctx context.Context, plan *Plan, try func(*Plan) error) ([]LeftOut, error) {
	var left []LeftOut
	for {
		err := try(plan)
		if err == nil || !b.KeepGoing || ctx.Err() != nil {
			return left, err
		}
		culprits := plan.culprits(err)
		if len(culprits) == 0 || len(culprits) == len(plan.Packages) {
			return left, err
		}
		for _, c := range culprits {
			reason, _, _ := strings.Cut(c.Err.Error(), "\n")
			b.note("left out", reason)
		}
		left = append(left, culprits...)
		plan = plan.less(culprits)
	}
}

// culprits are the packages from elsewhere that an error of resolving, inspecting, compiling or starting names, each once.
func (p *Plan) culprits(err error) []LeftOut {
	var found []LeftOut
	var look func(error)
	look = func(err error) {
		if joined, ok := err.(interface{ Unwrap() []error }); ok {
			for _, one := range joined.Unwrap() {
				look(one)
			}
			return
		}
		var e *Error
		if !errors.As(err, &e) || e.Step == StepManifest {
			return
		}
		named := func(x Package) bool { return x.Path == e.Package }
		if slices.ContainsFunc(p.external(), named) && !slices.ContainsFunc(found, func(l LeftOut) bool { return l.Package == e.Package }) {
			found = append(found, LeftOut{e.Package, e})
		}
	}
	look(err)
	return found
}

// less is the plan without packages; modules of local directories that nobody needs any more go with them.
func (p *Plan) less(out []LeftOut) *Plan {
	q := *p
	q.Packages = slices.DeleteFunc(slices.Clone(p.Packages), func(x Package) bool {
		return slices.ContainsFunc(out, func(l LeftOut) bool { return l.Package == x.Path })
	})
	q.local = slices.DeleteFunc(slices.Clone(p.local), func(m *packed.Module) bool {
		return !slices.ContainsFunc(q.Packages, func(x Package) bool { return x.Local == m.String() }) &&
			!slices.ContainsFunc(q.Replace, func(r Replacement) bool { return r.Path == m.Path && r.Version == m.Version.Version })
	})
	return &q
}
