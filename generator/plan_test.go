package generator

import (
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"

	assets "github.com/gliderlabs/logspout-builder"
	"github.com/gliderlabs/logspout-builder/generator/manifest"
)

func testCore(t *testing.T) *Core {
	t.Helper()
	bundled, err := LoadBundled()
	if err != nil {
		t.Fatal(err)
	}
	core, err := NewCore(assets.Files, bundled)
	if err != nil {
		t.Fatal(err)
	}
	return core
}

func testRegistry(t *testing.T) *manifest.Registry {
	t.Helper()
	data, err := assets.Files.ReadFile("registry.json")
	if err != nil {
		t.Fatal(err)
	}
	registry, err := manifest.ParseRegistry(data)
	if err != nil {
		t.Fatal(err)
	}
	return registry
}

func testPlan(t *testing.T, m *manifest.Manifest) *Plan {
	t.Helper()
	p, err := NewPlan(m, testRegistry(t), testCore(t))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func someManifest() *manifest.Manifest {
	return &manifest.Manifest{
		Name: "mylog", Version: "1.2.3",
		Modules: []manifest.Module{
			{Name: "stdin"},
			{Name: "health"},
			{Name: "kafka"},
			{Package: "example.com/b/adapter", Version: "v1.0.0"},
			{Package: "example.com/a", Version: "v2.0.0"},
		},
		Build:  manifest.Build{Tags: []string{"x", "a"}, LDFlags: `-X "main.x=a b"`},
		Env:    map[string]string{"B": "2\n\"`", "A": "1", "C": "ü\x00"},
		Routes: []manifest.Route{{URI: "raw+tcp://b:1"}, {URI: "kafka://a:9092/t"}},
	}
}

func TestSourceIsTheSameInAnyOrderOfTheManifest(t *testing.T) {
	want := testPlan(t, someManifest())
	wantSource, err := want.source(stamp{Project: "sha256:1"}, []renamed{{"example.com/a", "b", "c"}})
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		m := someManifest()
		rand.Shuffle(len(m.Modules), func(i, j int) { m.Modules[i], m.Modules[j] = m.Modules[j], m.Modules[i] })
		rand.Shuffle(len(m.Build.Tags), func(i, j int) { m.Build.Tags[i], m.Build.Tags[j] = m.Build.Tags[j], m.Build.Tags[i] })
		m.Env = maps.Clone(m.Env)
		got := testPlan(t, m)
		if got.Digest() != want.Digest() {
			t.Fatalf("digest differs for %+v", got)
		}
		source, err := got.source(stamp{Project: "sha256:1"}, []renamed{{"example.com/a", "b", "c"}})
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(source, wantSource) {
			t.Fatalf("source differs:\n%s\n%s", source["main.go"], wantSource["main.go"])
		}
	}
}

func TestEverythingThatAPlanSaysChangesItsDigest(t *testing.T) {
	want := testPlan(t, someManifest()).Digest()
	for name, change := range map[string]func(m *manifest.Manifest){
		"name":    func(m *manifest.Manifest) { m.Name = "other" },
		"version": func(m *manifest.Manifest) { m.Version = "1.2.4" },
		"modules": func(m *manifest.Manifest) { m.Modules = m.Modules[1:] },
		"query":   func(m *manifest.Manifest) { m.Modules[4].Version = "v2.0.1" },
		"replace": func(m *manifest.Manifest) {
			m.Replace = []manifest.Replace{{Module: "example.com/a", Path: "example.com/b", Version: "v1.0.0"}}
		},
		"tags":    func(m *manifest.Manifest) { m.Build.Tags = nil },
		"ldflags": func(m *manifest.Manifest) { m.Build.LDFlags = "" },
		"debug":   func(m *manifest.Manifest) { m.Build.Debug = true },
		"env":     func(m *manifest.Manifest) { m.Env["A"] = "2" },
		"routes":  func(m *manifest.Manifest) { m.Routes = m.Routes[:1] },
	} {
		m := someManifest()
		change(m)
		if testPlan(t, m).Digest() == want {
			t.Errorf("another %s leaves the digest as it was", name)
		}
	}
}

