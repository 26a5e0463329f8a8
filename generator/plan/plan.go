// Package plan is what a binary is to be made of: packages, their modules and names, build settings; the build list and the lock that follow
// from it, and what in it an error of the go command is about. Pure, but for packing local directories.
package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"

	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"

	"github.com/gliderlabs/logspout-builder/generator/manifest"
	"github.com/gliderlabs/logspout-builder/generator/packed"
)

// Plan is what a binary is made of: sorted, complete, and never changed once New has made it. Two plans with the same JSON
// give the same binary.
type Plan struct {
	Name     string            `json:"name"`
	Version  string            `json:"version,omitempty"`
	Core     string            `json:"core"` // version of the core's module
	Packages []Package         `json:"packages"`
	Replace  []Replacement     `json:"replace,omitempty"`
	Tags     []string          `json:"tags,omitempty"`
	LDFlags  string            `json:"ldflags,omitempty"`
	Debug    bool              `json:"debug,omitempty"`
	Env      map[string]string `json:"env,omitempty"`
	Routes   []string          `json:"routes,omitempty"` // in the manifest's order

	// checkRoutes reports the manifest's routes that need what a binary does not register.
	checkRoutes func(has manifest.Registered) error
	// Budget is what the binary may not outgrow; it changes nothing of it.
	Budget manifest.Budget `json:"-"`

	symbols bool             // keep the symbol table, to measure
	local   []*packed.Module // the modules of local directories, sorted by path
}

// Package is one package with modules that a plan takes in.
type Package struct {
	Path string `json:"path"`
	// Query is the version asked for of an external package's module; "" for bundled ones and for local directories.
	Query string `json:"query,omitempty"`
	// Local is the module packed from a local directory, as path@version.
	Local string `json:"local,omitempty"`
	// Rename gives names that the package registers another, by its own.
	Rename manifest.Renames `json:"rename,omitempty"`

	// Name is the registry's, "" when it has none; Bundled says that the core holds it.
	Name    string `json:"-"`
	Bundled bool   `json:"-"`
	// Registers are the names by extension point that the registry promises; nil when it does not know the package.
	Registers map[string][]string `json:"-"`
	// Pos is where the package was asked for.
	Pos manifest.Pos `json:"-"`
}

// Replacement takes a module from elsewhere, whatever version of it the build would have.
type Replacement struct {
	Module  string `json:"module"`
	Path    string `json:"path"`
	Version string `json:"version"`

	Pos manifest.Pos `json:"-"`
}

// sorted brings a plan into the one order that it has.
func (p *Plan) sorted() *Plan {
	slices.SortFunc(p.Packages, func(a, b Package) int { return strings.Compare(a.Path, b.Path) })
	slices.SortFunc(p.Replace, func(a, b Replacement) int { return strings.Compare(a.Module, b.Module) })
	slices.SortFunc(p.local, func(a, b *packed.Module) int { return strings.Compare(a.Path, b.Path) })
	slices.Sort(p.Tags)
	p.Tags = slices.Compact(p.Tags)
	return p
}

// Digest identifies the plan by its content.
func (p *Plan) Digest() string {
	data, err := json.Marshal(p)
	if err != nil {
		panic(err) // strings, lists and maps of strings: cannot be
	}
	return DigestOf(data)
}

// DigestOf is the sha256 of parts, each with its length, in hexadecimal.
func DigestOf(parts ...[]byte) string {
	h := sha256.New()
	for _, part := range parts {
		sum := sha256.Sum256(part)
		h.Write(sum[:])
	}
	return hex.EncodeToString(h.Sum(nil))
}

// BundledOnly reports whether all of the plan is in the builder: it needs no resolution then.
func (p *Plan) BundledOnly() bool {
	return len(p.Replace) == 0 && !slices.ContainsFunc(p.Packages, func(x Package) bool { return !x.Bundled })
}

// Exact reports whether a version query names one version for ever.
func Exact(query string) bool {
	return semver.IsValid(query) && module.CanonicalVersion(query) == query
}

// Imports are the import paths of the plan's packages, sorted.
func (p *Plan) Imports() []string {
	paths := make([]string, len(p.Packages))
	for i, x := range p.Packages {
		paths[i] = x.Path
	}
	return paths
}

// External are the packages that are not bundled.
func (p *Plan) External() []Package {
	return slices.DeleteFunc(slices.Clone(p.Packages), func(x Package) bool { return x.Bundled })
}

// BuildFlags are the flags of `go build` that decide the binary's bytes.
func (p *Plan) BuildFlags() []string {
	ldflags := "-buildid="
	switch {
	case p.symbols:
		ldflags = "-w " + ldflags
	case !p.Debug:
		ldflags = "-s -w " + ldflags
	}
	if p.LDFlags != "" {
		ldflags += " " + p.LDFlags
	}
	flags := []string{"-trimpath", "-buildvcs=false", "-ldflags=" + ldflags}
	if len(p.Tags) > 0 {
		flags = append(flags, "-tags="+strings.Join(p.Tags, ","))
	}
	return flags
}

// Without is the plan less packages; modules of local directories that nobody needs any more go with them.
func (p *Plan) Without(paths []string) *Plan {
	q := *p
	q.Packages = slices.DeleteFunc(slices.Clone(p.Packages), func(x Package) bool {
		return slices.Contains(paths, x.Path)
	})
	q.local = slices.DeleteFunc(slices.Clone(p.local), func(m *packed.Module) bool {
		return !slices.ContainsFunc(q.Packages, func(x Package) bool { return x.Local == m.String() }) &&
			!slices.ContainsFunc(q.Replace, func(r Replacement) bool { return r.Path == m.Path && r.Version == m.Version.Version })
	})
	return &q
}

// WithSymbols is the plan of the same binary with its symbol table.
func (p *Plan) WithSymbols() *Plan {
	q := *p
	q.symbols = true
	return &q
}

// Locals are the modules of local directories, sorted by path.
func (p *Plan) Locals() []*packed.Module { return p.local }

// Directories are those that the plan takes modules from, sorted.
func (p *Plan) Directories() []string {
	var dirs []string
	for _, m := range p.local {
		dirs = append(dirs, m.Directory)
	}
	slices.Sort(dirs)
	return dirs
}

// Public is the plan without what may be secret: the environment and the routes that are baked in. Its digest is another one.
func (p *Plan) Public() *Plan {
	public := *p
	public.Env, public.Routes = nil, nil
	return &public
}

// Unpacked names files of local modules by where they are in the user's directories.
func (p *Plan) Unpacked(text string) string {
	for _, m := range p.local {
		text = m.Unpacked(text)
	}
	return text
}
