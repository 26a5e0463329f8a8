package packed

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"

	assets "github.com/gliderlabs/logspout-builder"
	"github.com/gliderlabs/logspout-builder/generator/manifest"
)

func testCore(t *testing.T) *Core {
	t.Helper()
	bundled, err := LoadBundled()
	if err != nil {
		t.Fatal(err)
	}
	core, err := NewCore(assets.Files, bundled)
	if err != nil {
		t.Fatal(err)
	}
	return core
}

func TestCoreHoldsWhatABuildNeedsAndNoMore(t *testing.T) {
	core := testCore(t)
	names := map[string]bool{}
	for _, f := range core.files {
		names[f.Path()] = true
		if strings.HasSuffix(f.Path(), "_test.go") || strings.Contains(f.Path(), "testdata") || strings.HasSuffix(f.Path(), ".md") ||
			strings.HasPrefix(f.Path(), "generator/") || strings.HasPrefix(f.Path(), "cmd/") {
			t.Errorf("the core holds %s", f.Path())
		}
	}
	for _, want := range []string{"go.mod", "LICENSE", "core/message.go", "core/agent/run.go", "modules/adapters/kafka/register.go"} {
		if !names[want] {
			t.Errorf("the core lacks %s", want)
		}
	}
	f, err := modfile.Parse("go.mod", core.goMod, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range f.Require {
		for _, builders := range []string{"spf13/cobra", "golang.org/x/tools", "jennifer", "kfake", "go-yaml", "testify"} {
			if strings.Contains(r.Mod.Path, builders) {
				t.Errorf("the core's go.mod requires %s, which is the builder's", r.Mod)
			}
		}
	}
}

func TestCoreVersionIsItsContent(t *testing.T) {
	a, b := testCore(t), testCore(t)
	if a.Version != b.Version || a.ZipSum != b.ZipSum {
		t.Errorf("the same content is %s and %s", a.Version, b.Version)
	}
	p, err := pack(manifest.CorePath, coreRelease, a.goMod, append(a.files[:0:0], memoryFile{"core/x.go", []byte("package core\n")}))
	if err != nil {
		t.Fatal(err)
	}
	if p.Version == a.Version {
		t.Errorf("other content is %s, too", p.Version)
	}
}

func TestLocalModuleIsItsContentWhereverItLies(t *testing.T) {
	write := func(files map[string]string) *Module {
		dir := t.TempDir()
		for name, text := range files {
			path := filepath.Join(dir, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		p, err := Directory(dir)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	files := map[string]string{"go.mod": "module example.com/x/v2\n\ngo 1.26\n", "x.go": "package x\n", "sub/y.go": "package sub\n"}
	first := write(files)
	if !strings.HasPrefix(first.Version.Version, "v2.0.0-") {
		t.Errorf("module of a /v2 path has version %s", first.Version.Version)
	}
	noise := maps.Clone(files)
	noise["x_test.go"], noise["sub/testdata/z.go"], noise["testdata/w"] = "package x\n", "broken", "w"
	noise["nested/go.mod"], noise["nested/n.go"] = "module example.com/nested\n", "package nested\n"
	noise["vendor/example.com/v/v.go"] = "package v\n"
	if got := write(noise); got.Version != first.Version {
		t.Errorf("tests, nested modules and vendored packages made another version: %s, %s", got.Version, first.Version)
	}
	changed := maps.Clone(files)
	changed["x.go"] = "package x // changed\n"
	if got := write(changed); got.Version == first.Version {
		t.Errorf("changed content is %s, too", got.Version)
	}
}

func TestNeedsOfADirectoryAreItsGoModAndImportsAlone(t *testing.T) {
	local := func(goMod, source string) *Module {
		return &Module{
			Version: module.Version{Path: "example.com/a", Version: "v1.0.0"}, goMod: []byte(goMod),
			files: []memoryFile{{"a.go", []byte(source)}},
		}
	}
	base := local("module example.com/a\n", "package a\n\nimport \"os\"\n").Needs()
	for name, row := range map[string]struct {
		m    *Module
		same bool
	}{
		"other code":             {local("module example.com/a\n", "package a\n\nimport \"os\"\n\nvar _ = os.Args\n"), true},
		"the standard library":   {local("module example.com/a\n", "package a\n\nimport \"net/http\"\n"), true},
		"a package of its own":   {local("module example.com/a\n", "package a\n\nimport \"example.com/a/b\"\n"), true},
		"a package of another":   {local("module example.com/a\n", "package a\n\nimport \"example.com/b\"\n"), false},
		"a requirement":          {local("module example.com/a\n\nrequire example.com/b v1.0.0\n", "package a\n"), false},
		"an import behind a tag": {local("module example.com/a\n", "//go:build windows\n\npackage a\n\nimport _ \"example.com/b\"\n"), false},
	} {
		if same := row.m.Needs() == base; same != row.same {
			t.Errorf("%s: the same needs: %v", name, same)
		}
	}
}