func TestSourceIsGeneratedGo(t *testing.T) {
	source, err := testPlan(t, someManifest()).source(stamp{Project: "sha256:1"}, []renamed{{"example.com/a", "b", "c"}})
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range source {
		f, err := parser.ParseFile(token.NewFileSet(), name, data, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		if !ast.IsGenerated(f) {
			t.Errorf("%s does not say that it is generated", name)
		}
		formatted, err := format.Source(data)
		if err != nil {
			t.Fatal(err)
		}
		if string(formatted) != string(data) {
			t.Errorf("%s is not as gofmt writes it", name)
		}
	}
}

func TestCoreHoldsWhatABuildNeedsAndNoMore(t *testing.T) {
	core := testCore(t)
	names := map[string]bool{}
	for _, f := range core.files {
		names[f.Path()] = true
		if strings.HasSuffix(f.Path(), "_test.go") || strings.Contains(f.Path(), "testdata") || strings.HasSuffix(f.Path(), ".md") ||
			strings.HasPrefix(f.Path(), "generator/") || strings.HasPrefix(f.Path(), "cmd/") {
			t.Errorf("the core holds %s", f.Path())
		}
	}
	for _, want := range []string{"go.mod", "LICENSE", "core/message.go", "core/agent/run.go", "modules/adapters/kafka/register.go"} {
		if !names[want] {
			t.Errorf("the core lacks %s", want)
		}
	}
	f, err := modfile.Parse("go.mod", core.goMod, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range f.Require {
		for _, builders := range []string{"spf13/cobra", "golang.org/x/tools", "jennifer", "kfake", "go-yaml", "testify"} {
			if strings.Contains(r.Mod.Path, builders) {
				t.Errorf("the core's go.mod requires %s, which is the builder's", r.Mod)
			}
		}
	}
}

func TestCoreVersionIsItsContent(t *testing.T) {
	a, b := testCore(t), testCore(t)
	if a.Version != b.Version || a.zipSum != b.zipSum {
		t.Errorf("the same content is %s and %s", a.Version, b.Version)
	}
	p, err := pack(CorePath, coreRelease, a.goMod, append(a.files[:0:0], memoryFile{"core/x.go", []byte("package core\n")}))
	if err != nil {
		t.Fatal(err)
	}
	if p.Version == a.Version {
		t.Errorf("other content is %s, too", p.Version)
	}
}

func TestABundledPlanRequiresWhatItsPackagesNeed(t *testing.T) {
	core := testCore(t)
	requires := func(modules ...string) string {
		m := manifest.Default()
		m.Modules = nil
		for _, name := range modules {
			m.Modules = append(m.Modules, manifest.Module{Name: name})
		}
		list, err := testPlan(t, m).compose(core)
		if err != nil {
			t.Fatal(err)
		}
		return string(list.GoMod) + string(list.GoSum)
	}
	if got := requires("stdin"); strings.Contains(got, "franz-go") {
		t.Errorf("stdin needs no Kafka client:\n%s", got)
	}
	if got := requires("stdin", "kafka"); !strings.Contains(got, "twmb/franz-go v") || !strings.Contains(got, "twmb/franz-go/pkg/kmsg v") {
		t.Errorf("kafka needs its client:\n%s", got)
	}
}

func TestLocalModuleIsItsContentWhereverItLies(t *testing.T) {
	write := func(files map[string]string) *packed {
		dir := t.TempDir()
		for name, text := range files {
			path := filepath.Join(dir, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		p, err := packDirectory(dir)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	files := map[string]string{"go.mod": "module example.com/x/v2\n\ngo 1.26\n", "x.go": "package x\n", "sub/y.go": "package sub\n"}
	first := write(files)
	if !strings.HasPrefix(first.Version.Version, "v2.0.0-") {
		t.Errorf("module of a /v2 path has version %s", first.Version.Version)
	}
	noise := maps.Clone(files)
	noise["x_test.go"], noise["sub/testdata/z.go"], noise["testdata/w"] = "package x\n", "broken", "w"
	noise["nested/go.mod"], noise["nested/n.go"] = "module example.com/nested\n", "package nested\n"
	noise["vendor/example.com/v/v.go"] = "package v\n"
	if got := write(noise); got.Version != first.Version {
		t.Errorf("tests, nested modules and vendored packages made another version: %s, %s", got.Version, first.Version)
	}
	changed := maps.Clone(files)
	changed["x.go"] = "package x // changed\n"
	if got := write(changed); got.Version == first.Version {
		t.Errorf("changed content is %s, too", got.Version)
	}
}
