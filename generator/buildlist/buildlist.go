// Package buildlist is what a project is built from, module by module, in the form that the go command has: a go.mod and go.sum that need
// nothing more. Pure but for Read.
package buildlist

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
)

// List is a build list.
type List struct {
	GoMod []byte
	GoSum []byte
}

// Compose makes a build list of requirements, which it sorts, replacements and the lines of a go.sum.
func Compose(modulePath, goVersion string, requirements []*modfile.Require, replacements []Replacement, sums []string) (*List, error) {
	slices.SortFunc(requirements, func(a, b *modfile.Require) int { return strings.Compare(a.Mod.Path, b.Mod.Path) })
	goMod, err := FormatGoMod(modulePath, goVersion, requirements, replacements)
	if err != nil {
		return nil, fmt.Errorf("compose go.mod: %w", err)
	}
	return &List{GoMod: goMod, GoSum: FormatGoSum(sums)}, nil
}

// Read reads the build list of a project.
func Read(dir string) (list *List, err error) {
	list = new(List)
	if list.GoMod, err = os.ReadFile(filepath.Join(dir, "go.mod")); err != nil {
		return nil, err
	}
	if list.GoSum, err = os.ReadFile(filepath.Join(dir, "go.sum")); err != nil {
		return nil, err
	}
	return list, nil
}

// Files are go.mod and go.sum by name.
func (l *List) Files() map[string][]byte {
	return map[string][]byte{"go.mod": l.GoMod, "go.sum": l.GoSum}
}

// Versions is the build list by module path, replacements applied.
func (l *List) Versions() (map[string]module.Version, error) {
	f, err := modfile.Parse("go.mod", l.GoMod, nil)
	if err != nil {
		return nil, err
	}
	versions := make(map[string]module.Version, len(f.Require))
	for _, r := range f.Require {
		versions[r.Mod.Path] = r.Mod
	}
	for _, r := range f.Replace {
		if old, ok := versions[r.Old.Path]; ok && (r.Old.Version == "" || r.Old.Version == old.Version) {
			versions[r.Old.Path] = r.New
		}
	}
	return versions, nil
}

// Sum is what go.sum has for a module's content, "" when it has nothing.
func (l *List) Sum(m module.Version) string {
	for line := range strings.Lines(string(l.GoSum)) {
		if rest, ok := strings.CutPrefix(line, m.Path+" "+m.Version+" "); ok {
			return strings.TrimSpace(rest)
		}
	}
	return ""
}

// BuildInfo is the build list in the form that binaries have.
func (l *List) BuildInfo() (*debug.BuildInfo, error) {
	goMod, err := modfile.Parse("go.mod", l.GoMod, nil)
	if err != nil {
		return nil, err
	}
	sums := map[module.Version]string{}
	for line := range strings.Lines(string(l.GoSum)) {
		if w := strings.Fields(line); len(w) == 3 {
			sums[module.Version{Path: w[0], Version: w[1]}] = w[2]
		}
	}
	info := &debug.BuildInfo{Path: goMod.Module.Mod.Path, Main: debug.Module{Path: goMod.Module.Mod.Path}}
	for _, r := range goMod.Require {
		m := &debug.Module{Path: r.Mod.Path, Version: r.Mod.Version, Sum: sums[r.Mod]}
		for _, replaced := range goMod.Replace {
			if replaced.Old.Path == m.Path && (replaced.Old.Version == "" || replaced.Old.Version == m.Version) {
				m.Sum, m.Replace = "", &debug.Module{Path: replaced.New.Path, Version: replaced.New.Version, Sum: sums[replaced.New]}
			}
		}
		info.Deps = append(info.Deps, m)
	}
	return info, nil
}

// FormatGoMod is a go.mod as the go command would format it.
func FormatGoMod(modulePath, goVersion string, requirements []*modfile.Require, replacements []Replacement) ([]byte, error) {
	f := new(modfile.File)
	if err := f.AddModuleStmt(modulePath); err != nil {
		return nil, err
	}
	if err := f.AddGoStmt(goVersion); err != nil {
		return nil, err
	}
	f.SetRequireSeparateIndirect(requirements)
	for _, r := range replacements {
		if err := f.AddReplace(r.From, "", r.To.Path, r.To.Version); err != nil {
			return nil, err
		}
	}
	f.Cleanup()
	return f.Format()
}

// Replacement takes a module, whatever its version, from elsewhere.
type Replacement struct {
	From string
	To   module.Version // Version is "" for a directory
}

// FormatGoSum is a go.sum of these lines.
func FormatGoSum(lines []string) []byte {
	lines = slices.Compact(slices.Sorted(slices.Values(lines)))
	return []byte(strings.Join(lines, "\n") + "\n")
}
