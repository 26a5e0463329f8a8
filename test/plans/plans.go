// Package plans makes plans of the real core and the real registry, for tests of the builder.
package plans

import (
	"testing"

	assets "github.com/gliderlabs/logspout-builder"
	"github.com/gliderlabs/logspout-builder/generator/manifest"
	"github.com/gliderlabs/logspout-builder/generator/packed"
	"github.com/gliderlabs/logspout-builder/generator/plan"
)

// Core is the core that the builder carries.
func Core(tb testing.TB) *packed.Core {
	tb.Helper()
	bundled, err := packed.LoadBundled()
	if err != nil {
		tb.Fatal(err)
	}
	core, err := packed.NewCore(assets.Files, bundled)
	if err != nil {
		tb.Fatal(err)
	}
	return core
}

// Registry is the builder's own.
func Registry(tb testing.TB) *manifest.Registry {
	tb.Helper()
	data, err := assets.Files.ReadFile("registry.json")
	if err != nil {
		tb.Fatal(err)
	}
	registry, err := manifest.ParseRegistry(data)
	if err != nil {
		tb.Fatal(err)
	}
	return registry
}

// Of is the plan of a manifest.
func Of(tb testing.TB, m *manifest.Manifest) *plan.Plan {
	tb.Helper()
	p, err := plan.New(m, Registry(tb), Core(tb))
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// Everything is a manifest that says something of all that a plan has, packages from elsewhere included.
func Everything() *manifest.Manifest {
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
