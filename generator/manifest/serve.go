package manifest

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gliderlabs/logspout-builder/generator/nearest"
)

// Route is a route URI with its place.
type Route struct {
	URI string
	Pos Pos
}

// The extension points that a route's scheme names.
const (
	adapterPoint   = "AdapterFactory"
	transportPoint = "AdapterTransport"
	processorPoint = "Processor"
)

// least are the modules of a binary that is made for its routes, beside what these need: what reads the engine's logs, and what tells
// whether they arrive.
var least = []string{"docker", "health"} //nolint:gochecknoglobals // constant

// Registered tells which package of a binary registers a name at an extension point.
type Registered func(point, name string) (pkg string, ok bool)

// Serve makes the binary able to deliver to a route, which is not baked in: the modules that the route needs go in, as far as the registry has them.
// Where the manifest names neither modules nor routes, this takes the standard set's place: the binary is then the smallest that serves the route. Call it
// before Add and Remove. What is missing in the end is for Expand to say. Its error is Errors.
func (m *Manifest) Serve(r Route, reg *Registry) error {
	var ps problems
	if message := checkRoute(r.URI); message != "" {
		ps.add(r.Pos, "route %s: %s", r, message)
		return ps.err()
	}
	m.serve(&ps, r, reg)
	m.For = append(m.For, r)
	return ps.err()
}

func (m *Manifest) serve(ps *problems, r Route, reg *Registry) {
	if r.opaque() {
		if m.Implied {
			ps.add(r.Pos, "what this route needs is known only when the binary runs: name the modules under modules, such as [%s]", StandardName)
		}
		return
	}
	if m.Implied && slices.ContainsFunc(m.Modules, func(mod Module) bool { return mod.Name == StandardName }) {
		m.Modules = nil
		for _, name := range least {
			if e, err := reg.Lookup(name); err == nil {
				m.Modules = append(m.Modules, Module{Name: e.Name, Pos: r.Pos})
			}
		}
	}
	has, _ := m.registered(reg)
	for _, x := range reg.needs(r, has) {
		if _, ok := has(x.point, x.name); ok {
			continue
		}
		if e, ok := reg.registering(x); ok {
			m.Modules = append(m.Modules, Module{Name: e.Name, Pos: r.Pos})
			has, _ = m.registered(reg)
		}
	}
}

// CheckRoutes reports the routes that need what a binary does not have. Its error is Errors.
func (m *Manifest) CheckRoutes(reg *Registry, has Registered) error {
	var ps problems
	m.checkRoutes(&ps, reg, has)
	return ps.err()
}

func (m *Manifest) checkRoutes(ps *problems, reg *Registry, has Registered) {
	for _, r := range slices.Concat(m.Routes, m.For) {
		if r.opaque() {
			continue
		}
		for _, x := range reg.needs(r, has) {
			if _, ok := has(x.point, x.name); !ok {
				ps.add(r.Pos, "%s", reg.unserved(r, x))
			}
		}
	}
}

// registered tells what the manifest's modules register. complete is false when there are modules of which the registry does not know it.
func (m *Manifest) registered(reg *Registry) (has Registered, complete bool) {
	var entries []Entry
	complete = true
	for _, mod := range m.Modules {
		if mod.Name == StandardName {
			entries = append(entries, reg.Standard()...)
			continue
		}
		p, err := resolve(mod, reg)
		if err != nil || p.Entry == nil {
			complete = false
			continue
		}
		entries = append(entries, p.Entry.renamed(mod.Rename))
	}
	return func(point, name string) (string, bool) {
		i := slices.IndexFunc(entries, func(e Entry) bool { return slices.Contains(e.Registers[point], name) })
		if i < 0 {
			return "", false
		}
		return entries[i].Package, true
	}, complete
}

// renamed is the module with its names as the binary has them.
func (e Entry) renamed(renames Renames) Entry {
	if len(renames) == 0 {
		return e
	}
	registers := map[string][]string{}
	for point, names := range e.Registers {
		for _, name := range names {
			registers[point] = append(registers[point], renames.Name(name))
		}
	}
	e.Registers = registers
	return e
}

// opaque tells of a route whose scheme comes from the environment.
func (r Route) opaque() bool {
	scheme, _, ok := strings.Cut(r.URI, "://")
	return !ok || strings.Contains(scheme, "$")
}

// scheme is what stands in front of "://", as the binary reads it.
func (r Route) scheme() string {
	scheme, _, _ := strings.Cut(r.URI, "://")
	return strings.ToLower(scheme)
}

// extension is a name at an extension point.
type extension struct{ point, name string }

