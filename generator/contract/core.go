package contract

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"

	"github.com/gliderlabs/logspout-builder/generator"
	"github.com/gliderlabs/logspout-builder/generator/buildlist"
	"github.com/gliderlabs/logspout-builder/generator/manifest"
	"github.com/gliderlabs/logspout-builder/generator/packed"
	"github.com/gliderlabs/logspout-builder/generator/wholefile"
)

// useCoreComment stands above the line that UseCore writes.
const useCoreComment = "// The core of the builder on this machine; nobody else's build reads this line. Written by `logspout-builder new` and `logspout-builder core`."

// UseCore makes the plain go command find this builder's core from within a module: it puts the core into the module cache, and
// lines for it into the module's go.mod and go.sum, which no other build reads. changed is false when they were there. A core that the
// go.mod takes from a directory stays.
func UseCore(ctx context.Context, b *generator.Builder, moduleDir string) (changed bool, err error) {
	g, err := b.GoTool(ctx, b.Environ)
	if err != nil {
		return false, err
	}
	if err := b.Download(ctx, g, &b.Core.Module); err != nil {
		return false, err
	}
	name := filepath.Join(moduleDir, "go.mod")
	before, err := os.ReadFile(name)
	if err != nil {
		return false, err
	}
	after, err := usingCore(name, before, b.Core)
	if err != nil || after == nil {
		return false, err
	}
	sumName := filepath.Join(moduleDir, "go.sum")
	sums, err := os.ReadFile(sumName)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	lines := slices.DeleteFunc(strings.Split(strings.TrimSpace(string(sums)), "\n"), func(l string) bool {
		return l == "" || strings.HasPrefix(l, manifest.CorePath+" ") && module.IsPseudoVersion(strings.TrimSuffix(strings.Fields(l)[1], "/go.mod"))
	})
	newSums := buildlist.FormatGoSum(append(lines, b.Core.SumLines()...))
	if string(after) == string(before) && string(newSums) == string(sums) {
		return false, nil
	}
	if err := wholefile.Write(sumName, newSums, 0o644); err != nil {
		return false, err
	}
	return true, wholefile.Write(name, after, 0o644)
}

// usingCore is a go.mod that requires the core and takes it from the module cache; nil when it takes it from a directory.
func usingCore(name string, goMod []byte, core *packed.Core) ([]byte, error) {
	f, err := modfile.Parse(name, goMod, nil)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(f.Require, func(r *modfile.Require) bool { return r.Mod.Path == manifest.CorePath }) {
		if err := f.AddRequire(manifest.CorePath, core.Release()); err != nil {
			return nil, err
		}
	}
	commented := false
	for _, r := range f.Replace {
		if r.Old.Path != manifest.CorePath {
			continue
		}
		if r.New.Version == "" {
			return nil, nil
		}
		commented = true
	}
	if err := f.AddReplace(manifest.CorePath, "", manifest.CorePath, core.Version.Version); err != nil {
		return nil, err
	}
	for _, r := range f.Replace {
		if r.Old.Path == manifest.CorePath && !commented {
			r.Syntax.Before = append(r.Syntax.Before, modfile.Comment{Token: useCoreComment})
		}
	}
	f.Cleanup()
	return f.Format()
}
