package generator

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"

	"github.com/gliderlabs/logspout-builder/generator/buildlist"
	"github.com/gliderlabs/logspout-builder/generator/gotool"
	"github.com/gliderlabs/logspout-builder/generator/lock"
	"github.com/gliderlabs/logspout-builder/generator/manifest"
	"github.com/gliderlabs/logspout-builder/generator/packed"
)

// Resolution is what a plan was resolved to.
type Resolution struct {
	Lock *lock.Lock
	// Moves are the differences to the builder's lock; nil when it had none.
	Moves []Move
}

// Move is a difference between two locks.
type Move struct {
	lock.Change
	// Why names who asked for it, "" when nobody does any more or it speaks for itself.
	Why string `json:"why,omitempty"`
	// Pos is where the manifest asks for it.
	Pos manifest.Pos `json:"-"`
}

// String is "example.com/x v1.0.0 -> v1.1.0 (example.com/y@v1.2.0 needs it)".
func (m Move) String() string {
	if m.Why == "" {
		return m.Change.String()
	}
	return m.Change.String() + " (" + m.Why + ")"
}

// Resolve finds the versions of all that the plan is built from, as far as the builder's lock does not say them already.
func (b *Builder) Resolve(ctx context.Context, plan *Plan) (*Resolution, error) {
	g, err := b.goTool(ctx, b.Environ)
	if err != nil {
		return nil, err
	}
	return b.settle(ctx, g, plan)
}

// Check compares the plan with the builder's lock and resolves nothing. What does not fit is listed, and is an *Error.
func (b *Builder) Check(ctx context.Context, plan *Plan) ([]Move, error) {
	g, err := b.goTool(ctx, b.Environ)
	if err != nil {
		return nil, err
	}
	misfits := plan.misfits(b.Lock, plan.asked(b.Core, g.Settings.GOVERSION))
	return misfits, b.refuseMisfits(misfits)
}

// settle is Resolve with a go command.
func (b *Builder) settle(ctx context.Context, g *gotool.Tool, p *Plan) (*Resolution, error) {
	asked := p.asked(b.Core, g.Settings.GOVERSION)
	misfits := p.misfits(b.Lock, asked)
	if err := b.Update.check(p, b.Lock); err != nil {
		return nil, err
	}
	if b.Locked {
		if err := b.refuseMisfits(misfits); err != nil {
			return nil, err
		}
	}
	if b.Lock != nil && !b.Update.any() {
		if len(misfits) == 0 {
			return &Resolution{Lock: b.Lock}, nil
		}
		if len(misfits) == 1 && misfits[0].Kind == "toolchain" {
			l := b.Lock.Clone()
			l.Toolchain = asked.Toolchain
			return &Resolution{l, misfits}, nil
		}
	}
	l, why, err := b.newLock(ctx, g, p, asked)
	if err != nil {
		return nil, err
	}
	r := &Resolution{Lock: l}
	if b.Lock != nil {
		for _, c := range lock.Compare(b.Lock, l) {
			m := Move{Change: c, Pos: p.posOf(c)}
			if c.Kind == "module" && c.New != "" {
				m.Why = why[c.Name]
			}
			r.Moves = append(r.Moves, m)
		}
	}
	return r, nil
}

