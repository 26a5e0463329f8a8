package inspect

import (
	"encoding/json"
	"os"
	"path"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestBundledModulesRegisterWhatTheRegistrySays inspects the project's own modules.
func TestBundledModulesRegisterWhatTheRegistrySays(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(root, "registry.json"))
	if err != nil {
		t.Fatal(err)
	}
	var registry struct {
		Modules []struct {
			Name, Package string
			Registers     map[string][]string
		}
	}
	if err := json.Unmarshal(text, &registry); err != nil {
		t.Fatal(err)
	}
	want := map[string]map[string][]string{}
	for _, m := range registry.Modules {
		want[m.Package] = m.Registers
	}
	dirs, err := filepath.Glob(filepath.Join(root, "modules", "*", "*", "register.go"))
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no modules found (%v)", err)
	}
	var paths []string
	for _, dir := range dirs {
		rel, err := filepath.Rel(root, filepath.Dir(dir))
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path.Join(path.Dir(testCore), filepath.ToSlash(rel)))
	}
	reports, err := Packages(t.Context(), Config{Dir: root, Env: append(os.Environ(), "GOFLAGS=-mod=readonly"), Core: testCore}, paths)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range reports {
		if err := r.Err(); err != nil {
			t.Error(err)
		}
		got := map[string][]string{}
		for _, x := range r.Registrations {
			if x.Package == r.Package {
				got[x.Point] = append(got[x.Point], x.Name)
			}
		}
		for _, names := range want[r.Package] {
			slices.Sort(names)
		}
		if diff := cmp.Diff(want[r.Package], got); diff != "" {
			t.Errorf("%s: registry.json and source differ:\n%s", r.Package, diff)
		}
	}
}
