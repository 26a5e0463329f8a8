package buildlist

import (
	"testing"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
)

func TestBuildListSaysWhatTakesAModulesPlace(t *testing.T) {
	require := func(path, version string) *modfile.Require {
		return &modfile.Require{Mod: module.Version{Path: path, Version: version}}
	}
	list, err := Compose("logspout", "1.26.0", []*modfile.Require{require("example.com/b", "v1.0.0"), require("example.com/a", "v1.0.0")},
		[]Replacement{{From: "example.com/b", To: module.Version{Path: "example.com/fork", Version: "v1.1.0"}}},
		[]string{"example.com/fork v1.1.0 h1:f=", "example.com/a v1.0.0 h1:a=", "example.com/a v1.0.0 h1:a=", "example.com/a v1.0.0/go.mod h1:m="})
	if err != nil {
		t.Fatal(err)
	}
	const sums = "example.com/a v1.0.0 h1:a=\nexample.com/a v1.0.0/go.mod h1:m=\nexample.com/fork v1.1.0 h1:f=\n"
	if string(list.GoSum) != sums {
		t.Errorf("go.sum is\n%swant\n%s", list.GoSum, sums)
	}
	versions, err := list.Versions()
	if err != nil {
		t.Fatal(err)
	}
	fork := module.Version{Path: "example.com/fork", Version: "v1.1.0"}
	if versions["example.com/b"] != fork || versions["example.com/a"].Version != "v1.0.0" || len(versions) != 2 {
		t.Errorf("versions are %v", versions)
	}
	if got := list.Sum(fork); got != "h1:f=" {
		t.Errorf("the sum of %s is %q", fork, got)
	}
	info, err := list.BuildInfo()
	if err != nil {
		t.Fatal(err)
	}
	if info.Path != "logspout" || len(info.Deps) != 2 || info.Deps[0].Sum != "h1:a=" || info.Deps[1].Replace == nil || info.Deps[1].Replace.Sum != "h1:f=" || info.Deps[1].Sum != "" {
		t.Errorf("the binary would say %s", info)
	}
}
