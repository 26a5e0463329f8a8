package inspect

import (
	"cmp"
	"os"
	"path/filepath"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/gliderlabs/logspout-builder/generator/manifest"
)

// TestOptionTablesAreTheRegistrys compares the tables in the section Options of every bundled module's README with registry.json, and the
// example module's with its own: the same options and variables, each with the same default.
func TestOptionTablesAreTheRegistrys(t *testing.T) {
	root := filepath.Join("..", "..")
	for file, dir := range map[string]func(manifest.Entry) string{
		"registry.json": func(e manifest.Entry) string {
			return filepath.FromSlash(strings.TrimPrefix(e.Package, manifest.CorePath+"/"))
		},
		filepath.Join("examples", "webhook", "registry.json"): func(manifest.Entry) string { return filepath.Join("examples", "webhook") },
	} {
		data, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			t.Fatal(err)
		}
		registry, err := manifest.ParseRegistry(data)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range registry.Entries() {
			readme, err := os.ReadFile(filepath.Join(root, dir(e), "README.md"))
			if err != nil {
				t.Fatal(err)
			}
			want, got := map[string]string{}, map[string]string{}
			for _, o := range e.Options {
				want[cmp.Or(o.Name, o.Env)] = o.Env + " " + o.Default
			}
			for _, o := range ReadmeOptions(string(readme)) {
				got[cmp.Or(o.Name, o.Env)] = o.Env + " " + o.Default
			}
			if diff := gocmp.Diff(want, got); diff != "" {
				t.Errorf("%s: variable and default of its options (-%s +README.md):\n%s", e.Name, file, diff)
			}
		}
	}
}
