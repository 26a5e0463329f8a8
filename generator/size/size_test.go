package size

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCodeIsOfThePackageThatItsSymbolNames(t *testing.T) {
	got := Code(`
  401000        100 T a.example/b/c%2ed.(*T).m
  401100         10 t a.example/b/c%2ed.f
  401200          1 T a.example/x.Map[go.shape.string,b.example/y.T]
  401300          2 T type:.eq.a.example/x.T
  401300          4 T type:.eq.[3]a.example/x.T
  401400          8 T go:(*struct { a.example/x.T }).M
  401500         16 T runtime.main
  401500         32 T _rt0_amd64_linux
  501500         64 D a.example/x.data
  501500         64 r go:func.*
                    U puts
`)
	want := map[string]int64{"a.example/b/c.d": 110, "a.example/x": 7, "": 40, "runtime": 16}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAModuleAddsWhatNobodyElseNeeds(t *testing.T) {
	module := func(path string) *struct{ Path, Version string } {
		return &struct{ Path, Version string }{path, "v1.0.0"}
	}
	got := Attribute(2000, map[string]int64{"agent": 300, "fmt": 100, "a": 200, "b": 100, "a/lib": 100, "both": 100, "net": 100},
		[]Package{
			{ImportPath: "main", Imports: []string{"agent", "a", "b"}},
			{ImportPath: "agent", Imports: []string{"fmt", "kept"}, Module: module("core")},
			{ImportPath: "kept", Module: module("twice")},
			{ImportPath: "fmt"},
			{ImportPath: "net"},
			{ImportPath: "a", Imports: []string{"fmt", "a/lib", "both", "twice/more"}, Module: module("a.mod")},
			{ImportPath: "a/lib", Imports: []string{"net"}, Module: module("lib.mod")},
			{ImportPath: "twice/more", Module: module("twice")},
			{ImportPath: "both", Module: module("both.mod")},
			{ImportPath: "b", Imports: []string{"both"}, Module: module("b.mod")},
		}, []string{"a", "b"}, []string{"agent"})
	want := Sizes{
		Bytes: 2000, Base: 800, Shared: 200, GoModules: 6,
		Modules: []Share{
			{Package: "a", Bytes: 800, Code: 400, Needs: []string{"a.mod@v1.0.0", "lib.mod@v1.0.0"}, Shares: []string{"both.mod@v1.0.0"}},
			{Package: "b", Bytes: 200, Code: 100, Needs: []string{"b.mod@v1.0.0"}, Shares: []string{"both.mod@v1.0.0"}},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
