package source_test

import (
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"maps"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/gliderlabs/logspout-builder/generator/plan"
	"github.com/gliderlabs/logspout-builder/generator/source"
	"github.com/gliderlabs/logspout-builder/test/plans"
)

func TestSourceIsTheSameInAnyOrderOfTheManifest(t *testing.T) {
	want := plans.Of(t, plans.Everything())
	wantSource, err := source.Project(want, source.Stamp{Project: "sha256:1"}, []plan.Renamed{{Package: "example.com/a", Name: "b", NewName: "c"}})
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		m := plans.Everything()
		rand.Shuffle(len(m.Modules), func(i, j int) { m.Modules[i], m.Modules[j] = m.Modules[j], m.Modules[i] })
		rand.Shuffle(len(m.Build.Tags), func(i, j int) { m.Build.Tags[i], m.Build.Tags[j] = m.Build.Tags[j], m.Build.Tags[i] })
		m.Env = maps.Clone(m.Env)
		got := plans.Of(t, m)
		if got.Digest() != want.Digest() {
			t.Fatalf("digest differs for %+v", got)
		}
		files, err := source.Project(got, source.Stamp{Project: "sha256:1"}, []plan.Renamed{{Package: "example.com/a", Name: "b", NewName: "c"}})
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(files, wantSource) {
			t.Fatalf("source differs:\n%s\n%s", files["main.go"], wantSource["main.go"])
		}
	}
}

func TestSourceIsGeneratedGo(t *testing.T) {
	files, err := source.Project(plans.Of(t, plans.Everything()), source.Stamp{Project: "sha256:1"}, []plan.Renamed{{Package: "example.com/a", Name: "b", NewName: "c"}})
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range files {
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
