package generator

import (
	"encoding/json"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/gliderlabs/logspout-builder/generator/gotool"
	"github.com/gliderlabs/logspout-builder/generator/manifest"
	"github.com/gliderlabs/logspout-builder/generator/packed"
	"github.com/gliderlabs/logspout-builder/generator/plan"
	"github.com/gliderlabs/logspout-builder/generator/source"
	"github.com/gliderlabs/logspout-builder/test/plans"
)

// verified is a project, and what a right binary of it would say.
func verified(t *testing.T) (*Project, *gotool.Tool, func() *debug.BuildInfo, func() binaryReport) {
	t.Helper()
	core := plans.Core(t)
	p := plans.Of(t, &manifest.Manifest{Name: "mylog", Modules: []manifest.Module{{Name: "kafka"}, {Name: "stdin"}}})
	list, err := p.Compose(core)
	if err != nil {
		t.Fatal(err)
	}
	x := &Project{Plan: p, List: list, made: source.Stamp{Project: "sha256:1"}}
	g := &gotool.Tool{Settings: gotool.Settings{GOOS: "linux", GOARCH: "amd64"}}
	var franz packed.BundledModule
	for _, m := range core.Bundled.Modules {
		if m.Path == "github.com/twmb/franz-go" {
			franz = m
		}
	}
	info := func() *debug.BuildInfo {
		return &debug.BuildInfo{
			Path: plan.ProjectPath,
			Deps: []*debug.Module{
				{Path: manifest.CorePath, Version: core.Version.Version, Sum: core.ZipSum},
				{Path: franz.Path, Version: franz.Version, Sum: franz.Sum},
			},
			Settings: []debug.BuildSetting{{Key: "CGO_ENABLED", Value: "0"}, {Key: "-trimpath", Value: "true"}, {Key: "GOOS", Value: "linux"}, {Key: "GOARCH", Value: "amd64"}},
		}
	}
	says := func() binaryReport {
		return binaryReport{
			Name: "mylog", Core: core.Version.Version, Digest: "sha256:1",
			Extensions: []plan.Extension{
				{Point: "AdapterFactory", Name: "kafka", Package: manifest.CorePath + "/modules/adapters/kafka"},
				{Point: "LogRouter", Name: "stdin", Package: manifest.CorePath + "/modules/routers/stdin"},
			},
		}
	}
	return x, g, info, says
}

func TestVerifyTakesTheBinaryOfThePlanAndNoOther(t *testing.T) {
	x, g, right, _ := verified(t)
	if err := x.verifyBuildInfo(right(), g); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*debug.BuildInfo){
		"main package is other": func(i *debug.BuildInfo) { i.Path = "other" },
		"example.com/x v1.0.0 is in it": func(i *debug.BuildInfo) {
			i.Deps = append(i.Deps, &debug.Module{Path: "example.com/x", Version: "v1.0.0"})
		},
		"franz-go v9.9.9, planned was": func(i *debug.BuildInfo) { i.Deps[1].Version = "v9.9.9" },
		"has sum h1:other in it":       func(i *debug.BuildInfo) { i.Deps[1].Sum = "h1:other" },
		"is in it at example.com/fork": func(i *debug.BuildInfo) {
			i.Deps[1].Replace = &debug.Module{Path: "example.com/fork", Version: "v1.0.0"}
		},
		"the core is not in it":    func(i *debug.BuildInfo) { i.Deps = i.Deps[1:] },
		"built with CGO_ENABLED=1": func(i *debug.BuildInfo) { i.Settings[0].Value = "1" },
		"built with -trimpath=,":   func(i *debug.BuildInfo) { i.Settings = append(i.Settings[:1:1], i.Settings[2:]...) },
		"built with GOARCH=arm64":  func(i *debug.BuildInfo) { i.Settings[3].Value = "arm64" },
	} {
		info := right()
		change(info)
		if err := x.verifyBuildInfo(info, g); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want it to say %q", err, want)
		}
	}
}

func TestVerifyTakesWhatThePlanSaysOfTheBinaryAndNothingElse(t *testing.T) {
	x, _, _, right := verified(t)
	check := func(says binaryReport) error {
		data, err := json.Marshal(says)
		if err != nil {
			t.Fatal(err)
		}
		return x.verifySelf(data)
	}
	if err := check(right()); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*binaryReport){
		`name is "logspout", planned was "mylog"`: func(r *binaryReport) { r.Name = "logspout" },
		`version is "2"`:       func(r *binaryReport) { r.Version = "2" },
		`core is "v0.0.0"`:     func(r *binaryReport) { r.Core = "v0.0.0" },
		`digest is "sha256:2"`: func(r *binaryReport) { r.Digest = "sha256:2" },
		`AdapterFactory "kafka" of github.com/gliderlabs/logspout-builder/modules/adapters/kafka is missing`: func(r *binaryReport) { r.Extensions = r.Extensions[1:] },
		`Job "x" of example.com/x is in the binary`: func(r *binaryReport) {
			r.Extensions = append(r.Extensions, plan.Extension{Point: "Job", Name: "x", Package: "example.com/x"})
		},
	} {
		says := right()
		change(&says)
		if err := check(says); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want it to say %q", err, want)
		}
	}
	if err := x.verifySelf([]byte("logspout 1.0")); err == nil {
		t.Error("what is no JSON is taken")
	}
}
