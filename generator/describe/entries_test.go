package describe

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gliderlabs/logspout-builder/generator/manifest"
	"github.com/gliderlabs/logspout-builder/generator/plan"
)

func TestEntriesThatClashAreBuiltApart(t *testing.T) {
	entry := func(name string, registers ...string) manifest.Entry {
		return manifest.Entry{Name: name, Registers: map[string][]string{"AdapterFactory": registers}}
	}
	var got [][]string
	for _, group := range apart([]manifest.Entry{entry("a", "x"), entry("b", "x", "y"), entry("c", "z"), entry("d", "y"), entry("e", "x")}) {
		var names []string
		for _, e := range group {
			names = append(names, e.Name)
		}
		got = append(got, names)
	}
	if diff := cmp.Diff([][]string{{"a", "c", "d"}, {"b"}, {"e"}}, got); diff != "" {
		t.Error(diff)
	}
}

func TestAnEntryIsMadeOfWhatWasFound(t *testing.T) {
	got := EntryOf(&Description{
		Name: "github.com/you/logspout-gelf/v2", Version: "v2.1.0",
		Modules:    []DescribedModule{{Path: "github.com/you/logspout-gelf/v2", License: "MIT"}, {Path: "github.com/you", License: "ISC"}},
		Extensions: []plan.Extension{{Point: "AdapterFactory", Name: "gelf", Package: "github.com/you/logspout-gelf/v2"}, {Point: "", Name: "", Package: "github.com/you/logspout-gelf/v2"}},
	})
	want := manifest.Entry{
		Name: "gelf", Package: "github.com/you/logspout-gelf/v2", Version: "v2.1.0", Summary: "gelf, a module of kind adapter", Options: []manifest.Option{},
		Registers: map[string][]string{"AdapterFactory": {"gelf"}}, Example: "gelf://host:port", License: "MIT",
		Home: "https://github.com/you/logspout-gelf/v2", Stability: "stable",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for version, want := range map[string]string{"v0.1.0": "beta", "v1.0.0": "stable", "v1.0.0-rc.1": "experimental", "v0.0.0-20260101000000-abcdefabcdef": "experimental"} {
		if got := stability(version); got != want {
			t.Errorf("%s is %s, want %s", version, got, want)
		}
	}
}
