package plan_test

import (
	"strings"
	"testing"

	"github.com/gliderlabs/logspout-builder/generator/manifest"
	"github.com/gliderlabs/logspout-builder/test/plans"
)

func TestEverythingThatAPlanSaysChangesItsDigest(t *testing.T) {
	want := plans.Of(t, plans.Everything()).Digest()
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
		m := plans.Everything()
		change(m)
		if plans.Of(t, m).Digest() == want {
			t.Errorf("another %s leaves the digest as it was", name)
		}
	}
}

func TestABundledPlanRequiresWhatItsPackagesNeed(t *testing.T) {
	core := plans.Core(t)
	requires := func(modules ...string) string {
		m := manifest.Default()
		m.Modules = nil
		for _, name := range modules {
			m.Modules = append(m.Modules, manifest.Module{Name: name})
		}
		list, err := plans.Of(t, m).Compose(core)
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
