package generator

import (
	"errors"
	"strings"
	"testing"

	"github.com/gliderlabs/logspout-builder/generator/gotool"
	"github.com/gliderlabs/logspout-builder/generator/lock"
	"github.com/gliderlabs/logspout-builder/generator/manifest"
	"github.com/gliderlabs/logspout-builder/test/plans"
)

func TestACompileErrorNamesModuleVersionPlaceAndWhatWorked(t *testing.T) {
	p := plans.Of(t, &manifest.Manifest{Name: "x", Modules: []manifest.Module{{Name: "kafka", Pos: manifest.Pos{File: "m.yaml", Line: 2, Col: 3}}}})
	list, err := p.Compose(plans.Core(t))
	if err != nil {
		t.Fatal(err)
	}
	b := &Builder{Lock: &lock.Lock{Modules: []lock.Module{{Path: "github.com/twmb/franz-go", Version: "v1.0.0"}}}}
	for _, stderr := range []string{
		"# github.com/twmb/franz-go/pkg/kgo\n/home/me/go/pkg/mod/github.com/twmb/franz-go@v1.22.2/pkg/kgo/client.go:12:3: undefined: x\n",
		"go: downloading a\n# github.com/twmb/franz-go/pkg/kgo\n..\\pkg\\kgo\\client.go:12:3: undefined: x\n",
	} {
		got := b.blameCompile(&Project{Plan: p, List: list}, &gotool.Error{Args: []string{"build"}, Stderr: stderr, Err: errors.New("exit status 1")}).Error()
		for _, want := range []string{
			"package github.com/twmb/franz-go/pkg/kgo of github.com/twmb/franz-go v1.22.2 does not compile: client.go:12:3: undefined: x\n",
			"\nnext: the lock has v1.0.0, which was built before: ask for github.com/twmb/franz-go@v1.0.0",
		} {
			if !strings.Contains(got, want) {
				t.Errorf("%s\nis told as\n%s\nwithout %s", stderr, got, want)
			}
		}
	}
}
