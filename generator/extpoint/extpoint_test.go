package extpoint

import (
	"bytes"
	"go/ast"
	"go/format"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

// files are those of a txtar archive.
func files(archive string) []File {
	var out []File
	for _, f := range txtar.Parse([]byte(archive)).Files {
		out = append(out, File{f.Name, f.Data})
	}
	return out
}

func generate(t *testing.T, archive string, wanted ...string) []byte {
	t.Helper()
	source, err := Generate(files(archive), DefaultOutput, wanted)
	if err != nil {
		t.Fatal(err)
	}
	return source
}

func points(t *testing.T, source []byte) map[string]string {
	t.Helper()
	p, err := Points(source)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// check type-checks a package together with its generated file.
func check(t *testing.T, archive string, source []byte) {
	t.Helper()
	fset := token.NewFileSet()
	var parsed []*ast.File
	for _, f := range append(files(archive), File{DefaultOutput, source}) {
		if !strings.HasSuffix(f.Name, ".go") || strings.HasSuffix(f.Name, "_test.go") && bytes.Contains(f.Source, []byte("_test\n")) {
			continue
		}
		file, err := parser.ParseFile(fset, f.Name, f.Source, parser.SkipObjectResolution)
		if err != nil {
			t.Fatalf("%v\n%s", err, f.Source)
		}
		parsed = append(parsed, file)
	}
	config := types.Config{Importer: importer.Default(), Error: func(err error) { t.Error(err) }}
	if _, err := config.Check("p", fset, parsed, nil); err != nil {
		t.Logf("generated:\n%s", source)
	}
}

func TestEveryExportedInterfaceAndFunctionTypeIsAnExtensionPoint(t *testing.T) {
	const archive = `
-- b.go --
package p

type (
	Sink   interface{ Write(string) error }
	Filter func(string) bool
	Box    = interface{ Open() }
)

type helper interface{ help() }
type Config struct{}
type Level int
type Number interface{ ~int | ~float64 }
type Ordered interface{ Number }
type Store[T any] interface{ Get() T }
type Policy Sink
-- a.go --
package p

type Adapter interface {
	Sink
	Close()
}

func local() { type Inner interface{ Do() } }
`
	source := generate(t, archive)
	want := map[string]string{"Adapters": "Adapter", "Boxes": "Box", "Filters": "Filter", "Policies": "Policy", "Sinks": "Sink"}
	if diff := cmp.Diff(want, points(t, source)); diff != "" {
		t.Error(diff)
	}
	check(t, archive, source)
}

func TestAPackageMainHasExtensionPointsOfUnexportedTypesToo(t *testing.T) {
	const archive = `
-- main.go --
package main

type command interface{ Run() }

func main() {}
`
	source := generate(t, archive)
	if diff := cmp.Diff(map[string]string{"commands": "command"}, points(t, source)); diff != "" {
		t.Error(diff)
	}
	check(t, archive, source)
}

func TestNamedTypesOnly(t *testing.T) {
	const archive = `
-- p.go --
package p

import "net/http"

type A interface{ F() }
type b func()
type C interface{ F() }
type Handler http.Handler
`
	source := generate(t, archive, "b", "Handler", "C=AllOfC")
	if diff := cmp.Diff(map[string]string{"AllOfC": "C", "Handlers": "Handler", "bs": "b"}, points(t, source)); diff != "" {
		t.Error(diff)
	}
	check(t, archive, source)
}

func TestPluralEqualToSingularGetsAnotherName(t *testing.T) {
	const archive = `
-- p.go --
package p

type Series interface{ Next() }
type RawData func()
`
	source := generate(t, archive)
	if diff := cmp.Diff(map[string]string{"SeriesExtensions": "Series", "RawDataExtensions": "RawData"}, points(t, source)); diff != "" {
		t.Error(diff)
	}
	check(t, archive, source)
}

func TestPlural(t *testing.T) {
	for singular, want := range map[string]string{
		"AdapterFactory": "AdapterFactories", "Policy": "Policies", "Box": "Boxes", "HTTPHandler": "HTTPHandlers", "Job": "Jobs", "LogRouter": "LogRouters",
		"AdapterTransport": "AdapterTransports", "Processor": "Processors", "Process": "Processes", "Match": "Matches", "Hash": "Hashes", "Key": "Keys",
		"Status": "Statuses", "Analysis": "Analyses", "BuildIndex": "BuildIndices", "Person": "People", "Human": "Humans", "Foreman": "Foremans", "FireMan": "FireMen",
		"URL": "URLs", "API": "APIs", "Y": "Ys", "job": "jobs", "child": "children", "Überprüfung": "Überprüfungs", "Buzz": "Buzzes", "Quiz": "Quizzes",
	} {
		if got := plural(singular); got != want {
			t.Errorf("plural of %s is %s, want %s", singular, got, want)
		}
	}
}

func TestOutputIsFormattedAndMarkedAsGenerated(t *testing.T) {
	source := generate(t, "-- p.go --\npackage p\n\ntype Sink interface{}\n")
	formatted, err := format.Source(source)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(formatted, source) {
		t.Errorf("not as gofmt formats it:\n%s", cmp.Diff(string(formatted), string(source)))
	}
	f, err := parser.ParseFile(token.NewFileSet(), DefaultOutput, source, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	if !ast.IsGenerated(f) || !IsOutput(source) {
		t.Errorf("not recognised as generated: %.80s", source)
	}
	for _, decl := range f.Decls {
		if fn, ok := decl.(*ast.FuncDecl); ok && fn.Name.IsExported() && !strings.HasPrefix(fn.Doc.Text(), fn.Name.Name+" ") {
			t.Errorf("%s has no doc comment that starts with its name", fn.Name.Name)
		}
	}
}

func TestSameBytesInAnyOrderOfFilesAndTypes(t *testing.T) {
	archive := files(`
-- a.go --
package p

type C interface{}
type A interface{}
-- z.go --
package p

type B interface{}
`)
	wanted := []string{"A", "B", "C"}
	first, err := Generate(archive, DefaultOutput, wanted)
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		rand.Shuffle(len(archive), func(i, j int) { archive[i], archive[j] = archive[j], archive[i] })
		rand.Shuffle(len(wanted), func(i, j int) { wanted[i], wanted[j] = wanted[j], wanted[i] })
		again, err := Generate(archive, DefaultOutput, wanted)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(first, again) {
			t.Fatal(cmp.Diff(string(first), string(again)))
		}
	}
}

func TestWhatIsNoPartOfThePackageIsIgnored(t *testing.T) {
	const archive = `
-- p.go --
package p

type Sink interface{}
-- p_test.go --
package p

type TestSink interface{}
-- x_test.go --
package p_test

type RegisterExtension interface{}
-- broken_test.go --
this is no Go
-- gen.go --
//go:build ignore

package main

type Generator interface{}
-- doc.go --
package documentation
-- _draft.go --
package draft
-- .hidden.go --
package hidden
-- README.md --
# not Go
-- extpoints.go --
// Code generated by logspout-builder extpoints; DO NOT EDIT.

package p

type ExtensionPoint interface{}

var Sinks = 1
`
	source := generate(t, archive)
	if diff := cmp.Diff(map[string]string{"Sinks": "Sink"}, points(t, source)); diff != "" {
		t.Error(diff)
	}
	if !bytes.Contains(source, []byte("type ExtensionPoint[T any] struct")) {
		t.Error("the earlier output counts as a part of the package")
	}
}

func TestGeneratedNamesGiveWayToThePackagesOwn(t *testing.T) {
	const archive = `
-- p.go --
package p

import slices "fmt"

type T interface{}
type ExtensionPoint struct{}
type extension int
type extension2 int

var sync, fmt, name = 1, 2, slices.Sprint()

func strings() {}
-- q.go --
package p

import anyExtensionPoint "os"

var _ = anyExtensionPoint.Args
-- p_test.go --
package p

var callerPackage int
`
	source := generate(t, archive)
	check(t, archive, source)
	for _, want := range []string{"type ExtensionPoint2[T any] struct", "type extension3[T any] struct", "func callerPackage2()", `sync2 "sync"`, `fmt2 "fmt"`} {
		if !bytes.Contains(source, []byte(want)) {
			t.Errorf("no %q in\n%s", want, source)
		}
	}
}

func TestBuildConstraintsOfTheTypesAreKept(t *testing.T) {
	tests := map[string]struct{ archive, line string }{
		"none": {"-- a.go --\npackage p\ntype A interface{}\n", ""},
		"all of the package": {`
-- a.go --
//go:build linux || darwin

package p

type A interface{}
-- b.go --
//go:build linux || darwin

package p

type B interface{}
`, "//go:build linux || darwin"},
		"by file name":               {"-- a_linux_amd64.go --\npackage p\ntype A interface{}\n", "//go:build linux && amd64"},
		"a word that is no platform": {"-- a_gen.go --\npackage p\ntype A interface{}\n", ""},
		"declared everywhere after all": {`
-- a_linux.go --
package p

type A interface{ Linux() }
-- a_other.go --
//go:build !linux

package p

type A interface{ Other() }
`, ""},
		"a constrained file without types of ours": {"-- a.go --\npackage p\ntype A interface{}\n-- b_windows.go --\npackage p\ntype B struct{}\n", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			source := generate(t, test.archive)
			var line string
			for l := range strings.Lines(string(source)) {
				if strings.HasPrefix(l, "//go:build") {
					line = strings.TrimSpace(l)
				}
			}
			if line != test.line {
				t.Errorf("constraint %q, want %q", line, test.line)
			}
			if !IsOutput(source) {
				t.Errorf("not recognised as generated: %.80s", source)
			}
		})
	}
}

func TestWhatCannotBeGeneratedIsToldWithPlaceAndWayOut(t *testing.T) {
	const types = `
-- p.go --
package p

type Sink interface{}
type Config struct{}
type Number interface{ ~int | ~float64 }
type Both interface{ Number; String() string }
type Cmp interface{ comparable }
type Store[T any] interface{ Get() T }
type Loop Loop2
type Loop2 Loop

var Default Sink
`
	tests := []struct {
		archive string
		wanted  []string
		errs    []string
	}{
		{types, []string{"Sinkk"}, []string{`unknown type "Sinkk" (package p declares: Both, Cmp, Config, Loop, Loop2, Number, Sink, Store); did you mean "Sink"?`}},
		{types, []string{"Config", "Nope", "Sink", "Sink"}, []string{
			"type Config is neither an interface nor a function type (p.go:4)", `unknown type "Nope"`, "type Sink is named twice",
		}},
		{types, []string{"Default"}, []string{"Default is no type (p.go:12)"}},
		{types, []string{"Number"}, []string{"type Number is a constraint for type parameters (p.go:5)"}},
		{types, []string{"Both"}, []string{"type Both is a constraint"}},
		{types, []string{"Cmp"}, []string{"type Cmp is a constraint"}},
		{types, []string{"Store"}, []string{"type Store is generic (p.go:8)"}},
		{types, []string{"Loop"}, []string{"type Loop is neither an interface nor a function type"}},
		{types, []string{"Sink=no-name"}, []string{`"Sink=no-name": want Type=Variable`}},
		{types, []string{"Sink=Default"}, []string{"variable Default of extension point Sink is taken by the package itself (p.go:12): choose another with Sink=NAME"}},
		{types, []string{"Sink=RegisterExtension"}, []string{"is taken by a generated function"}},
		{"-- main.go --\npackage main\nimport \"example.com/jobs/v2\"\ntype job = jobs.Job\ntype hook func()", []string{"job", "hook=jobs"}, []string{
			"variable jobs of extension point job is the name of an import: choose another with job=NAME", "variable jobs of extension point job is taken by extension point hook",
		}},
		{"", nil, []string{"found no Go file"}},
		{"-- p.go --\npackage p\ntype A struct{}\n", nil, []string{"package p declares no exported interface or function type that can be an extension point (found: A)"}},
		{"-- p.go --\npackage p\ntype Person interface{}\ntype People []Person\n", nil, []string{"variable People of extension point Person is taken by the package itself (p.go:3)"}},
		{"-- p.go --\npackage p\ntype Box interface{}\ntype Boxe interface{}\n", nil, []string{"variable Boxes of extension point Boxe is taken by extension point Box"}},
		{"-- p.go --\npackage p\ntype A interface{}\nfunc RegisterExtension() {}\n", nil, []string{"RegisterExtension is generated, but the package declares it already (p.go:3)"}},
		{"-- p.go --\npackage p\ntype A interface{}\nfunc panic() {}\n", nil, []string{"redeclares Go's own panic (p.go:3)"}},
		{"-- p.go --\npackage p\ntype A interface{}\n-- q.go --\npackage q\n", nil, []string{"found two packages: p (p.go) and q (q.go)"}},
		{"-- p.go --\npackage p\ntype A interface{\n-- q.go --\npackage p\nfunc {\n", nil, []string{"p.go:2:19", "q.go:2:6"}},
		{"-- p.go --\n//go:build a b\n\npackage p\n", nil, []string{"p.go: "}},
		{"-- p.go --\npackage p\ntype A interface{}\n-- b_linux.go --\npackage p\ntype B interface{}\n", nil, []string{
			"type B exists only where linux (b_linux.go:2), other types elsewhere too",
		}},
		{"-- p.go --\npackage p\ntype A interface{}\n-- old.go --\n// generated by go-extpoints -- DO NOT EDIT\npackage p\n", nil, []string{
			"old.go holds extension points generated earlier: remove it, or write to it (-o old.go)",
		}},
	}
	for _, test := range tests {
		source, err := Generate(files(test.archive), DefaultOutput, test.wanted)
		if err == nil {
			t.Errorf("%s\n%v: no error, but\n%s", test.archive, test.wanted, source)
			continue
		}
		for _, want := range test.errs {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s\n%v:\n%v, want\n%s", test.archive, test.wanted, err, want)
			}
		}
	}
}

