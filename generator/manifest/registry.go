package manifest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/gliderlabs/logspout-builder/generator/nearest"
)

// Registry is the modules that can be had by name. It is never changed after ParseRegistry; a nil Registry is empty.
type Registry struct {
	entries   []Entry // sorted by name
	byName    map[string]int
	byPackage map[string]int
}

// Entry is one module of a registry.
type Entry struct {
	Name    string `json:"name"`
	Package string `json:"package"`           // import path
	Version string `json:"version,omitempty"` // of the package's module, for one that does not come with the builder; "" is the latest
	// Versions are those that are known to work, the newest first.
	Versions []string `json:"versions,omitempty"`
	Summary  string   `json:"summary"`
	Standard bool     `json:"standard"` // a member of the standard set
	// Registers are the names under which the package registers, by extension point ("AdapterFactory": ["kafka"]).
	Registers map[string][]string `json:"registers"`
	// Transport is the one that the module's adapters take when a route names none; "" is none.
	Transport string   `json:"transport,omitempty"`
	Example   string   `json:"example,omitempty"` // a route URI, ready to paste
	Options   []Option `json:"options"`
	License   string   `json:"license"` // SPDX
	Home      string   `json:"home"`
	Stability string   `json:"stability"` // experimental, beta, stable or deprecated
	// From is the registry that the entry is of, "" for the builder's own.
	From string `json:"-"`
}

// MarshalJSON adds the module's kind.
func (e Entry) MarshalJSON() ([]byte, error) {
	type fields Entry
	return marshal(struct {
		fields
		Kind string `json:"kind"`
	}{fields(e), e.Kind()})
}

// marshal is JSON as people write it, without escapes for HTML.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSpace(b.Bytes()), err
}

// With is the registry with the entries of another, whose file or address is from. A name or package that both have is an error, and so is an
// entry that would change what comes with the builder.
func (r *Registry) With(other *Registry, from string) (*Registry, error) {
	var ps problems
	at := Pos{File: "registry " + from}
	entries := r.Entries()
	for _, e := range other.Entries() {
		have, err := r.Lookup(e.Name)
		same, known := r.ByPackage(e.Package)
		switch {
		case e.Bundled():
			ps.add(at, "%s: %s is of the module that comes with the builder, whose registry is the builder's own", quote(e.Name), e.Package)
		case e.Standard:
			ps.add(at, "%s: only what comes with the builder is in the standard set: say \"standard\": false", quote(e.Name))
		case err == nil:
			ps.add(at, "%s is already the name of %s (%s)", quote(e.Name), have.Package, have.registry())
		case known:
			ps.add(at, "%s: %s is already known as %s (%s)", quote(e.Name), e.Package, quote(same.Name), same.registry())
		default:
			e.From = from
			entries = append(entries, e)
		}
	}
	if err := ps.err(); err != nil {
		return nil, err
	}
	return newRegistry(entries), nil
}

// registry is where the entry comes from, in words.
func (e Entry) registry() string {
	if e.From == "" {
		return "the builder's registry"
	}
	return "registry " + e.From
}

// Search are the modules that every one of the words is found in, in whatever case: by name, what they register, package, summary and options.
// The best matches come first.
func (r *Registry) Search(words ...string) []Entry {
	type hit struct {
		Entry
		rank int
	}
	var hits []hit
	for _, e := range r.Entries() {
		total := 0
		for _, w := range words {
			rank := e.matches(strings.ToLower(w))
			if rank == 0 {
				total = 0
				break
			}
			total += rank
		}
		if total > 0 {
			hits = append(hits, hit{e, total})
		}
	}
	slices.SortStableFunc(hits, func(a, b hit) int { return cmp.Compare(b.rank, a.rank) })
	found := make([]Entry, len(hits))
	for i, h := range hits {
		found[i] = h.Entry
	}
	return found
}

