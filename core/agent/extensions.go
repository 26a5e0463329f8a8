package agent

import (
	"cmp"
	"maps"
	"slices"

	"github.com/gliderlabs/logspout-builder/core"
)

// extension is one component and the package that registered it.
type extension[T any] struct {
	component T
	pkg       string
}

// extensions is what a binary was built with. It is taken once, after every init, and not written to after.
type extensions struct {
	adapters   map[string]extension[core.AdapterFactory]
	transports map[string]extension[core.AdapterTransport]
	handlers   map[string]extension[core.HTTPHandler]
	jobs       map[string]extension[core.Job]
	routers    map[string]extension[core.LogRouter]
	processors map[string]extension[core.Processor]
}

// extensionPoint is what the generated glue offers of an extension point.
type extensionPoint[T any] interface {
	All() map[string]T
	Package(name string) string
}

// linkedExtensions are those that the packages linked into this binary have registered.
func linkedExtensions() *extensions {
	return &extensions{
		adapters:   taken(core.AdapterFactories),
		transports: taken(core.AdapterTransports),
		handlers:   taken(core.HTTPHandlers),
		jobs:       taken(core.Jobs),
		routers:    taken(core.LogRouters),
		processors: taken(core.Processors),
	}
}

func taken[T any](point extensionPoint[T]) map[string]extension[T] {
	all := point.All()
	m := make(map[string]extension[T], len(all))
	for name, component := range all {
		m[name] = extension[T]{component, point.Package(name)}
	}
	return m
}

// AdapterFactory implements core.Modules.
func (x *extensions) AdapterFactory(name string) (core.AdapterFactory, bool) {
	e, ok := x.adapters[name]
	return e.component, ok
}

// AdapterTransport implements core.Modules.
func (x *extensions) AdapterTransport(name string) (core.AdapterTransport, bool) {
	e, ok := x.transports[name]
	return e.component, ok
}

// Names implements core.Modules.
func (x *extensions) Names(point string) []string {
	var names []string
	for _, e := range x.list() {
		if e.Point == point {
			names = append(names, e.Name)
		}
	}
	return names
}

// listed is an extension as `modules --json` prints it.
type listed struct {
	Point   string `json:"point"`
	Name    string `json:"name"`
	Package string `json:"package"`
}

// list is all of them, sorted by point and name.
func (x *extensions) list() []listed {
	all := append([]listed{}, slices.Concat(
		listOf("AdapterFactory", x.adapters),
		listOf("AdapterTransport", x.transports),
		listOf("HTTPHandler", x.handlers),
		listOf("Job", x.jobs),
		listOf("LogRouter", x.routers),
		listOf("Processor", x.processors),
	)...)
	slices.SortFunc(all, func(a, b listed) int { return cmp.Or(cmp.Compare(a.Point, b.Point), cmp.Compare(a.Name, b.Name)) })
	return all
}

func listOf[T any](point string, m map[string]extension[T]) []listed {
	list := make([]listed, 0, len(m))
	for name, e := range m {
		list = append(list, listed{point, name, e.pkg})
	}
	return list
}

// sortedNames are the keys of an extension point's map.
func sortedNames[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

var _ core.Modules = (*extensions)(nil)
