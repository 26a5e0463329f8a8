package generator

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"

	"github.com/gliderlabs/logspout-builder/generator/fault"
	"github.com/gliderlabs/logspout-builder/generator/gotool"
	"github.com/gliderlabs/logspout-builder/generator/lock"
	"github.com/gliderlabs/logspout-builder/generator/manifest"
	"github.com/gliderlabs/logspout-builder/generator/plan"
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

// nameLock says of a checksum that is not the module's that it is the lock's, where it is: the go command knows only the go.sum made of it.
func (b *Builder) nameLock(err error) error {
	e, ok := errors.AsType[*fault.Error](err)
	if !ok || b.Lock == nil || b.LockFile == "" {
		return err
	}
	mismatch := fault.Mismatch.FindStringSubmatch(e.Err.Error())
	if mismatch == nil {
		return err
	}
	for _, m := range b.Lock.Modules {
		at := module.Version{Path: m.Path, Version: m.Version}
		if m.To.Path != "" {
			at = m.To
		}
		if at.Path == mismatch[1] && at.Version == mismatch[2] {
			if reason, next := fault.Explain(e.Err.Error()); e.Hint == "" { // no go command's own error
				e.Err, e.Hint = fmt.Errorf("%s\n  %w", reason, e.Err), next
			}
			e.Err = fmt.Errorf("%s does not fit: %w", b.LockFile, e.Err)
			e.Hint += fmt.Sprintf("; if it is %s that was changed, take it from before", b.LockFile)
			break
		}
	}
	return err
}

// Resolve finds the versions of all that the plan is built from, as far as the builder's lock does not say them already.
func (b *Builder) Resolve(ctx context.Context, p *plan.Plan) (*Resolution, error) {
	g, err := b.GoTool(ctx, b.Environ)
	if err != nil {
		return nil, err
	}
	resolved, err := b.settle(ctx, g, p)
	return resolved, b.nameLock(err)
}

// Check compares the plan with the builder's lock and resolves nothing. What does not fit is listed, and is an *Error.
func (b *Builder) Check(ctx context.Context, p *plan.Plan) ([]Move, error) {
	g, err := b.GoTool(ctx, b.Environ)
	if err != nil {
		return nil, err
	}
	misfits := misfitsOf(p, b.Lock, p.Asked(b.Core, g.Settings.GOVERSION))
	return misfits, b.refuseMisfits(misfits)
}

// settle is Resolve with a go command.
func (b *Builder) settle(ctx context.Context, g *gotool.Tool, p *plan.Plan) (*Resolution, error) {
	asked := p.Asked(b.Core, g.Settings.GOVERSION)
	misfits := misfitsOf(p, b.Lock, asked)
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
			m := Move{Change: c, Pos: p.PosOf(c)}
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
func (b *Builder) newLock(ctx context.Context, g *gotool.Tool, p *plan.Plan, asked *lock.Lock) (l *lock.Lock, why map[string]string, err error) {
	start, err := p.Compose(b.Core)
	if err != nil {
		return nil, nil, err
	}
	if p.BundledOnly() && !b.Update.any() {
		if l, err = p.LockOf(asked, start, nil); err != nil || !raised(b.Lock, l) {
			return l, nil, err
		}
	}
	key := ""
	if !b.Update.any() && b.nothingMoves(p) {
		var before []byte
		if b.Lock != nil {
			before = b.Lock.Format()
		}
		key = plan.DigestOf([]byte(p.Digest()), start.GoMod, start.GoSum, before)
		if l, ok := b.Cache.Lock(key); ok && len(l.Misfits(asked)) <= 1 { // one is the toolchain, which is no part of the key
			l.Toolchain = asked.Toolchain
			return l, nil, nil
		}
	}
	done := b.Step("resolve", packagesFromElsewhere(len(p.External())))
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
func (b *Builder) nothingMoves(p *plan.Plan) bool {
	for _, x := range p.External() {
		if w, ok := b.Lock.Want(x.Path); x.Local == "" && !plan.Exact(x.Query) && (!ok || w.Query != x.Query) {
			return false
		}
	}
	return !slices.ContainsFunc(p.Replace, func(r plan.Replacement) bool { return !plan.Exact(r.Version) })
}

// raised reports whether the old lock has a module of the new one at a newer version: somebody updated it.
func raised(before, after *lock.Lock) bool {
	return slices.ContainsFunc(after.Modules, func(m lock.Module) bool {
		old, ok := before.Module(m.Path)
		return ok && semver.Compare(old.Version, m.Version) > 0
	})
}

// misfitsOf are the facts in which a lock is not what the plan asks for, each with its place; without a lock there are none.
func misfitsOf(p *plan.Plan, l, asked *lock.Lock) []Move {
	if l == nil {
		return nil
	}
	var moves []Move
	for _, c := range l.Misfits(asked) {
		moves = append(moves, Move{Change: c, Pos: p.PosOf(c)})
	}
	return moves
}

// refuseMisfits is the error of a locked build whose lock does not fit.
func (b *Builder) refuseMisfits(misfits []Move) error {
	const relock = "run 'logspout-builder lock', look at what moved, and keep the lock with the manifest"
	if b.Lock == nil {
		return &fault.Error{Step: fault.StepResolve, Err: errors.New("there is no lock"), Hint: relock}
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
	return &fault.Error{Step: fault.StepResolve, Err: errors.New(strings.Join(lines, "\n")), Hint: hint}
}

// Update says which locked versions are to be asked for anew.
type Update struct {
	All   bool
	Names []string // of the registry, packages or modules, MODULE@VERSION too
}

func (u Update) any() bool { return u.All || len(u.Names) > 0 }

// check reports the names that cannot be asked for anew.
func (u Update) check(p *plan.Plan, l *lock.Lock) error {
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
	return fault.At(fault.StepResolve, errors.Join(problems...))
}

// has reports whether a package is to be asked for anew.
func (u Update) has(x plan.Package) bool {
	return u.All || slices.ContainsFunc(u.Names, func(n string) bool { return n == x.Path || n == cmp.Or(x.Name, x.Path) })
}
