// Package size tells what the bytes of a binary are for: which packages its code comes from, and which of its modules brings these. It does
// no I/O.
package size

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Code is how many bytes of machine code each package has in a binary, by import path, of what `go tool nm -size` printed. Code that belongs
// to no package, such as a method of an unnamed type, is under "".
func Code(nm string) map[string]int64 {
	code := map[string]int64{}
	for line := range strings.Lines(nm) {
		fields := strings.Fields(line) // address, size, type, name
		const columns = 4
		if len(fields) < columns || fields[2] != "T" && fields[2] != "t" {
			continue
		}
		if bytes, err := strconv.ParseInt(fields[1], 10, 64); err == nil {
			code[packageOf(fields[3])] += bytes
		}
	}
	return code
}

// packageOf is the import path in a symbol's name: "a.b/c%2ed.(*T).m" is of a.b/c.d.
func packageOf(symbol string) string {
	for _, prefix := range []string{"type:.eq.", "type:.hash.", "type:"} {
		if rest, ok := strings.CutPrefix(symbol, prefix); ok {
			symbol = strings.TrimLeft(rest, "*[]0123456789")
			break
		}
	}
	if i := strings.IndexAny(symbol, "[({"); i >= 0 { // type arguments and receivers have paths of their own
		symbol = symbol[:i]
	}
	base := strings.LastIndexByte(symbol, '/') + 1
	dot := strings.IndexByte(symbol[base:], '.')
	if dot <= 0 || strings.Contains(symbol, ":") {
		return ""
	}
	return strings.ReplaceAll(symbol[:base+dot], "%2e", ".")
}

// Package is a package of a binary as `go list -deps -json` tells it.
type Package struct {
	ImportPath string
	Imports    []string
	Module     *struct{ Path, Version string } // nil in the standard library
}

// Share is what one module adds to a binary: what would not be in it without the module.
type Share struct {
	Package string `json:"package"`
	// Bytes are the module's part of the file: its part of all code, of everything that the file holds.
	Bytes int64 `json:"bytes"`
	// Code are bytes of machine code.
	Code int64 `json:"code"`
	// Needs are the Go modules that are in the binary for its sake alone, as path@version, sorted.
	Needs []string `json:"needs"`
	// Shares are those that other modules of the binary need, too, and that the runtime does not.
	Shares []string `json:"shares"`
}

// Sizes are what a binary's bytes are for.
type Sizes struct {
	Bytes int64 `json:"bytes"` // of the file
	Base  int64 `json:"base"`  // of them, what every binary has: the runtime, the part of Go's library that it needs
	// Shared are those of code that several modules need.
	Shared  int64   `json:"shared"`
	Modules []Share `json:"modules"` // the largest first
	// GoModules is how many Go modules are in the binary.
	GoModules int `json:"goModules"`
}

// Attribute shares out the bytes of a file by the code of each package. roots are the packages that the binary was asked to hold, base are
// packages that every binary has.
func Attribute(file int64, code map[string]int64, packages []Package, roots, base []string) Sizes {
	g := graph{}
	for _, p := range packages {
		g[p.ImportPath] = p
	}
	users := map[string][]string{}
	for _, root := range roots {
		for path := range g.reach(root) {
			users[path] = append(users[path], root)
		}
	}
	for _, path := range base {
		for path := range g.reach(path) {
			delete(users, path)
		}
	}
	var all int64
	for _, bytes := range code {
		all += bytes
	}
	ofFile := func(bytes int64) int64 { return int64(float64(file) * float64(bytes) / float64(max(all, 1))) }

	shares := map[string]*Share{}
	for _, root := range roots {
		shares[root] = &Share{Package: root, Needs: []string{}, Shares: []string{}}
	}
	var shared int64
	for path, bytes := range code {
		switch using := users[path]; len(using) {
		case 0:
		case 1:
			shares[using[0]].Code += bytes
		default:
			shared += bytes
		}
	}
	modules := g.modules(users, shares)
	s := Sizes{Bytes: file, Base: file, Shared: ofFile(shared), GoModules: modules}
	for _, share := range shares {
		share.Bytes = ofFile(share.Code)
		s.Base -= share.Bytes
		s.Modules = append(s.Modules, *share)
	}
	s.Base -= s.Shared
	slices.SortFunc(s.Modules, func(a, b Share) int { return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(a.Package, b.Package)) })
	return s
}

// graph are the packages of a binary by import path.
type graph map[string]Package

// reach are a package and all that it imports.
func (g graph) reach(path string) map[string]bool {
	seen := map[string]bool{path: true}
	for queue := []string{path}; len(queue) > 0; queue = queue[1:] {
		for _, next := range g[queue[0]].Imports {
			if !seen[next] {
				seen[next] = true
				queue = append(queue, next)
			}
		}
	}
	return seen
}

// modules says of every Go module which roots need it, and counts them. A module that a package nobody but the base uses lies in is the base's.
func (g graph) modules(users map[string][]string, shares map[string]*Share) (count int) {
	needing := map[string]map[string]bool{}
	everybodys := map[string]bool{}
	for path, p := range g {
		if p.Module == nil || p.Module.Version == "" { // the standard library, the program itself
			continue
		}
		name := p.Module.Path + "@" + p.Module.Version
		if needing[name] == nil {
			needing[name] = map[string]bool{}
		}
		for _, root := range users[path] {
			needing[name][root] = true
		}
		if len(users[path]) == 0 {
			everybodys[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(needing)) {
		for _, root := range slices.Sorted(maps.Keys(needing[name])) {
			switch {
			case everybodys[name]:
			case len(needing[name]) == 1:
				shares[root].Needs = append(shares[root].Needs, name)
			default:
				shares[root].Shares = append(shares[root].Shares, name)
			}
		}
	}
	return len(needing)
}
