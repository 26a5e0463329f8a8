package manifest

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// specs makes modules of specs, as if each stood in a line of its own.
func specs(tb testing.TB, reg *Registry, list string) []Module {
	tb.Helper()
	var modules []Module
	for i, spec := range strings.Fields(list) {
		m, err := ParseModule(spec, Pos{File: "m", Line: i + 1, Col: 1}, reg)
		if err != nil {
			tb.Fatal(err)
		}
		modules = append(modules, m)
	}
	return modules
}

func written(modules []Module) string {
	var list []string
	for _, m := range modules {
		list = append(list, m.String())
	}
	return strings.Join(list, " ")
}

func TestModuleSpecs(t *testing.T) {
	reg := registryOf(t)
	at := Pos{File: "--with"}
	for spec, want := range map[string]Module{
		"kafka":                            {Name: "kafka", Pos: at},
		"standard":                         {Name: StandardName, Pos: at},
		"redis@v1.5.0":                     {Name: "redis", Version: "v1.5.0", Pos: at},
		"redis@v1.5.0=./redis":             {Name: "redis", Version: "v1.5.0", Dir: "./redis", Pos: at},
		"redis=../a=b@c":                   {Name: "redis", Dir: "../a=b@c", Pos: at},
		"example.com/you/gelf":             {Package: "example.com/you/gelf", Pos: at},
		"example.com/you/gelf@feature/x":   {Package: "example.com/you/gelf", Version: "feature/x", Pos: at},
		"example.com/you/gelf=.":           {Package: "example.com/you/gelf", Dir: ".", Pos: at},
		"example.com/you/gelf@v0.1=/abs":   {Package: "example.com/you/gelf", Version: "v0.1", Dir: "/abs", Pos: at},
		"example.com/modules/redis@v1":     {Name: "redis", Version: "v1", Pos: at},
		CorePath + "/modules/adapters/raw": {Name: "raw", Pos: at},
	} {
		if got, err := ParseModule(spec, at, reg); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v", spec, got, err)
		}
	}
	for spec, want := range map[string]string{
		"kafak":        `--with: unknown module "kafak" (the registry has: docker, kafka, raw, redis, tcp, valkey); did you mean "kafka"?`,
		"redis@1.2.3":  `--with: version "1.2.3": want v1.2.3, latest, a branch, a tag or a commit; did you mean "v1.2.3"?`,
		"redis=plugin": `--with: directory "plugin": want one that begins with ./, ../ or /; did you mean "./plugin"?`,
		"./redis":      `--with: "./redis" is a directory: write the import path of its package before it, such as example.com/you/module=./redis`,
	} {
		if _, err := ParseModule(spec, at, reg); err == nil || err.Error() != want {
			t.Errorf("%s: %v", spec, err)
		}
	}
}

func TestAddedModuleTakesThePlaceOfTheOneThatIsThere(t *testing.T) {
	reg := registryOf(t)
	for _, row := range []struct{ have, add, want string }{
		{"standard", "kafka", "standard kafka"},
		{"standard kafka", "kafka", "standard kafka"},
		{"standard", "standard", "standard"},
		{"redis@v1.4.0 kafka", "redis@v1.5.0", "redis@v1.5.0 kafka"},
		{"redis@v1.4.0 kafka", "example.com/modules/redis=./r", "redis=./r kafka"},
		{"example.com/a/b@v1.0.0", "example.com/a/b", "example.com/a/b"},
		{"example.com/a/b", "example.com/a/c", "example.com/a/b example.com/a/c"},
	} {
		m := Manifest{Modules: specs(t, reg, row.have)}
		m.Add(specs(t, reg, row.add)[0])
		if got := written(m.Modules); got != row.want {
			t.Errorf("%s and %s make %s, want %s", row.have, row.add, got, row.want)
		}
	}
}

func TestRemovedModuleIsOut(t *testing.T) {
	reg := registryOf(t)
	for _, row := range []struct{ have, remove, want string }{
		{"standard kafka", "kafka", "standard"},
		{"standard kafka", "raw", "docker tcp kafka"},
		{"kafka standard raw", "raw", "kafka docker tcp"},
		{"raw standard", "tcp", "raw docker"},
		{"standard kafka", "standard", "kafka"},
		{"standard kafka", CorePath + "/modules/adapters/raw", "docker tcp kafka"},
		{"example.com/a/b@v1.0.0 raw", "example.com/a/b", "raw"},
		{"redis@v1.0.0 raw", "example.com/modules/redis", "raw"},
	} {
		m := Manifest{Modules: specs(t, reg, row.have)}
		if err := m.Remove(row.remove, reg); err != nil || written(m.Modules) != row.want {
			t.Errorf("%s without %s is %s, %v; want %s", row.have, row.remove, written(m.Modules), err, row.want)
		}
	}
}

func TestRemovingWhatIsNotInIsAnErrorWithTheNearestMatch(t *testing.T) {
	reg := registryOf(t)
	for _, row := range []struct{ have, remove, want string }{
		{"standard kafka", "kafak", `module "kafak" is not in (there is: docker, kafka, raw, standard, tcp); did you mean "kafka"?`},
		{"raw", "kafka", `module "kafka" is not in (there is: raw)`},
		{"raw", "tcp", `module "tcp" is not in (there is: raw)`},
		{"", "raw", `module "raw" is not in (there is: nothing)`},
	} {
		m := Manifest{Modules: specs(t, reg, row.have)}
		if err := m.Remove(row.remove, reg); err == nil || err.Error() != row.want || written(m.Modules) != row.have {
			t.Errorf("%s without %s: %v, left %s", row.have, row.remove, err, written(m.Modules))
		}
	}
}