// needs are the extensions that a route takes, in the order of its scheme, "[processor+]...adapter[+transport]". A transport in the adapter's
// place is the short form of raw+transport.
func (reg *Registry) needs(r Route, has Registered) []extension {
	var needs []extension
	parts := strings.Split(r.scheme(), "+")
	for len(parts) > 1 && reg.isProcessor(parts, has) {
		needs, parts = append(needs, extension{processorPoint, parts[0]}), parts[1:]
	}
	adapter, transport := parts[0], strings.Join(parts[1:], "+")
	needs = append(needs, extension{adapterPoint, adapter})
	e, known := reg.registering(extension{adapterPoint, adapter})
	if pkg, ok := has(adapterPoint, adapter); ok && pkg != e.Package {
		known = false // another module of that name
	}
	if known && transport == "" {
		if transport = e.Transport; r.withTLS(e) {
			transport = "tls"
		}
		if slices.Contains(e.Registers[transportPoint], adapter) {
			needs = append(needs, extension{adapterPoint, "raw"})
		}
	}
	if transport != "" {
		needs = append(needs, extension{transportPoint, transport})
	}
	return needs
}

// isProcessor tells whether the first of a scheme's parts is a processor: one is known by that name, or nothing is and an adapter follows.
func (reg *Registry) isProcessor(parts []string, has Registered) bool {
	known := func(point, name string) bool {
		_, inBinary := has(point, name)
		_, inRegistry := reg.registering(extension{point, name})
		return inBinary || inRegistry
	}
	return known(processorPoint, parts[0]) ||
		!known(adapterPoint, parts[0]) && known(adapterPoint, parts[1]) && !known(transportPoint, parts[1])
}

// registering is the module that registers x: a member of the standard set, else one that comes with the builder, else any.
func (reg *Registry) registering(x extension) (Entry, bool) {
	var best Entry
	rank := 0
	for _, e := range reg.Entries() {
		if !slices.Contains(e.Registers[x.point], x.name) {
			continue
		}
		this := 1
		switch {
		case e.Standard:
			this = 3
		case e.Bundled():
			this = 2
		}
		if this > rank {
			best, rank = e, this
		}
	}
	return best, rank > 0
}

// unserved says that nothing in the binary is the x that the route needs, and what to do.
func (reg *Registry) unserved(r Route, x extension) string {
	what := map[string]string{adapterPoint: "adapter", transportPoint: "transport", processorPoint: "processor"}[x.point]
	text := fmt.Sprintf("route %s needs %s %s", r, what, quote(x.name))
	if parts := strings.Split(r.scheme(), "+"); !slices.Contains(parts, x.name) { // then the user has not written it
		full := parts[0] + "+" + x.name
		if x.point == adapterPoint {
			full = x.name + "+" + parts[0]
		}
		text += fmt.Sprintf(", as %s stands for %s", clip(r.scheme()), clip(full))
	}
	if e, ok := reg.registering(x); ok {
		return fmt.Sprintf("%s: add module %s", text, quote(e.Name))
	}
	var known []string
	for _, e := range reg.Entries() {
		known = append(known, e.Registers[x.point]...)
	}
	slices.Sort(known)
	known = slices.Compact(known)
	list := strings.Join(known, ", ")
	if list == "" {
		list = "none"
	}
	text += fmt.Sprintf(", and no module of the registry has it (%ss: %s)", what, list)
	if near := nearest.DidYouMean(x.name, known); near != "" {
		return text + near
	}
	return text + "; a module from elsewhere is added by its package path"
}

// withTLS tells whether the route asks for the transport tls by an option of its adapter, tls=true, that stands for adapter+tls.
func (r Route) withTLS(e Entry) bool {
	if !slices.ContainsFunc(e.Options, func(o Option) bool { return o.Name == "tls" && o.Type == "bool" }) {
		return false
	}
	_, query, _ := strings.Cut(r.URI, "?")
	values, _ := url.ParseQuery(query) // what is malformed is for the binary to say
	on, _ := strconv.ParseBool(values.Get("tls"))
	return on
}

// String is the route for messages: scheme and place, without what may hold a secret.
func (r Route) String() string {
	base, _, _ := strings.Cut(r.URI, "?")
	scheme, place, ok := strings.Cut(base, "://")
	if !ok {
		scheme, place = "", base
	} else {
		scheme += "://"
	}
	if i := strings.LastIndexByte(place, '@'); i >= 0 {
		place = place[i+1:]
	}
	return clip(scheme + place)
}

// SplitRoutes splits a comma list of route URIs, as ROUTE_URIS has it. A comma parts two routes only where a new scheme begins behind it.
func SplitRoutes(list string) []string {
	var routes []string
	for at := nextRoute.FindStringIndex(list); at != nil; at = nextRoute.FindStringIndex(list) {
		routes = append(routes, list[:at[0]])
		list = list[at[0]+1:]
	}
	routes = append(routes, list)
	for i, uri := range routes {
		routes[i] = strings.Trim(uri, ", \t\r\n")
	}
	return slices.DeleteFunc(routes, func(uri string) bool { return uri == "" })
}
