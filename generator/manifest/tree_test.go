package manifest

import (
	stdcmp "cmp"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestBundledModulesAreThere holds registry.json against the tree: every bundled entry is a directory of three files. (What register.go
// registers is held against it by generator/inspect.)
func TestBundledModulesAreThere(t *testing.T) {
	for _, e := range bundled(t).Entries() {
		if !e.Bundled() {
			continue
		}
		dir := filepath.Join("..", "..", filepath.FromSlash(strings.TrimPrefix(e.Package, CorePath+"/")))
		for _, file := range []string{filepath.Base(dir) + ".go", "register.go"} {
			if _, err := os.Stat(filepath.Join(dir, file)); err != nil {
				t.Errorf("%s: %v", e.Name, err)
			}
		}
		checkReadme(t, e, string(readFile(t, filepath.Join(dir, "README.md"))))
	}
}

// checkReadme holds a module's README against its entry.
func checkReadme(t *testing.T, e Entry, text string) {
	t.Helper()
	rest := text
	for _, section := range []string{"Name", "Description", "Options", "Examples"} {
		_, after, found := strings.Cut(rest, "\n## "+section+"\n")
		if !found {
			t.Errorf("%s: README.md has no section %s in its place", e.Name, section)
			continue
		}
		rest = after
	}
	for _, o := range e.Options {
		if name := stdcmp.Or(o.Name, o.Env); !strings.Contains(text, "`"+name+"`") {
			t.Errorf("%s: README.md does not tell about %s", e.Name, name)
		}
	}
}

func TestEveryModuleOfTheTreeIsInTheRegistry(t *testing.T) {
	reg := bundled(t)
	files, err := filepath.Glob(filepath.Join("..", "..", "modules", "*", "*", "register.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%q, %v", files, err)
	}
	for _, file := range files {
		dir := filepath.ToSlash(filepath.Dir(file))
		if _, ok := reg.ByPackage(path.Join(CorePath, strings.TrimPrefix(dir, "../../"))); !ok {
			t.Errorf("%s is not in registry.json", dir)
		}
	}
}

func TestStandardSetOfTheTreeIsTheRegistrys(t *testing.T) {
	dir := filepath.Join("..", "..", "modules", StandardName)
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var got, want []string
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range f.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(imported, CorePath+"/") && !strings.HasSuffix(file, "_test.go") {
				got = append(got, imported)
			}
		}
	}
	for _, e := range bundled(t).Standard() {
		want = append(want, e.Package)
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-registry +imports):\n%s", dir, diff)
	}
}
