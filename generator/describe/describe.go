// Package describe tells what a plan, a package or a binary is made of: modules with their licences, what they register, options; and holds
// a registry's entries against that.
package describe

import (
	"cmp"
	"context"
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/module"

	"github.com/gliderlabs/logspout-builder/generator"
	"github.com/gliderlabs/logspout-builder/generator/inspect"
	"github.com/gliderlabs/logspout-builder/generator/manifest"
	"github.com/gliderlabs/logspout-builder/generator/plan"
)

// Description is what a binary or a package is made of.
type Description struct {
	Kind     string `json:"kind"` // "binary" or "package"
	Name     string `json:"name"` // of the binary, or the package's import path
	Version  string `json:"version,omitempty"`
	Core     string `json:"core,omitempty"`
	Digest   string `json:"digest,omitempty"`
	Manifest string `json:"manifest,omitempty"`
	Lock     string `json:"lock,omitempty"`
	Go       string `json:"go,omitempty"`
	Platform string `json:"platform,omitempty"`
	Bytes    int64  `json:"bytes,omitempty"`
	// Summary is the first sentence of the package's documentation.
	Summary    string            `json:"summary,omitempty"`
	Modules    []DescribedModule `json:"modules"`
	Extensions []plan.Extension  `json:"extensions"`
	// Options are those of each package, as a registry or the package's README lists them.
	Options []PackageOptions `json:"options"`
	// Effects are what the package does, beside registering, when a binary with it starts.
	Effects []inspect.Effect `json:"effects,omitempty"`
}

// DescribedModule is a Go module with its checksum and licence.
type DescribedModule struct {
	Path    string `json:"path"`
	Version string `json:"version"`
	Replace string `json:"replace,omitempty"` // path@version that it was taken from
	Sum     string `json:"sum,omitempty"`
	License string `json:"license"` // SPDX, "" when it is not known
}

// PackageOptions are the settings of one package.
type PackageOptions struct {
	Package string            `json:"package"`
	Options []manifest.Option `json:"options"`
}

// Binary tells what a logspout binary is made of: what the linker noted in it and, where it runs on this machine, what it says of
// itself when it is asked in an empty environment.
func Binary(ctx context.Context, b *generator.Builder, file string, registry *manifest.Registry) (*Description, error) {
	g, err := b.GoTool(ctx, b.Environ)
	if err != nil {
		return nil, err
	}
	info, err := buildinfo.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("%s is no binary that the go command made: %w", file, err)
	}
	stat, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	d := &Description{Kind: "binary", Name: filepath.Base(file), Go: info.GoVersion, Bytes: stat.Size(), Extensions: []plan.Extension{}, Options: []PackageOptions{}}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	d.Platform = settings["GOOS"] + "/" + settings["GOARCH"]
	for _, m := range info.Deps {
		described := DescribedModule{Path: m.Path, Version: m.Version, Sum: m.Sum}
		from := module.Version{Path: m.Path, Version: m.Version}
		if m.Replace != nil {
			from = module.Version{Path: m.Replace.Path, Version: m.Replace.Version}
			described.Replace, described.Sum = from.String(), m.Replace.Sum
		}
		described.License = licenseOf(b.Core, g, nil, from, described.Sum)
		d.Modules = append(d.Modules, described)
		if m.Path == manifest.CorePath {
			d.Core = m.Version
		}
	}
	if d.Core == "" {
		return nil, fmt.Errorf("%s has no %s in it: it is no logspout of this builder's", file, manifest.CorePath)
	}
	if settings["GOOS"] != g.Settings.GOHOSTOS || settings["GOARCH"] != g.Settings.GOHOSTARCH {
		return d, nil
	}
	absolute, err := filepath.Abs(file)
	if err != nil {
		return nil, err
	}
	printed, stderr, err := g.RunBinary(ctx, absolute, "modules", "--json")
	if err != nil {
		return nil, fmt.Errorf("%s does not say what it is made of: %w: %s", file, err, firstLines(stderr))
	}
	if err := json.Unmarshal(printed, d); err != nil { // the binary's report has these fields by these names
		return nil, fmt.Errorf("read what %s says of itself: %w", file, err)
	}
	d.Options = optionsOf(d.Extensions, registry)
	return d, nil
}

func firstLines(text string) string {
	const most = 200
	return text[:min(len(text), most)]
}

// optionsOf are the options that the registry has for the packages that register.
func optionsOf(extensions []plan.Extension, registry *manifest.Registry) []PackageOptions {
	all := []PackageOptions{}
	for _, e := range extensions {
		entry, ok := registry.ByPackage(e.Package)
		if ok && len(entry.Options) > 0 && !slices.ContainsFunc(all, func(o PackageOptions) bool { return o.Package == e.Package }) {
			all = append(all, PackageOptions{e.Package, entry.Options})
		}
	}
	slices.SortFunc(all, func(a, b PackageOptions) int { return strings.Compare(a.Package, b.Package) })
	return all
}

// Package tells what the only package of a plan is made of. It is resolved and inspected, not built.
func Package(ctx context.Context, b *generator.Builder, p *plan.Plan, registry *manifest.Registry) (*Description, error) {
	g, x, err := b.Project(ctx, p)
	if err != nil {
		return nil, err
	}
	packages, err := compiled(ctx, b, g, x)
	if err != nil {
		return nil, err
	}
	only := p.Packages[0]
	d := &Description{Kind: "package", Name: only.Path, Core: p.Core, Extensions: x.Extensions(), Effects: x.Effects(only.Path)}
	versions, err := x.List.Versions()
	if err != nil {
		return nil, err
	}
	holder := ""
	imports := map[string][]string{}
	in := map[string]string{}
	for _, q := range packages {
		imports[q.ImportPath] = q.Imports
		if q.Module != nil {
			in[q.ImportPath] = q.Module.Path
		}
	}
	needed := map[string]bool{}
	seen := map[string]bool{only.Path: true}
	for queue := []string{only.Path}; len(queue) > 0; queue = queue[1:] {
		if m := in[queue[0]]; m != "" && m != plan.ProjectPath {
			needed[m] = true
		}
		for _, next := range imports[queue[0]] {
			if !seen[next] {
				seen[next] = true
				queue = append(queue, next)
			}
		}
	}
	for _, path := range slices.Sorted(maps.Keys(needed)) {
		v := versions[path]
		m := DescribedModule{Path: path, Version: v.Version, Sum: x.List.Sum(v), License: licenseOf(b.Core, g, nil, v, x.List.Sum(v))}
		if v.Path != path {
			m.Replace = v.String()
		}
		d.Modules = append(d.Modules, m)
		if manifest.Within(only.Path, path) && len(path) > len(holder) {
			holder, d.Version = path, v.Version
		}
	}
	d.Options = optionsOf(d.Extensions, registry)
	if !only.Bundled && len(d.Options) == 0 {
		below := strings.TrimPrefix(strings.TrimPrefix(only.Path, holder), "/")
		if files := g.ModuleSource(versions[holder]); files != nil {
			readme, err := fs.ReadFile(files, joinSlash(below, "README.md"))
			if options := inspect.ReadmeOptions(string(readme)); err == nil && len(options) > 0 {
				d.Options = []PackageOptions{{only.Path, options}}
			}
		}
	}
	if files := g.ModuleSource(versions[holder]); files != nil {
		d.Summary = inspect.Synopsis(files, cmp.Or(strings.TrimPrefix(strings.TrimPrefix(only.Path, holder), "/"), "."))
	}
	return d, nil
}

func joinSlash(dir, name string) string {
	if dir == "" {
		return name
	}
	return dir + "/" + name
}
