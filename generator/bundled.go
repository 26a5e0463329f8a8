package generator

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
)

//go:generate go test -run TestBundledDataIsFresh -update .

//go:embed bundled.json
var bundledJSON []byte

// Bundled says which third-party modules each bundled package needs to be built, on any platform: what go list says of this
// module, kept in bundled.json by `go generate`. With it, a project of bundled packages has its go.mod and go.sum without the go command.
type Bundled struct {
	Go       string              `json:"go"`       // version of the language
	Modules  []BundledModule     `json:"modules"`  // sorted by path
	Packages map[string][]string `json:"packages"` // import path -> paths of modules, sorted
}

// BundledModule is a third-party module at the version that the bundled packages were tested with.
type BundledModule struct {
	Path     string `json:"path"`
	Version  string `json:"version"`
	Sum      string `json:"sum"`
	GoModSum string `json:"goModSum"`
}

// LoadBundled reads the data that the builder carries.
func LoadBundled() (*Bundled, error) {
	b := new(Bundled)
	if err := json.Unmarshal(bundledJSON, b); err != nil {
		return nil, fmt.Errorf("read bundled.json: %w", err)
	}
	return b, nil
}

// needs are the modules that packages need, sorted by path.
func (b *Bundled) needs(packages []string) []BundledModule {
	wanted := map[string]bool{}
	for _, p := range packages {
		for _, m := range b.Packages[p] {
			wanted[m] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(b.Modules), func(m BundledModule) bool { return !wanted[m.Path] })
}

// coreGoMod is the go.mod of the core: it requires what the bundled packages need, and nothing of what the builder does.
func (b *Bundled) coreGoMod() ([]byte, error) {
	needed := b.needs(slices.Collect(maps.Keys(b.Packages)))
	requirements := make([]*modfile.Require, len(needed))
	for i, m := range needed {
		requirements[i] = &modfile.Require{Mod: module.Version{Path: m.Path, Version: m.Version}}
	}
	return formatGoMod(CorePath, b.Go, requirements, nil)
}

// formatGoMod is a go.mod as the go command would format it.
func formatGoMod(modulePath, goVersion string, requirements []*modfile.Require, replacements []replacement) ([]byte, error) {
	f := new(modfile.File)
	if err := f.AddModuleStmt(modulePath); err != nil {
		return nil, err
	}
	if err := f.AddGoStmt(goVersion); err != nil {
		return nil, err
	}
	f.SetRequireSeparateIndirect(requirements)
	for _, r := range replacements {
		if err := f.AddReplace(r.from, "", r.to.Path, r.to.Version); err != nil {
			return nil, err
		}
	}
	f.Cleanup()
	return f.Format()
}

// replacement takes a module, whatever its version, from elsewhere.
type replacement struct {
	from string
	to   module.Version // Version is "" for a directory
}

// formatGoSum is a go.sum of these lines.
func formatGoSum(lines []string) []byte {
	lines = slices.Compact(slices.Sorted(slices.Values(lines)))
	return []byte(strings.Join(lines, "\n") + "\n")
}

func (m BundledModule) sumLines() []string {
	return []string{
		fmt.Sprintf("%s %s %s", m.Path, m.Version, m.Sum),
		fmt.Sprintf("%s %s/go.mod %s", m.Path, m.Version, m.GoModSum),
	}
}
