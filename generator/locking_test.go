package generator

import (
	"strings"
	"testing"

	"golang.org/x/mod/modfile"

	"github.com/gliderlabs/logspout-builder/generator/lock"
	"github.com/gliderlabs/logspout-builder/generator/manifest"
	"github.com/gliderlabs/logspout-builder/generator/packed"
	"github.com/gliderlabs/logspout-builder/generator/plan"
	"github.com/gliderlabs/logspout-builder/test/plans"
)

func standardPlan(t *testing.T, more ...string) *plan.Plan {
	t.Helper()
	m := manifest.Default()
	for _, name := range more {
		m.Modules = append(m.Modules, manifest.Module{Name: name})
	}
	return plans.Of(t, m)
}

func lockFor(t *testing.T, p *plan.Plan, core *packed.Core) *lock.Lock {
	t.Helper()
	list, err := p.Compose(core)
	if err != nil {
		t.Fatal(err)
	}
	l, err := p.LockOf(p.Asked(core, "go1.26.8"), list, nil)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestLockAloneGivesTheBuildListAgain(t *testing.T) {
	core := plans.Core(t)
	p := standardPlan(t, "kafka")
	want, err := p.Compose(core)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := lock.Parse("x.lock", lockFor(t, p, core).Format())
	if err != nil {
		t.Fatal(err)
	}
	got, err := p.FromLock(core, parsed)
	if err != nil {
		t.Fatal(err)
	}
	if string(got.GoMod) != string(want.GoMod) || string(got.GoSum) != string(want.GoSum) {
		t.Errorf("from the lock comes\n%s%swant\n%s%s", got.GoMod, got.GoSum, want.GoMod, want.GoSum)
	}
	f, err := modfile.Parse("go.mod", got.GoMod, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range f.Require {
		if !strings.Contains(string(got.GoSum), r.Mod.Path+" "+r.Mod.Version+" h1:") {
			t.Errorf("go.sum has no checksum of %s", r.Mod)
		}
	}
}

func TestLockFitsWhatItWasMadeForAndTellsWhatDiffers(t *testing.T) {
	core := plans.Core(t)
	p := standardPlan(t)
	l := lockFor(t, p, core)
	if more := misfitsOf(p, l, p.Asked(core, "go1.26.8")); len(more) > 0 {
		t.Errorf("it does not fit: %v", more)
	}
	other := standardPlan(t, "kafka")
	got := misfitsOf(other, l, other.Asked(core, "go1.27.0"))
	if len(got) != 2 || got[0].String() != "toolchain go1.26.8 -> go1.27.0" || got[1].String() != "with kafka added" {
		t.Errorf("told is %v", got)
	}
	b := &Builder{Core: core, Lock: l, Locked: true}
	if err := b.refuseMisfits(nil); err != nil {
		t.Error(err)
	}
	if err := b.refuseMisfits(got); err == nil || !strings.Contains(err.Error(), "GOTOOLCHAIN=go1.26.8") {
		t.Errorf("refused with %v", err)
	}
}

func TestOnlyARaisedModuleNeedsTheGoCommand(t *testing.T) {
	core := plans.Core(t)
	now := lockFor(t, standardPlan(t, "kafka"), core)
	before := now.Clone()
	if raised(before, now) || raised(nil, now) {
		t.Error("the same versions count as raised")
	}
	before.Modules[0].Version = "v0.0.1"
	if raised(before, now) {
		t.Error("an older version counts as raised")
	}
	before.Modules[0].Version = "v99.0.0"
	if !raised(before, now) {
		t.Error("a newer version does not count as raised")
	}
}
