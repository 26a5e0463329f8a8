package core

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// testPoint is an extension point of the test's own: the real ones belong to whoever is linked in.
func testPoint() *ExtensionPoint[AdapterFactory] {
	return newExtensionPoint[AdapterFactory]("AdapterFactory")
}

func newTestAdapter(Env, *Route) (Adapter, error) { return nil, nil }

const here = "github.com/gliderlabs/logspout-builder/core"

func panicOf(t *testing.T, f func()) (text string) {
	t.Helper()
	defer func() { text = fmt.Sprint(recover()) }()
	f()
	return ""
}

func TestARegisteredComponentIsFoundByName(t *testing.T) {
	p := testPoint()
	if !p.Register(newTestAdapter, "b") || !p.Register(newTestAdapter, "a") {
		t.Error("Register returned false")
	}
	if got, want := p.Names(), []string{"a", "b"}; !slices.Equal(got, want) {
		t.Errorf("names %q, want %q", got, want)
	}
	if f, ok := p.Lookup("a"); !ok || f == nil {
		t.Error("a is not found")
	}
	if f, ok := p.Lookup("c"); ok || f != nil {
		t.Error("c is found")
	}
	if n := len(p.Select([]string{"b", "c", "a", "b"})); n != 3 {
		t.Errorf("%d selected, want 3", n)
	}
	if got, want := p.Package("a"), here; got != want {
		t.Errorf("package %q, want %q", got, want)
	}
	if got := p.Package("c"); got != "" {
		t.Errorf("package of what is not registered: %q", got)
	}
	all := p.All()
	delete(all, "a")
	if len(p.All()) != 2 {
		t.Error("All is not a copy")
	}
	if !p.Unregister("a") || p.Unregister("a") {
		t.Error("Unregister: want true, then false")
	}
	if got := p.Type(); got != "AdapterFactory" {
		t.Errorf("type %q", got)
	}
}

func TestASecondRegistrationPanicsAndNamesBothPackages(t *testing.T) {
	p := testPoint()
	p.register(newTestAdapter, "kafka", "example.com/first")
	got := panicOf(t, func() { p.Register(newTestAdapter, "kafka") })
	if want := `AdapterFactory "kafka" is registered twice: by example.com/first and by ` + here; got != want {
		t.Errorf("panic %q, want %q", got, want)
	}
	if p.Package("kafka") != "example.com/first" || !p.Unregister("kafka") {
		t.Error("the first registration did not stay, or the extension point is blocked")
	}
}

func TestNothingIsNotRegistered(t *testing.T) {
	p := testPoint()
	if got, want := panicOf(t, func() { p.Register(nil, "x") }), `AdapterFactory "x" is registered as nil by `+here; got != want {
		t.Errorf("panic %q, want %q", got, want)
	}
	jobs := newExtensionPoint[Job]("Job")
	if got, want := panicOf(t, func() { jobs.Register(nil, "x") }), `Job "x" is registered as nil by `+here; got != want {
		t.Errorf("panic %q, want %q", got, want)
	}
}

type testJob struct{}

func (testJob) Name() string                     { return "test" }
func (testJob) Setup(context.Context, Env) error { return nil }
func (testJob) Run(context.Context) error        { return nil }

// adapter is a method of a factory's signature.
func (testJob) adapter(Env, *Route) (Adapter, error) { return nil, nil }

func TestAnEmptyNameIsTheComponentsOwn(t *testing.T) {
	p, jobs := testPoint(), newExtensionPoint[Job]("Job")
	p.Register(newTestAdapter, "")
	p.Register(testJob{}.adapter, "")
	if got, want := p.Names(), []string{"adapter", "newTestAdapter"}; !slices.Equal(got, want) {
		t.Errorf("names %q, want %q", got, want)
	}
	jobs.Register(testJob{}, "")
	if !jobs.Unregister("testJob") {
		t.Errorf("names %q, want testJob", jobs.Names())
	}
	jobs.Register((*testJob)(nil), "")
	if got, want := jobs.Names(), []string{"testJob"}; !slices.Equal(got, want) {
		t.Errorf("names %q, want %q", got, want)
	}
	literal := func(Env, *Route) (Adapter, error) { return nil, nil }
	if got := panicOf(t, func() { p.Register(literal, "") }); !strings.HasPrefix(got, "AdapterFactory is registered without a name by "+here) {
		t.Errorf("panic %q", got)
	}
	if got := panicOf(t, func() { jobs.Register(struct{ testJob }{}, "") }); !strings.HasPrefix(got, "Job is registered without a name by "+here) {
		t.Errorf("panic %q", got)
	}
}

func TestRegisterExtensionRegistersWhereverTheComponentFits(t *testing.T) {
	const name = "core/extpoints_test"
	t.Cleanup(func() { UnregisterExtension(name) })
	if got, want := RegisterExtension(testJob{}, name), []string{"Job"}; !slices.Equal(got, want) {
		t.Errorf("registered as %q, want %q", got, want)
	}
	if got, want := RegisterExtension(newTestAdapter, name), []string{"AdapterFactory"}; !slices.Equal(got, want) {
		t.Errorf("registered as %q, want %q", got, want)
	}
	if got := Jobs.Package(name); got != here {
		t.Errorf("package %q, want %q", got, here)
	}
	if got := RegisterExtension(42, name); got != nil {
		t.Errorf("a number is registered as %q", got)
	}
	if got := RegisterExtension(nil, name); got != nil {
		t.Errorf("nil is registered as %q", got)
	}
	if got, want := UnregisterExtension(name), []string{"AdapterFactory", "Job"}; !slices.Equal(got, want) {
		t.Errorf("unregistered %q, want %q", got, want)
	}
}

func TestAnExtensionPointServesManyGoroutines(t *testing.T) {
	p := testPoint()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			name := strconv.Itoa(i)
			for range 100 {
				p.Register(newTestAdapter, name)
				if _, ok := p.Lookup(name); !ok || !slices.Contains(p.Names(), name) || p.Package(name) != here || len(p.Select([]string{name})) != 1 || p.All()[name] == nil {
					t.Errorf("%s is not there", name)
				}
				p.Unregister(name)
			}
		})
	}
	wg.Wait()
}
