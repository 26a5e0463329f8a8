package contract

import (
	"strings"
	"testing"

	"golang.org/x/mod/module"

	"github.com/gliderlabs/logspout-builder/generator/manifest"
	"github.com/gliderlabs/logspout-builder/generator/packed"
)

func TestModuleUsesTheCoreOfThisBuilder(t *testing.T) {
	core := &packed.Core{Module: packed.Module{Version: module.Version{Path: manifest.CorePath, Version: "v0.1.1-0.00010101000000-0123456789ab"}}}
	const replaced = "replace github.com/gliderlabs/logspout-builder => github.com/gliderlabs/logspout-builder v0.1.1-0.00010101000000-0123456789ab"
	for name, c := range map[string]struct{ before, want string }{
		"one that does not know the core": {"module example.com/m\n\ngo 1.26\n", "require github.com/gliderlabs/logspout-builder v0.1.0\n\n" + useCoreComment + "\n" + replaced + "\n"},
		"one that asks for a release":     {"module example.com/m\n\nrequire github.com/gliderlabs/logspout-builder v0.3.0\n", "v0.3.0\n\n" + useCoreComment + "\n" + replaced + "\n"},
		"one that another builder made":   {"module example.com/m\n\n// mine\nreplace github.com/gliderlabs/logspout-builder => github.com/gliderlabs/logspout-builder v0.1.1-0.00010101000000-ffffffffffff\n", "// mine\n" + replaced + "\n"},
		"one with a core in a directory":  {"module example.com/m\n\nreplace github.com/gliderlabs/logspout-builder => ../..\n", ""},
	} {
		after, err := usingCore("go.mod", []byte(c.before), core)
		if err != nil {
			t.Fatal(err)
		}
		if c.want == "" && after != nil || !strings.Contains(string(after), c.want) {
			t.Errorf("%s becomes\n%s\nwant in it\n%s", name, after, c.want)
		}
		if c.want == "" {
			continue
		}
		if again, err := usingCore("go.mod", after, core); err != nil || string(again) != string(after) {
			t.Errorf("%s: the second time it becomes\n%s\nafter\n%s (%v)", name, again, after, err)
		}
	}
}
