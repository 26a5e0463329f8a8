package lock

import (
	"runtime/debug"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gliderlabs/logspout-builder/generator/manifest"
)

// builtFrom is what a binary of full() says of itself.
func builtFrom() *debug.BuildInfo {
	return &debug.BuildInfo{
		Path: "logspout", GoVersion: "go1.26.8 X:jsonv2",
		Deps: []*debug.Module{
			{Path: "example.com/a", Version: "v1.2.3", Sum: sumA},
			{Path: "example.com/b", Version: "v0.0.0", Replace: &debug.Module{Path: "example.com/b", Version: "v0.0.0-1", Sum: sumB}},
			{Path: "example.com/x", Version: "v1.0.0", Replace: &debug.Module{Path: "example.com/fork", Version: "v0.0.0-20260101000000-0123456789ab", Sum: sumA}},
			{Path: "example.com/y", Version: "v2.0.0+incompatible", Replace: &debug.Module{Path: "example.com/y", Version: "v0.0.0-1", Sum: sumB}},
			{Path: manifest.CorePath, Version: "v0.1.1-0.00010101000000-0123456789ab", Sum: sumA},
		},
		Settings: []debug.BuildSetting{{Key: "CGO_ENABLED", Value: "0"}, {Key: "-trimpath", Value: "true"}},
	}
}

func TestABinaryOfTheLockHasNoDifferences(t *testing.T) {
	differences, unverified := full().VerifyBinary(builtFrom())
	if len(differences) > 0 {
		t.Errorf("it differs: %v", differences)
	}
	if d := cmp.Diff([]string{"example.com/b", "example.com/y"}, unverified); d != "" {
		t.Errorf("unverified: %s", d)
	}
}

func TestAllDifferencesOfABinaryAreTold(t *testing.T) {
	info := builtFrom()
	info.GoVersion = "go1.25.0"
	info.Path = "example.com/other"
	info.Deps[0].Version = "v1.2.4"
	info.Deps[2].Replace = nil
	info.Deps[4].Path = "example.com/new"
	info.Settings = []debug.BuildSetting{{Key: "CGO_ENABLED", Value: "1"}}
	got, _ := full().VerifyBinary(info)
	want := []Difference{
		{"-trimpath", "true", ""},
		{"CGO_ENABLED", "0", "1"},
		{"example.com/a", "v1.2.3 " + sumA, "v1.2.4 " + sumA},
		{"example.com/new", "", "v0.1.1-0.00010101000000-0123456789ab " + sumA},
		{"example.com/x", "v1.0.0 => example.com/fork v0.0.0-20260101000000-0123456789ab " + sumA, "v1.0.0"},
		{manifest.CorePath, "v0.1.1-0.00010101000000-0123456789ab " + sumA, ""},
		{"go", "go1.26.8", "go1.25.0"},
		{"main package", "logspout", "example.com/other"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if s := got[3].String(); s != "example.com/new: the lock has nothing, the binary v0.1.1-0.00010101000000-0123456789ab "+sumA {
		t.Error(s)
	}
}

func TestAnotherSumOfTheSameVersionIsADifference(t *testing.T) {
	info := builtFrom()
	info.Deps[0].Sum = sumB
	info.Deps[4].Sum = sumB
	if got, _ := full().VerifyBinary(info); len(got) != 2 {
		t.Errorf("got %v", got)
	}
}
