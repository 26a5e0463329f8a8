package packed

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"

	"github.com/gliderlabs/logspout-builder/generator/gotool"
	"github.com/gliderlabs/logspout-builder/generator/manifest"
)

var update = flag.Bool("update", false, "write golden files")

// TestBundledDataIsFresh asks the go command what the bundled packages need and compares it with bundled.json.
func TestBundledDataIsFresh(t *testing.T) {
	want := listBundled(t)
	if *update {
		if err := os.WriteFile("bundled.json", want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(bundledJSON, want) {
		t.Errorf("bundled.json is stale: run go generate ./generator/packed")
	}
}

func listBundled(t *testing.T) []byte {
	t.Helper()
	g, err := gotool.Find(t.Context(), os.Environ())
	if err != nil {
		t.Fatal(err)
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	needs := map[string]map[string]bool{}
	versions := map[string]string{}
	for _, goos := range []string{"linux", "darwin", "windows", "freebsd"} {
		out, err := g.Run(t.Context(), root, []string{"GOOS=" + goos, "GOARCH=amd64"}, "list", "-deps", "-json=ImportPath,Deps,Module", "./core/agent", "./modules/...")
		if err != nil {
			t.Fatal(err)
		}
		type listed struct {
			ImportPath string
			Deps       []string
			Module     *struct {
				Path, Version string
				Main          bool
			}
		}
		packages := map[string]listed{}
		for d := json.NewDecoder(bytes.NewReader(out)); ; {
			var p listed
			if err := d.Decode(&p); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			packages[p.ImportPath] = p
		}
		for path, p := range packages {
			if path != manifest.CorePath+"/core/agent" && !strings.HasPrefix(path, manifest.CorePath+"/modules/") {
				continue
			}
			if needs[path] == nil {
				needs[path] = map[string]bool{}
			}
			for _, dep := range p.Deps {
				if m := packages[dep].Module; m != nil && !m.Main {
					needs[path][m.Path] = true
					versions[m.Path] = m.Version
				}
			}
		}
	}
	goMod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	f, err := modfile.Parse("go.mod", goMod, nil)
	if err != nil {
		t.Fatal(err)
	}
	b := Bundled{Go: f.Go.Version, Modules: []BundledModule{}, Packages: map[string][]string{}}
	for path, modules := range needs {
		b.Packages[path] = []string{}
		for m := range modules {
			b.Packages[path] = append(b.Packages[path], m)
		}
		slices.Sort(b.Packages[path])
	}
	sums := readSums(t, filepath.Join(root, "go.sum"))
	for path, version := range versions {
		m := BundledModule{path, version, sums[path+" "+version], sums[path+" "+version+"/go.mod"]}
		if m.Sum == "" || m.GoModSum == "" {
			t.Fatalf("go.sum lacks %s %s", path, version)
		}
		b.Modules = append(b.Modules, m)
	}
	slices.SortFunc(b.Modules, func(a, b BundledModule) int { return strings.Compare(a.Path, b.Path) })
	data, err := json.MarshalIndent(b, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	return append(data, '\n')
}

func readSums(t *testing.T, file string) map[string]string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	sums := map[string]string{}
	for line := range strings.Lines(string(data)) {
		if fields := strings.Fields(line); len(fields) == 3 {
			sums[fields[0]+" "+fields[1]] = fields[2]
		}
	}
	return sums
}