func TestExpansionIsSortedAndHoldsEachPackageOnce(t *testing.T) {
	reg := registryOf(t)
	const bundledModules = CorePath + "/modules/"
	for _, row := range []struct{ have, want string }{
		{"standard", bundledModules + "adapters/raw:1 " + bundledModules + "routers/docker:1 " + bundledModules + "transports/tcp:1"},
		{"standard raw", bundledModules + "adapters/raw:2 " + bundledModules + "routers/docker:1 " + bundledModules + "transports/tcp:1"},
		{"raw raw", bundledModules + "adapters/raw:1"},
		{"redis", "example.com/modules/redis@v1.4.0:1"},
		{"redis@latest", "example.com/modules/redis@latest:1"},
		{"redis=./r", "example.com/modules/redis=./r:1"},
		{"valkey example.com/a/b=./b", "example.com/a/b=./b:2 example.com/modules/valkey:1"},
	} {
		packages, err := (&Manifest{Modules: specs(t, reg, row.have)}).Expand(reg)
		var got []string
		for _, p := range packages {
			got = append(got, Module{Package: p.Path, Version: p.Version, Dir: p.Dir}.String()+":"+strings.Split(p.Pos.String(), ":")[1])
			if e, known := reg.ByPackage(p.Path); known != (p.Entry != nil) || known && p.Entry.Name != e.Name {
				t.Errorf("%s: entry %+v", p.Path, p.Entry)
			}
		}
		if err != nil || strings.Join(got, " ") != row.want {
			t.Errorf("%s: %s, %v", row.have, got, err)
		}
	}
}

func TestWhatCannotBeExpandedIsReportedAllAtOnce(t *testing.T) {
	reg := registryOf(t)
	m := Manifest{File: "m", Modules: append(specs(t, reg, "redis valkey example.com/a/b@v1.0.0 example.com/a/b@v2.0.0"), Module{Name: "nothing", Pos: Pos{File: "m", Line: 9, Col: 1}})}
	const want = `m:2:1: "redis" and "valkey" both register AdapterFactory "redis": leave one of them out, or give one another name (rename:)
m:4:1: module "example.com/a/b" is wanted in two ways: keep one of them
m:9:1: unknown module "nothing" (the registry has: docker, kafka, raw, redis, tcp, valkey); a module from elsewhere is named by its package path, such as example.com/you/module`
	if _, err := m.Expand(reg); err == nil || err.Error() != want {
		t.Errorf("%v", err)
	}
	if _, err := (&Manifest{File: "m"}).Expand(reg); err == nil || err.Error() != "m: no modules are left, and a binary without modules does nothing" {
		t.Errorf("%v", err)
	}
}

func TestExpansionIsTheSameInWhateverOrder(t *testing.T) {
	reg := registryOf(t)
	known := []string{"standard", "raw", "tcp", "docker", "kafka", "redis", "redis@v1.0.0", "redis=./r", "valkey", "example.com/a/b", "example.com/a/b@v1.0.0", "example.com/a/c=./c", "example.com/a"}
	rapid.Check(t, func(rt *rapid.T) {
		list := rapid.SliceOf(rapid.SampledFrom(known)).Draw(rt, "modules")
		m := Manifest{Modules: specs(t, reg, strings.Join(list, " "))}
		if rapid.Bool().Draw(rt, "flags") { // without places, as from a command line
			for i := range m.Modules {
				m.Modules[i].Pos = Pos{File: "--with"}
			}
		}
		want, wantError := m.Expand(reg)
		if !slices.IsSortedFunc(want, func(a, b Package) int { return strings.Compare(a.Path, b.Path) }) {
			rt.Fatalf("not sorted: %v", want)
		}
		seed := rapid.Uint64().Draw(rt, "order")
		rand.New(rand.NewPCG(seed, 0)).Shuffle(len(m.Modules), func(i, j int) { m.Modules[i], m.Modules[j] = m.Modules[j], m.Modules[i] })
		got, gotError := m.Expand(reg)
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			rt.Fatal(diff)
		}
		if (wantError == nil) != (gotError == nil) || wantError != nil && wantError.Error() != gotError.Error() {
			rt.Fatalf("%v, else %v", wantError, gotError)
		}
	})
}

func TestAddAndRemoveLeaveWhatExpandTakes(t *testing.T) {
	reg := registryOf(t)
	rapid.Check(t, func(rt *rapid.T) {
		m := Default()
		in := map[string]bool{"raw": true, "tcp": true, "docker": true} // the model: what the user has asked for
		for range rapid.IntRange(0, 12).Draw(rt, "steps") {
			name := rapid.SampledFrom([]string{"raw", "tcp", "docker", "kafka", "redis"}).Draw(rt, "name")
			if rapid.Bool().Draw(rt, "add") {
				m.Add(Module{Name: name})
				in[name] = true
				continue
			}
			if err := m.Remove(name, reg); (err == nil) != in[name] {
				rt.Fatalf("remove %s, in %v: %v", name, in[name], err)
			}
			in[name] = false
		}
		var want, got []string
		for name, is := range in {
			if is {
				want = append(want, name)
			}
		}
		packages, err := m.Expand(reg)
		if (err != nil) != (len(want) == 0) {
			rt.Fatalf("%v: %v", want, err)
		}
		for _, p := range packages {
			got = append(got, p.ID())
		}
		slices.Sort(want)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			rt.Fatal(diff)
		}
	})
}
