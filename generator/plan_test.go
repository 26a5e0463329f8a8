package generator

import (
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"maps"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	assets "github.com/gliderlabs/logspout-builder"
	"github.com/gliderlabs/logspout-builder/generator/manifest"
	"github.com/gliderlabs/logspout-builder/generator/packed"
)

func testCore(t *testing.T) *packed.Core {
	t.Helper()
	bundled, err := packed.LoadBundled()
	if err != nil {
		t.Fatal(err)
	}
	core, err := packed.NewCore(assets.Files, bundled)
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