// matches is how well a word fits the module; 0 is not at all.
func (e Entry) matches(word string) int {
	in := func(s string) bool { return strings.Contains(strings.ToLower(s), word) }
	registered := func(fits func(string) bool) bool {
		for _, names := range e.Registers {
			if slices.ContainsFunc(names, fits) {
				return true
			}
		}
		return false
	}
	for i, fits := range []func() bool{
		func() bool { return strings.EqualFold(e.Name, word) },
		func() bool { return registered(func(s string) bool { return strings.EqualFold(s, word) }) },
		func() bool { return in(e.Name) || registered(in) },
		func() bool { return in(e.Summary) || in(e.Kind()) },
		func() bool {
			return in(e.Package) || slices.ContainsFunc(e.Options, func(o Option) bool { return in(o.Name) || in(o.Env) || in(o.Description) })
		},
	} {
		if fits() {
			const best = 5
			return best - i
		}
	}
	return 0
}

// Option is a setting of a module: an option of a route's query, an environment variable, or both.
type Option struct {
	Name        string `json:"name,omitempty"` // in a route's query, "" when only the environment has it
	Type        string `json:"type"`
	Default     string `json:"default"`
	Env         string `json:"env,omitempty"` // variable that gives the default, "" when there is none
	Description string `json:"description"`
}

// Bundled reports whether the module comes with the builder.
func (e Entry) Bundled() bool { return strings.HasPrefix(e.Package, CorePath+"/") }

// Points are the extension points at which the module registers, sorted.
func (e Entry) Points() []string {
	points := make([]string, 0, len(e.Registers))
	for p := range e.Registers {
		points = append(points, p)
	}
	slices.Sort(points)
	return points
}

// Entries are the modules, sorted by name.
func (r *Registry) Entries() []Entry {
	if r == nil {
		return nil
	}
	return slices.Clone(r.entries)
}

// Names are the modules' names, sorted.
func (r *Registry) Names() []string {
	var names []string
	for _, e := range r.Entries() {
		names = append(names, e.Name)
	}
	return names
}

// Standard are the members of the standard set, sorted by name.
func (r *Registry) Standard() []Entry {
	return slices.DeleteFunc(r.Entries(), func(e Entry) bool { return !e.Standard })
}

// Lookup is the module with a name. Its error names what there is and the nearest match.
func (r *Registry) Lookup(name string) (Entry, error) {
	if r != nil {
		if i, ok := r.byName[name]; ok {
			return r.entries[i], nil
		}
	}
	return Entry{}, &UnknownModuleError{Name: name, Have: r.Names()}
}

// ByPackage is the module with a package path.
func (r *Registry) ByPackage(path string) (Entry, bool) {
	if r == nil {
		return Entry{}, false
	}
	i, ok := r.byPackage[path]
	if !ok {
		return Entry{}, false
	}
	return r.entries[i], true
}

func (r *Registry) packages() []string {
	var paths []string
	for _, e := range r.Entries() {
		paths = append(paths, e.Package)
	}
	return paths
}

// UnknownModuleError says that a name is in no registry.
type UnknownModuleError struct {
	Name string
	Have []string // sorted
}

// Error gives the name, what there is instead and the nearest match.
func (e *UnknownModuleError) Error() string {
	const most = 24
	have := strings.Join(e.Have[:min(len(e.Have), most)], ", ")
	switch more := len(e.Have) - most; {
	case more > 0:
		have += fmt.Sprintf(" and %d more", more)
	case have == "":
		have = "nothing"
	}
	text := fmt.Sprintf("unknown module %s (the registry has: %s)", quote(e.Name), have)
	if near := nearest.DidYouMean(e.Name, append([]string{StandardName}, e.Have...)); near != "" {
		return text + near
	}
	return text + "; a module from elsewhere is named by its package path, such as example.com/you/module"
}

// Kind is what the module mainly is, in people's words: "adapter", "transport", "log router", "HTTP handler", "job" or "processor". A
// transport that registers the short form of raw+NAME, too, is a transport.
func (e Entry) Kind() string {
	for _, k := range kindsByPoint {
		if len(e.Registers[k.point]) > 0 {
			return k.kind
		}
	}
	return "module"
}

// kindsByPoint are the kinds of modules by what they register, in the order in which one of several decides.
var kindsByPoint = []struct{ point, kind string }{ //nolint:gochecknoglobals // constant
	{"LogRouter", "log router"},
	{"AdapterTransport", "transport"},
	{"Processor", "processor"},
	{"AdapterFactory", "adapter"},
	{"HTTPHandler", "HTTP handler"},
	{"Job", "job"},
}

func kinds() []string {
	var names []string
	for _, k := range kindsByPoint {
		names = append(names, k.kind)
	}
	return names
}