func TestPointsReadsWhatIsGenerated(t *testing.T) {
	got := points(t, generate(t, "-- p.go --\npackage p\ntype A interface{}\ntype b func()\n", "b", "A"))
	if want := []string{"As", "bs"}; !slices.Equal(slices.Sorted(maps.Keys(got)), want) {
		t.Errorf("points %v, want %v", got, want)
	}
	if _, err := Points([]byte("no go")); err == nil {
		t.Error("no error for what is no Go")
	}
}

// FuzzGenerate looks for sources that make the generator panic or write what does not parse.
func FuzzGenerate(f *testing.F) {
	f.Add("package p\ntype A interface{}\n", "A")
	f.Add("//go:build linux\npackage p\ntype (A = func(); B A)\n", "B=Bs")
	f.Add("package main\nimport . \"x/v2\"\ntype a interface{ a; ~int|b[int] }\ntype b[T any] interface{}\n", "")
	f.Add("package p\ntype A interface{ A; A; B }\ntype B interface{ A; B }\n", "A")
	f.Fuzz(func(t *testing.T, source, wanted string) {
		out, err := Generate([]File{{"p.go", []byte(source)}}, DefaultOutput, strings.Fields(wanted))
		if err != nil {
			return
		}
		if _, err := parser.ParseFile(token.NewFileSet(), DefaultOutput, out, parser.SkipObjectResolution); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	})
}
