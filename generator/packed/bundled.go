package packed

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"

	"github.com/gliderlabs/logspout-builder/generator/buildlist"
	"github.com/gliderlabs/logspout-builder/generator/manifest"
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

// Needs are the modules that packages need, sorted by path.
func (b *Bundled) Needs(packages []string) []BundledModule {
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
	needed := b.Needs(slices.Collect(maps.Keys(b.Packages)))
	requirements := make([]*modfile.Require, len(needed))
	for i, m := range needed {
		requirements[i] = &modfile.Require{Mod: module.Version{Path: m.Path, Version: m.Version}}
	}
	return buildlist.FormatGoMod(manifest.CorePath, b.Go, requirements, nil)
}

// SumLines are the module's lines of a go.sum.
func (m BundledModule) SumLines() []string {
	return []string{
		fmt.Sprintf("%s %s %s", m.Path, m.Version, m.Sum),
		fmt.Sprintf("%s %s/go.mod %s", m.Path, m.Version, m.GoModSum),
	}
}
