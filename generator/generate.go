package generator

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"

	"github.com/gliderlabs/logspout-builder/generator/manifest"
	"github.com/gliderlabs/logspout-builder/generator/packed"
	"github.com/gliderlabs/logspout-builder/generator/plan"
	"github.com/gliderlabs/logspout-builder/generator/source"
	"github.com/gliderlabs/logspout-builder/generator/wholefile"
)

// carried is the directory of a generated project that holds the core's source.
const carried = "logspout-builder"

// Generate writes the plan's project to dir: what Build compiles, and the core's source beside it, so that the go command builds, tidies
// and changes it without the builder. Files that Generate did not write are not overwritten.
func (b *Builder) Generate(ctx context.Context, p *plan.Plan, dir string) error {
	_, x, err := b.Project(ctx, p)
	if err != nil {
		return err
	}
	done := b.Step("generate", dir)
	files, err := x.standalone(b.Core)
	if err != nil {
		return err
	}
	if err := checkOurs(dir, files); err != nil {
		return err
	}
	if err := removeOthers(dir, files); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		target := filepath.Join(dir, filepath.FromSlash(name))
		if holds(target, files[name]) {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil { //nolint:gosec // a project is for everyone whom umask lets read
			return err
		}
		if err := wholefile.Write(target, files[name], 0o644); err != nil {
			return fmt.Errorf("write %s: %w", target, err)
		}
	}
	done()
	return nil
}

// removeOthers removes what the directory of the core's source has beside files: a file that is no part of it would be compiled.
func removeOthers(dir string, files map[string][]byte) error {
	root := filepath.Join(dir, carried)
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		relative, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		if _, ours := files[filepath.ToSlash(relative)]; ours && d.Type().IsRegular() {
			return nil
		}
		return os.Remove(name) //nolint:gosec // the directory is generated, and removed as a whole else
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// holds reports whether a file has this content already: to read it is cheaper than to write it anew.
func holds(file string, want []byte) bool {
	info, err := os.Lstat(file)
	if err != nil || !info.Mode().IsRegular() || info.Size() != int64(len(want)) {
		return false
	}
	got, err := os.ReadFile(file)
	return err == nil && bytes.Equal(got, want)
}

// standalone is the project with all that only the builder could serve put into directories of its own.
func (x *Project) standalone(core *packed.Core) (map[string][]byte, error) {
	goMod, err := modfile.Parse("go.mod", x.List.GoMod, nil)
	if err != nil {
		return nil, err
	}
	goSum := string(x.List.GoSum)
	files := x.Files()
	for _, m := range append([]*packed.Module{&core.Module}, x.Plan.Locals()...) {
		dir := carried
		if m.Path != manifest.CorePath {
			dir = path.Join("local", m.Path)
		}
		for name, data := range m.Content() {
			files[path.Join(dir, name)] = data
		}
		for _, r := range slices.Clone(goMod.Replace) {
			if r.New == m.Version {
				if err := goMod.AddReplace(r.Old.Path, r.Old.Version, "./"+dir, ""); err != nil {
					return nil, err
				}
			}
		}
		if m.Path == manifest.CorePath {
			if err := goMod.AddReplace(m.Path, "", "./"+dir, ""); err != nil {
				return nil, err
			}
		}
		for _, line := range m.SumLines() {
			goSum = strings.Replace(goSum, line+"\n", "", 1)
		}
	}
	goMod.Cleanup()
	// The comment tells later runs that the file is theirs.
	text, err := goMod.Format()
	if err != nil {
		return nil, err
	}
	files["go.mod"] = append([]byte("// "+source.Header+"\n\n"), text...)
	files["go.sum"] = []byte(goSum)
	return files, nil
}

// checkOurs refuses a directory in which a file stands in the way that the builder did not write.
func checkOurs(dir string, files map[string][]byte) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	ours, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err == nil && bytes.HasPrefix(ours, []byte("// "+source.Header)) {
		return nil
	}
	var inTheWay []string
	for _, e := range entries {
		for name := range files {
			if first, _, _ := strings.Cut(name, "/"); first == e.Name() && !slices.Contains(inTheWay, first) {
				inTheWay = append(inTheWay, first)
			}
		}
	}
	if len(inTheWay) > 0 {
		return fmt.Errorf("%s holds %s, which logspout-builder did not write: name another directory with -o", dir, strings.Join(inTheWay, ", "))
	}
	return nil
}
