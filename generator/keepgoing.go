package generator

import (
	"context"
	"strings"

	"github.com/gliderlabs/logspout-builder/generator/plan"
)

// LeftOut is a package that a build was made without.
type LeftOut struct {
	Package string `json:"package"`
	Err     error  `json:"-"`
}

// without tries a plan and, when the builder is to keep going, the plan less the packages from elsewhere that are at fault, until one does.
func (b *Builder) without(ctx context.Context, p *plan.Plan, try func(*plan.Plan) error) ([]LeftOut, error) {
	var left []LeftOut
	for {
		err := try(p)
		if err == nil || !b.KeepGoing || ctx.Err() != nil {
			return left, err
		}
		culprits := p.Culprits(err)
		if len(culprits) == 0 || len(culprits) == len(p.Packages) {
			return left, err
		}
		out := make([]string, len(culprits))
		for i, c := range culprits {
			reason, _, _ := strings.Cut(c.Error(), "\n")
			b.note("left out", reason)
			out[i] = c.Package
			left = append(left, LeftOut{c.Package, c})
		}
		p = p.Without(out)
	}
}
