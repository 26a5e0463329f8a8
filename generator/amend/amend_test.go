package amend

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
	"pgregory.net/rapid"

	"github.com/gliderlabs/logspout-builder/generator/manifest"
)

var update = flag.Bool("update", false, "write the golden files anew")

func registryOf(tb testing.TB) *manifest.Registry {
	tb.Helper()
	data, err := os.ReadFile(filepath.Join("..", "manifest", "testdata", "registry.json"))
	if err != nil {
		tb.Fatal(err)
	}
	reg, err := manifest.ParseRegistry(data)
	if err != nil {
		tb.Fatal(err)
	}
	return reg
}

// do applies steps such as "+kafka -raw" to a manifest, as the commands do.
func do(tb testing.TB, data []byte, steps string, reg *manifest.Registry) ([]byte, error) {
	tb.Helper()
	m, err := manifest.Parse("m", data, reg)
	if err != nil {
		tb.Fatal(err)
	}
	for step := range strings.FieldsSeq(steps) {
		if step[0] == '-' {
			err = m.Remove(step[1:], reg)
		} else {
			var mod manifest.Module
			if mod, err = manifest.ParseModule(step[1:], manifest.Pos{}, reg); err == nil {
				m.Add(mod)
			}
		}
		if err != nil {
			tb.Fatalf("%s: %v", step, err)
		}
	}
	return Modules("m", data, m.Modules, reg)
}

// Each file of the archive is NAME, followed by "STEPS.want" for what becomes of it.
func TestEditedManifestsKeepAllElse(t *testing.T) {
	reg := registryOf(t)
	path := filepath.Join("testdata", "edits.txtar")
	archive, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var source txtar.File
	for i, f := range archive.Files {
		steps, isWant := strings.CutSuffix(f.Name, ".want")
		if !isWant {
			source = f
			continue
		}
		got, err := do(t, source.Data, steps, reg)
		if err != nil {
			got = []byte(err.Error() + "\n")
		}
		if diff := cmp.Diff(string(f.Data), string(got)); diff != "" && !*update {
			t.Errorf("%s, %s (-want +got):\n%s", source.Name, steps, diff)
		}
		archive.Files[i].Data = got
	}
	if *update {
		if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLineEndsAndByteOrderMarkAreKept(t *testing.T) {
	reg := registryOf(t)
	unix := []byte("# ü\nname: x\nmodules:\n  - raw # ü\n  - tcp\n")
	want, err := do(t, unix, "+kafka -raw", reg)
	if err != nil {
		t.Fatal(err)
	}
	windows := func(b []byte) []byte {
		return append([]byte("\ufeff"), bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n"))...)
	}
	got, err := do(t, windows(unix), "+kafka -raw", reg)
	if err != nil || !bytes.Equal(got, windows(want)) {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := do(t, []byte("modules:\r\n  - raw\n"), "+kafka", reg); err == nil {
		t.Error("a file with two kinds of line ends is edited")
	}
}

func TestGoSourceIsNotEdited(t *testing.T) {
	_, err := Modules("modules.go", []byte("package main"), nil, registryOf(t))
	const want = "modules.go is Go source, and only a manifest in YAML is edited: make one of it with 'logspout-builder init --from modules.go'"
	if err == nil || err.Error() != want {
		t.Errorf("%v", err)
	}
}

// Whatever is added and removed, in whatever layout: the modules are those asked for, and every line that names none of them stays.
func TestEveryLayoutTakesEveryChange(t *testing.T) {
	reg := registryOf(t)
	layouts := []string{
		"# top\nname: x # name\n\n# list\nmodules:\n  # first\n  - raw # a\n\n  - package: example.com/a/b\n    # its version\n    version: v1.0.0 # b\n  # last\n  - tcp\n\n# env\nenv:\n  A: |\n    # text\n    - b\n",
		"modules:\n- raw\n# between\n- \"docker\"\n- 'example.com/a/b@v1.0.0' # b\nroutes: [raw+tcp://a] # r\n# end",
		"routes:\n  - raw+tcp://a\n  # end\nmodules: [raw, tcp, {package: example.com/a/b, version: v1.0.0}] # list\n",
		"{\n  \"name\": \"x\",\n  \"modules\": [\n    \"standard\",\n    \"example.com/a/b@v1.0.0\"\n  ]\n}\n",
		"modules:\n    -   standard    # set\n    -   example.com/a/b@v1.0.0\n",
		"# nothing but a name\nname: x\nversion: 1.0\n# end\n",
		"env:\n  A: b # c\n",
	}
	names := []string{"raw", "tcp", "docker", "kafka", "redis", "example.com/a/b", "example.com/a/c"}
	versions := []string{"", "", "@v1.2.3", "@main"}
	comment := regexp.MustCompile(`(?m)^\s*#.*$`)
	rapid.Check(t, func(rt *rapid.T) {
		data := []byte(rapid.SampledFrom(layouts).Draw(rt, "layout"))
		for range rapid.IntRange(1, 6).Draw(rt, "steps") {
			m, err := manifest.Parse("m", data, reg)
			if err != nil {
				rt.Fatal(err)
			}
			name := rapid.SampledFrom(names).Draw(rt, "name")
			if rapid.Bool().Draw(rt, "add") {
				if strings.Contains(name, ".") || name == "redis" {
					name += rapid.SampledFrom(versions).Draw(rt, "version")
				}
				mod, err := manifest.ParseModule(name, manifest.Pos{}, reg)
				if err != nil {
					rt.Fatal(err)
				}
				m.Add(mod)
			} else if m.Remove(name, reg) != nil || len(m.Modules) == 0 {
				continue
			}
			changed, err := Modules("m", data, m.Modules, reg)
			if err != nil {
				// A mapping with a comment in it that would have to go is the one thing that is refused.
				if bytes.Contains(data, []byte("# its version")) {
					return
				}
				rt.Fatalf("%v\n%s", err, data)
			}
			if removed := slices.DeleteFunc(comment.FindAllString(string(data), -1), func(c string) bool { return bytes.Contains(changed, []byte(c)) }); len(removed) > 1 ||
				len(removed) == 1 && !strings.Contains(removed[0], "# its version") {
				rt.Fatalf("comments %q are gone from\n%s", removed, changed)
			}
			data = changed
		}
	})
}

func FuzzModules(f *testing.F) {
	f.Add([]byte("modules:\n  - raw # a\n  - {package: example.com/a/b}\nenv: {A: b}\n"), "kafka", "raw")
	f.Add([]byte("{\"modules\": [\"raw\"\n]}"), "example.com/a/b@v1.0.0", "tcp")
	reg := registryOf(f)
	f.Fuzz(func(t *testing.T, data []byte, add, remove string) {
		m, err := manifest.Parse("m", data, reg)
		if err != nil {
			return
		}
		if mod, err := manifest.ParseModule(add, manifest.Pos{}, reg); err == nil {
			m.Add(mod)
		}
		_ = m.Remove(remove, reg)
		changed, err := Modules("m", data, m.Modules, reg)
		if err != nil {
			return
		}
		got, err := manifest.Parse("m", changed, reg)
		if err != nil || len(got.Modules) != len(m.Modules) {
			t.Fatalf("%v\n%s", err, changed)
		}
	})
}
