package manifest

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "write the golden files anew")

func readFile(tb testing.TB, path string) []byte {
	tb.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

// bundled is the project's own registry.
func bundled(tb testing.TB) *Registry {
	tb.Helper()
	reg, err := ParseRegistry(readFile(tb, filepath.Join("..", "..", "registry.json")))
	if err != nil {
		tb.Fatalf("registry.json:\n%v", err)
	}
	return reg
}

// registryOf is a registry that tests can count on: names, packages and members of the standard set.
func registryOf(tb testing.TB) *Registry {
	tb.Helper()
	reg, err := ParseRegistry(readFile(tb, filepath.Join("testdata", "registry.json")))
	if err != nil {
		tb.Fatalf("testdata/registry.json:\n%v", err)
	}
	return reg
}

// golden runs check over the inputs of each txtar archive under testdata/dir and compares with what stands behind each input: a file
// NAME is followed by NAME.want. With -update the archives are written anew.
func golden(t *testing.T, pattern string, check func(name string, data []byte) string) {
	t.Helper()
	archives, err := filepath.Glob(filepath.Join("testdata", pattern))
	if err != nil || len(archives) == 0 {
		t.Fatalf("no archives %s: %v", pattern, err)
	}
	for _, path := range archives {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string][]byte{}
		var inputs []txtar.File
		for _, f := range archive.Files {
			if name, ok := strings.CutSuffix(f.Name, ".want"); ok {
				want[name] = f.Data
				continue
			}
			inputs = append(inputs, f)
		}
		archive.Files = nil
		for _, f := range inputs {
			got := []byte(check(f.Name, f.Data))
			if !bytes.HasSuffix(got, []byte("\n")) {
				got = append(got, '\n')
			}
			if diff := cmp.Diff(string(want[f.Name]), string(got)); diff != "" && !*update {
				t.Errorf("%s, %s (-want +got):\n%s", path, f.Name, diff)
			}
			archive.Files = append(archive.Files, f, txtar.File{Name: f.Name + ".want", Data: got})
		}
		if *update {
			if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestWrongManifestsAreRefusedWithEveryProblemAtOnce(t *testing.T) {
	reg := registryOf(t)
	golden(t, "wrong-*.txtar", func(name string, data []byte) string {
		m, err := Parse(name, data, reg)
		if err == nil {
			t.Errorf("%s was taken", name)
			return "taken"
		}
		if m != nil {
			t.Errorf("%s: a manifest came with the error", name)
		}
		if _, ok := errors.AsType[Errors](err); !ok {
			t.Errorf("%s: the error is a %T", name, err)
		}
		return err.Error()
	})
}

func TestRightManifestsMean(t *testing.T) {
	reg := registryOf(t)
	golden(t, "right-*.txtar", func(name string, data []byte) string {
		m, err := Parse(name, data, reg)
		if err != nil {
			t.Errorf("%v", err)
			return err.Error()
		}
		return show(t, m, reg)
	})
}

func TestLineEndsAndByteOrderMarkChangeNothing(t *testing.T) {
	reg := registryOf(t)
	for name, data := range documents(t, "right-manifests.txtar") {
		want, err := Parse("m", data, reg)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Parse("m", append([]byte("\ufeff"), bytes.ReplaceAll(data, []byte("\n"), []byte("\r\n"))...), reg)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
	}
}

func TestColumnsCountCharacters(t *testing.T) {
	_, err := Parse("m", []byte("env: {A: \"ü€😀\", \"é\": 1, B: []}\n"), nil)
	const want = `m:1:17: env: want a variable's name of a-z A-Z 0-9 _ that does not begin with a digit, found "é"
m:1:28: env: B: want a text, found a list`
	if err == nil || err.Error() != want {
		t.Errorf("%v", err)
	}
}

// show writes out all that a manifest says and what it expands to.
func show(t *testing.T, m *Manifest, reg *Registry) string {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "%s %q\n", m.Name, m.Version)
	for _, mod := range m.Modules {
		fmt.Fprintf(&b, "module %s name=%q package=%q version=%q dir=%q\n", mod.Pos, mod.Name, mod.Package, mod.Version, mod.Dir)
	}
	for _, r := range m.Replace {
		fmt.Fprintf(&b, "replace %s %s dir=%q path=%q version=%q\n", r.Pos, r.Module, r.Dir, r.Path, r.Version)
	}
	if !cmp.Equal(m.Build, Build{}) {
		fmt.Fprintf(&b, "build %+v\n", m.Build)
	}
	for _, name := range slices.Sorted(maps.Keys(m.Env)) {
		fmt.Fprintf(&b, "env %s=%q\n", name, m.Env[name])
	}
	for _, r := range m.Routes {
		fmt.Fprintf(&b, "route %s %s\n", r.Pos, r.URI)
	}
	packages, err := m.Expand(reg)
	if err != nil {
		t.Errorf("%v", err)
	}
	for _, p := range packages {
		fmt.Fprintf(&b, "package %s %s version=%q dir=%q\n", p.Path, p.Pos, p.Version, p.Dir)
	}
	return b.String()
}
