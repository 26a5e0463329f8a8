package generator

import (
	"archive/zip"
	"context"
	"io/fs"
	"os"
	"runtime/debug"
	"strings"

	"golang.org/x/mod/module"

	"github.com/gliderlabs/logspout-builder/generator/gotool"
	"github.com/gliderlabs/logspout-builder/generator/license"
	"github.com/gliderlabs/logspout-builder/generator/packed"
)

// Contents is what a plan's binary would say of itself, made without compiling it: its modules are those of the whole build list, of which a
// binary may need less.
func (b *Builder) Contents(ctx context.Context, plan *Plan) (*debug.BuildInfo, error) {
	g, err := b.goTool(ctx, b.Environ)
	if err != nil {
		return nil, err
	}
	resolved, err := b.settle(ctx, g, plan)
	if err != nil {
		return nil, err
	}
	list, err := plan.fromLock(b.Core, resolved.Lock)
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
func (b *Builder) Packages(ctx context.Context, plan *Plan) (map[string]bool, error) {
	g, err := b.goTool(ctx, b.Environ)
	if err != nil {
		return nil, err
	}
	x, err := b.project(ctx, g, plan)
	if err != nil {
		return nil, err
	}
	if err := b.offer(ctx, g, plan); err != nil {
		return nil, err
	}
	dir, done, err := b.scratchProject(x.files())
	if err != nil {
		return nil, err
	}
	defer done()
	out, err := g.Run(ctx, dir, b.proxyEnv(g), "list", "-deps", "-f", "{{.ImportPath}}", "-tags="+strings.Join(plan.Tags, ","), ".")
	if err != nil {
		return nil, plan.blame(StepResolve, err)
	}
	packages := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		packages[strings.TrimSpace(line)] = true
	}
	return packages, nil
}

// Licenses are the SPDX expressions of modules by path and version, those that stand in the place of others included. They are read from
// what this builder packs itself (plan may be nil) and from the module cache, without network; a module whose content is not there, or not
// the one that the sum says, has none.
func (b *Builder) Licenses(ctx context.Context, plan *Plan, modules []*debug.Module) (map[module.Version]string, error) {
	g, err := b.goTool(ctx, b.Environ)
	if err != nil {
		return nil, err
	}
	var local []*packed.Module
	if plan != nil {
		local = plan.local
	}
	licenses := map[module.Version]string{}
	for _, m := range modules {
		if m.Replace != nil {
			m = m.Replace
		}
		at := module.Version{Path: m.Path, Version: m.Version}
		licenses[at] = b.license(g, local, at, m.Sum)
	}
	return licenses, nil
}

// license is the SPDX expression of a module with this content ("" is any), "" when it is not known or the module is not on this machine.
func (b *Builder) license(g *gotool.Tool, local []*packed.Module, m module.Version, sum string) string {
	for _, mine := range append([]*packed.Module{&b.Core.Module}, local...) {
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

// Public is the plan without what may be secret: the environment and the routes that are baked in. Its digest is another one.
func (p *Plan) Public() *Plan {
	public := *p
	public.Env, public.Routes = nil, nil
	return &public
}