// newLock makes the lock of a plan: without the go command where the builder carries everything, from the cache where nothing is left
// that could move, else by resolving.
func (b *Builder) newLock(ctx context.Context, g *gotool.Tool, p *Plan, asked *lock.Lock) (l *lock.Lock, why map[string]string, err error) {
	start, err := p.compose(b.Core)
	if err != nil {
		return nil, nil, err
	}
	if p.bundledOnly() && !b.Update.any() {
		if l, err = p.lockOf(asked, start, nil); err != nil || !raised(b.Lock, l) {
			return l, nil, err
		}
	}
	key := ""
	if !b.Update.any() && b.nothingMoves(p) {
		var before []byte
		if b.Lock != nil {
			before = b.Lock.Format()
		}
		key = digest([]byte(p.Digest()), start.GoMod, start.GoSum, before)
		if l, ok := b.Cache.Lock(key); ok && len(l.Misfits(asked)) <= 1 { // one is the toolchain, which is no part of the key
			l.Toolchain = asked.Toolchain
			return l, nil, nil
		}
	}
	done := b.step("resolve", packagesFromElsewhere(len(p.external())))
	if l, why, err = b.resolve(ctx, g, p, start, asked); err != nil {
		return nil, nil, b.whatIsOpen(p, err)
	}
	done()
	if key != "" {
		if err := b.Cache.KeepLock(key, l); err != nil {
			return nil, nil, fmt.Errorf("keep lock in the cache: %w", err)
		}
	}
	return l, why, nil
}

func packagesFromElsewhere(n int) string {
	if n == 1 {
		return "1 package from elsewhere"
	}
	return fmt.Sprintf("%d packages from elsewhere", n)
}

// nothingMoves reports whether the plan and the builder's lock decide every version: no "latest" or branch is left to ask for.
func (b *Builder) nothingMoves(p *Plan) bool {
	for _, x := range p.external() {
		if w, ok := b.Lock.Want(x.Path); x.Local == "" && !exact(x.Query) && (!ok || w.Query != x.Query) {
			return false
		}
	}
	return !slices.ContainsFunc(p.Replace, func(r Replacement) bool { return !exact(r.Version) })
}

// raised reports whether the old lock has a module of the new one at a newer version: somebody updated it.
func raised(before, after *lock.Lock) bool {
	return slices.ContainsFunc(after.Modules, func(m lock.Module) bool {
		old, ok := before.Module(m.Path)
		return ok && semver.Compare(old.Version, m.Version) > 0
	})
}

