package generator

import (
	"context"
	"debug/buildinfo"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/gliderlabs/logspout-builder/generator/fault"
	"github.com/gliderlabs/logspout-builder/generator/gotool"
	"github.com/gliderlabs/logspout-builder/generator/manifest"
	"github.com/gliderlabs/logspout-builder/generator/plan"
	"github.com/gliderlabs/logspout-builder/generator/size"
)

// Cost builds the plan and tells what each of its modules adds to the binary.
func (b *Builder) Cost(ctx context.Context, p *plan.Plan) (*size.Sizes, error) {
	unbounded := *p
	unbounded.Budget = manifest.Budget{}
	g, x, err := b.Project(ctx, &unbounded)
	if err != nil {
		return nil, err
	}
	dir, done, err := b.Cache.Scratch()
	if err != nil {
		return nil, err
	}
	defer done()
	binary := filepath.Join(dir, "binary")
	if _, err := b.buildOne(ctx, g, &unbounded, x.resolved, binary); err != nil {
		return nil, err
	}
	info, err := os.Stat(binary)
	if err != nil {
		return nil, err
	}
	return b.cost(ctx, g, x, info.Size())
}

// cost shares out the size of a project's binary: it links another with a symbol table, and asks the go command who imports whom.
func (b *Builder) cost(ctx context.Context, g *gotool.Tool, x *Project, file int64) (*size.Sizes, error) {
	w, err := b.Workspace(ctx, g, x.Plan, x.Files())
	if err != nil {
		return nil, err
	}
	defer w.Close()
	done := b.Step("measure", "what each module adds")
	symbols := *x
	symbols.Plan = x.Plan.WithSymbols()
	binary, err := b.compile(ctx, w, &symbols)
	if err != nil {
		return nil, err
	}
	printed, err := w.Run(ctx, nil, "tool", "nm", "-size", binary)
	if err != nil {
		return nil, err
	}
	packages, err := w.Packages(ctx, x.Plan.Tags)
	if err != nil {
		return nil, err
	}
	sizes := size.Attribute(file, size.Code(string(printed)), packages, x.Plan.Imports(), []string{plan.AgentPackage, "runtime"})
	done()
	return &sizes, nil
}

// withinBudget refuses a binary that outgrew the plan's budget, and names what takes most of it.
func (b *Builder) withinBudget(ctx context.Context, g *gotool.Tool, x *Project, binary string) error {
	budget := x.Plan.Budget
	if budget.Size == 0 && budget.Modules == 0 {
		return nil
	}
	file, err := os.Stat(binary)
	if err != nil {
		return err
	}
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return fmt.Errorf("read build info: %w", err)
	}
	var problems []*fault.Error
	if budget.Size > 0 && file.Size() > budget.Size {
		problems = append(problems, &fault.Error{Step: fault.StepVerify, Pos: budget.SizePos, Err: fmt.Errorf(
			"budget: the binary has %s, that is %s more than size: %s", megabytes(file.Size()), megabytes(file.Size()-budget.Size), megabytes(budget.Size))})
	}
	if modules := len(info.Deps); budget.Modules > 0 && modules > budget.Modules {
		problems = append(problems, &fault.Error{Step: fault.StepVerify, Pos: budget.ModulesPos, Err: fmt.Errorf(
			"budget: the binary has %d Go modules in it, more than modules: %d", modules, budget.Modules)})
	}
	if len(problems) == 0 {
		return nil
	}
	last := problems[len(problems)-1]
	last.Hint = "leave one of the modules out, or raise the budget; logspout-builder size shows what each adds"
	if b.Core != nil { // not of a bundle, whose core is another builder's
		sizes, err := b.cost(ctx, g, x, file.Size())
		if err != nil {
			return err
		}
		last.Err = fmt.Errorf("%w\n%s", last.Err, largest(x.Plan, sizes))
		last.Hint = "leave one of them out, or raise the budget; logspout-builder size shows all"
	}
	errs := make([]error, len(problems))
	for i, p := range problems {
		errs[i] = p
	}
	return errors.Join(errs...)
}

// largest are the modules that add most, a line each.
func largest(p *plan.Plan, sizes *size.Sizes) string {
	const most = 5
	var lines []string
	for _, m := range sizes.Modules[:min(len(sizes.Modules), most)] {
		name := m.Package
		if x := p.Holder(m.Package); x != nil && x.Name != "" {
			name = x.Name
		}
		lines = append(lines, fmt.Sprintf("  %s adds %s and %d Go modules", name, megabytes(m.Bytes), len(m.Needs)))
	}
	return strings.Join(lines, "\n")
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }
