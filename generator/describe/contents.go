package describe

import (
	"archive/zip"
	"context"
	"io/fs"
	"os"
	"runtime/debug"
	"strings"

	"golang.org/x/mod/module"

	"github.com/gliderlabs/logspout-builder/generator"
	"github.com/gliderlabs/logspout-builder/generator/fault"
	"github.com/gliderlabs/logspout-builder/generator/gotool"
	"github.com/gliderlabs/logspout-builder/generator/license"
	"github.com/gliderlabs/logspout-builder/generator/packed"
	"github.com/gliderlabs/logspout-builder/generator/plan"
	"github.com/gliderlabs/logspout-builder/generator/size"
)

// Contents is what a plan's binary would say of itself, made without compiling it: its modules are those of the whole build list, of which a
// binary may need less.
func Contents(ctx context.Context, b *generator.Builder, p *plan.Plan) (*debug.BuildInfo, error) {
	g, err := b.GoTool(ctx, b.Environ)
	if err != nil {
		return nil, err
	}
	resolved, err := b.Resolve(ctx, p)
	if err != nil {
		return nil, err
	}
	list, err := p.FromLock(b.Core, resolved.Lock)
	if err != nil {
		return nil, err
	}
	info, err := list.BuildInfo()
	if err != nil {
		return nil, err
	}
	info.GoVersion = g.Settings.GOVERSION
	info.Settings = []debug.BuildSetting{{Key: "GOARCH", Value: g.Settings.GOARCH}, {Key: "GOOS", Value: g.Settings.GOOS}}
	return info, nil
}

// Packages are the import paths of all packages that a plan's binary would be compiled from.
func Packages(ctx context.Context, b *generator.Builder, p *plan.Plan) (map[string]bool, error) {
	g, x, err := b.Project(ctx, p)
	if err != nil {
		return nil, err
	}
	listed, err := compiled(ctx, b, g, x)
	if err != nil {
		return nil, p.Blame(fault.StepResolve, err)
	}
	packages := map[string]bool{}
	for _, q := range listed {
		packages[q.ImportPath] = true
	}
	return packages, nil
}

// compiled are all packages that a project's binary would be compiled from, each with what it imports.
func compiled(ctx context.Context, b *generator.Builder, g *gotool.Tool, x *generator.Project) ([]size.Package, error) {
	w, err := b.Workspace(ctx, g, x.Plan, x.Files())
	if err != nil {
		return nil, err
	}
	defer w.Close()
	return w.Packages(ctx, x.Plan.Tags)
}

// Licenses are the SPDX expressions of modules by path and version, those that stand in the place of others included. They are read from
// what this builder packs itself (plan may be nil) and from the module cache, without network; a module whose content is not there, or not
// the one that the sum says, has none.
func Licenses(ctx context.Context, b *generator.Builder, p *plan.Plan, modules []*debug.Module) (map[module.Version]string, error) {
	g, err := b.GoTool(ctx, b.Environ)
	if err != nil {
		return nil, err
	}
	var local []*packed.Module
	if p != nil {
		local = p.Locals()
	}
	licenses := map[module.Version]string{}
	for _, m := range modules {
		if m.Replace != nil {
			m = m.Replace
		}
		at := module.Version{Path: m.Path, Version: m.Version}
		licenses[at] = licenseOf(b.Core, g, local, at, m.Sum)
	}
	return licenses, nil
}

// licenseOf is the SPDX expression of a module with this content ("" is any), "" when it is not known or the module is not on this machine.
func licenseOf(core *packed.Core, g *gotool.Tool, local []*packed.Module, m module.Version, sum string) string {
	for _, mine := range append([]*packed.Module{&core.Module}, local...) {
		if mine.Version == m && (sum == "" || sum == mine.ZipSum) {
			return mine.License()
		}
	}
	return cachedLicense(g, m, sum)
}

// cachedLicense is the SPDX expression of a module in the go command's module cache, "" when it is not there with this sum.
func cachedLicense(g *gotool.Tool, m module.Version, sum string) string {
	file, err := g.ModuleFile(m, "zip")
	if err != nil {
		return "" // no path of a module: a directory that a foreign binary was built from
	}
	if known, err := os.ReadFile(file + "hash"); err != nil || sum != "" && strings.TrimSpace(string(known)) != sum {
		return "" // another content under this version
	}
	archive, err := zip.OpenReader(file)
	if err != nil {
		return ""
	}
	defer func() { _ = archive.Close() }() // only read
	root, err := fs.Sub(archive, m.String())
	if err != nil {
		return ""
	}
	found, err := license.Of(root)
	if err != nil {
		return ""
	}
	return found
}