// asked is the part of a plan's lock that needs no resolution.
func (p *Plan) asked(core *packed.Core, toolchain string) *lock.Lock {
	l := &lock.Lock{Core: lock.Core{Version: core.Version.Version, Sum: core.ZipSum}, Toolchain: toolchain}
	for _, x := range p.Packages {
		l.Wants = append(l.Wants, lock.Want{Name: x.lockName(), Query: x.Query})
		if x.Local != "" {
			l.Wants[len(l.Wants)-1].Query = lock.Local
		}
	}
	for _, r := range p.Replace {
		if p.localModule(r.target().String()) != nil {
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

// lockName is what a lock calls a package.
func (x Package) lockName() string {
	if x.Bundled && x.Name != "" {
		return x.Name
	}
	return x.Path
}

func (r Replacement) target() module.Version { return module.Version{Path: r.Path, Version: r.Version} }

// misfits are the facts in which a lock is not what the plan asks for, each with its place; without a lock there are none.
func (p *Plan) misfits(l, asked *lock.Lock) []Move {
	if l == nil {
		return nil
	}
	var moves []Move
	for _, c := range l.Misfits(asked) {
		moves = append(moves, Move{Change: c, Pos: p.posOf(c)})
	}
	return moves
}

// posOf is where the manifest asks for what changed.
func (p *Plan) posOf(c lock.Change) manifest.Pos {
	for _, x := range p.Packages {
		if c.Kind == "with" && x.lockName() == c.Name || c.Kind == "local" && x.Local != "" && manifest.Within(x.Path, c.Name) {
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

// refuseMisfits is the error of a locked build whose lock does not fit.
func (b *Builder) refuseMisfits(misfits []Move) error {
	const relock = "run 'logspout-builder lock', look at what moved, and keep the lock with the manifest"
	if b.Lock == nil {
		return &Error{Step: StepResolve, Err: errors.New("there is no lock"), Hint: relock}
	}
	if len(misfits) == 0 {
		return nil
	}
	lines := []string{"the lock does not fit what is asked for:"}
	hint := relock
	for _, m := range misfits {
		at := m.Pos.String()
		if at != "" {
			at += ": "
		}
		lines = append(lines, "  "+at+m.String())
		switch m.Kind {
		case "core":
			hint = "use the logspout-builder that carries core " + m.Old + ", or " + relock
		case "toolchain":
			hint = "build with GOTOOLCHAIN=" + m.Old + ", or " + relock
		}
	}
	return &Error{Step: StepResolve, Err: errors.New(strings.Join(lines, "\n")), Hint: hint}
}

// fromLock makes the build list that a lock says.
func (p *Plan) fromLock(core *packed.Core, l *lock.Lock) (*buildlist.List, error) {
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
	return buildlist.Compose(projectPath, l.Go, requirements, replacements, sums)
}

// localWant is the packed module of this path that a package of the plan comes from.
func (p *Plan) localWant(modulePath string) *packed.Module {
	for _, x := range p.Packages {
		if m := p.localModule(x.Local); m != nil && m.Path == modulePath {
			return m
		}
	}
	return nil
}

// replacedLocally is the packed module that stands for a module path.
func (p *Plan) replacedLocally(modulePath string) *packed.Module {
	for _, r := range p.Replace {
		if r.Module == modulePath {
			return p.localModule(r.target().String())
		}
	}
	return p.localWant(modulePath)
}

// lockOf makes the lock of a resolved build list. from is the module of each external package.
func (p *Plan) lockOf(asked *lock.Lock, list *buildlist.List, from map[string]string) (*lock.Lock, error) {
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
		if r.Mod.Path == manifest.CorePath || p.localModule(r.Mod.String()) != nil {
			continue
		}
		m := lock.Module{Path: r.Mod.Path, Version: r.Mod.Version}
		at := r.Mod
		for _, replaced := range goMod.Replace {
			if replaced.Old.Path == m.Path && (replaced.Old.Version == "" || replaced.Old.Version == m.Version) {
				at, m.To = replaced.New, replaced.New
			}
		}
		if p.localModule(at.String()) != nil {
			m.To = module.Version{Path: lock.Local}
		} else {
			m.Sum, m.GoModSum = sums[at.Path+" "+at.Version], sums[at.Path+" "+at.Version+"/go.mod"]
		}
		l.Modules = append(l.Modules, m)
	}
	l.Sort()
	return l, nil
}

// Update says which locked versions are to be asked for anew.
type Update struct {
	All   bool
	Names []string // of the registry, packages or modules, MODULE@VERSION too
}

func (u Update) any() bool { return u.All || len(u.Names) > 0 }

// check reports the names that cannot be asked for anew.
func (u Update) check(p *Plan, l *lock.Lock) error {
	var problems []error
	for _, name := range u.Names {
		bare, query, _ := strings.Cut(name, "@")
		i := slices.IndexFunc(p.Packages, Update{Names: []string{bare}}.has)
		_, locked := l.Module(bare)
		switch {
		case i >= 0 && p.Packages[i].Bundled:
			problems = append(problems, fmt.Errorf("--update %s: it comes with the builder, and moves with it", name))
		case i >= 0 && p.Packages[i].Local != "":
			problems = append(problems, fmt.Errorf("--update %s: it is built from a directory as it is there", name))
		case i >= 0 && query != "":
			problems = append(problems, fmt.Errorf("--update %s: its version stands in the manifest: change it there", name))
		case i < 0 && !locked:
			problems = append(problems, fmt.Errorf("--update %s: neither the manifest nor the lock has it", name))
		}
	}
	return stepOf(StepResolve, errors.Join(problems...))
}

// has reports whether a package is to be asked for anew.
func (u Update) has(x Package) bool {
	return u.All || slices.ContainsFunc(u.Names, func(n string) bool { return n == x.Path || n == cmp.Or(x.Name, x.Path) })
}
