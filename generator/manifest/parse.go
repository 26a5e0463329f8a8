package manifest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/mod/module"

	"github.com/gliderlabs/logspout-builder/generator/goflags"
)

var (
	nameForm     = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)
	versionForm  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+~-]*$`)
	variableForm = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	schemeForm   = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+._-]*$`)
	nextRoute    = regexp.MustCompile(`,\s*[A-Za-z][A-Za-z0-9+._-]*://`)
)

// fits reports whether a text has a form and at most so many bytes. An expression that counts them itself has a state for each, and compiling
// that at each start of the builder takes longer than all else of it.
func fits(form *regexp.Regexp, most int, text string) bool {
	return len(text) <= most && form.MatchString(text)
}

// Parse reads a manifest: a modules.go when file ends in .go, else YAML. file is its name for messages. Its error is Errors: every problem of the
// manifest at once.
func Parse(file string, data []byte, reg *Registry) (*Manifest, error) {
	if strings.HasSuffix(file, ".go") {
		return parseGo(file, data, reg)
	}
	r := manifestReader{reg: reg, m: Default()}
	r.m.File = file
	if root, ok := r.parseYAML(file, data); ok {
		r.manifest(root)
	}
	if err := r.err(); err != nil {
		return nil, err
	}
	return r.m, nil
}

// manifestReader fills a manifest from a document.
type manifestReader struct {
	reader
	reg *Registry
	m   *Manifest
}

func (r *manifestReader) manifest(root node) {
	known := []string{"name", "version", "modules", "replace", "build", "env", "routes", "budget"}
	r.keys(root, "manifest", known, func(f field) {
		switch f.key {
		case "name":
			r.m.Name = r.name(f.value)
		case "version":
			r.m.Version = r.version(f.value)
		case "modules":
			r.m.Modules, r.m.Implied = r.modules(f), false
		case "replace":
			r.m.Replace = r.replace(f)
		case "build":
			r.m.Build = r.build(f.value)
		case "env":
			r.m.Env = r.env(f)
		case "routes":
			r.m.Routes = r.routes(f)
		case "budget":
			r.m.Budget = r.budget(f.value)
		}
	})
	if r.m.Implied {
		for _, route := range r.m.Routes {
			r.m.serve(&r.problems, route, r.reg)
		}
	}
	r.checkReplaced()
}

func (r *manifestReader) name(n node) string {
	text, ok := r.text(n, "name")
	if ok && !fits(nameForm, 64, text) {
		r.add(n.pos, "name: want 1 to 64 of a-z A-Z 0-9 . _ -, beginning with a letter or digit, found %s", quote(text))
	}
	return text
}

func (r *manifestReader) version(n node) string {
	text, ok := r.scalar(n, "version")
	if ok && !fits(versionForm, 128, text) {
		r.add(n.pos, "version: want 1 to 128 of a-z A-Z 0-9 . _ + ~ -, beginning with a letter or digit, found %s", quote(text))
	}
	return text
}

// modules is the list of modules; the same module twice is a problem, be it by name and by package path.
func (r *manifestReader) modules(f field) []Module {
	items := r.list(f, "modules")
	if f.value.kind == listKind && len(items) == 0 {
		r.add(f.value.pos, "modules: the list is empty, and a binary without modules does nothing: write [%s], or leave the key out", StandardName)
	}
	first := map[string]Pos{}
	var modules []Module
	for _, item := range items {
		m, ok := r.module(item)
		if !ok {
			continue
		}
		if at, again := first[m.ID()]; again {
			r.add(m.Pos, "module %s comes again: first in line %d", quote(m.ID()), at.Line)
			continue
		}
		first[m.ID()] = m.Pos
		modules = append(modules, m)
	}
	return modules
}

func (r *manifestReader) module(n node) (Module, bool) {
	switch n.kind {
	case textKind:
		return parseSpec(&r.problems, n.text, n.pos, r.reg)
	case mappingKind:
		return r.moduleMapping(n)
	default:
		r.add(n.pos, "modules: want a text such as NAME, NAME@VERSION or import/path=./dir, or a mapping, found %s", n.describe())
		return Module{}, false
	}
}

// moduleMapping is a module written as {name, version, dir, rename} or {package, version, dir, rename}.
func (r *manifestReader) moduleMapping(n node) (Module, bool) {
	before := len(r.problems)
	m := Module{Pos: n.pos}
	var id, version, dir *field
	r.keys(n, "module", []string{"name", "package", "version", "dir", "rename"}, func(f field) {
		if f.key == "rename" {
			m.Rename = r.rename(f)
			return
		}
		if _, ok := r.text(f.value, f.key); !ok {
			return
		}
		switch f.key {
		case "name", "package":
			if id != nil {
				r.add(f.pos, "module: name and package exclude each other: name is the registry's, package any import path")
			}
			id = &f
		case "version":
			version = &f
		case "dir":
			dir = &f
		}
	})
	if len(r.problems) > before {
		return m, false
	}
	if id == nil {
		r.add(n.pos, "module: want the key name or the key package")
		return m, false
	}
	switch isPath := looksLikePath(id.value.text); {
	case id.key == "name" && isPath:
		r.add(id.value.pos, "name: %s is a package path: write it under the key package", quote(id.value.text))
		return m, false
	case id.key == "package" && !isPath && id.value.text != "":
		r.add(id.value.pos, "package: %s is not a package path: a name of the registry stands under the key name", quote(id.value.text))
		return m, false
	}
	resolveModule(&r.problems, &m, id.value.text, id.value.pos, r.reg)
	if version != nil {
		m.Version = version.value.text
		checkModuleVersion(&r.problems, m.Version, version.value.pos)
	}
	if dir != nil {
		m.Dir = dir.value.text
		checkDir(&r.problems, m.Dir, dir.value.pos)
	}
	checkFixed(&r.problems, m, r.reg)
	return m, len(r.problems) == before
}

// rename is the mapping of names that a package registers to those that they get in the binary.
func (r *manifestReader) rename(f field) Renames {
	renames, taken := Renames{}, map[string]string{}
	r.entries(f, func(entry field) {
		name, ok := r.text(entry.value, "rename")
		if !ok {
			return
		}
		first, again := taken[name]
		switch {
		case !extensionForm.MatchString(entry.key):
			r.add(entry.pos, "rename: want a name that the package registers, of a-z A-Z 0-9 . _ -, found %s", quote(entry.key))
		case !extensionForm.MatchString(name):
			r.add(entry.value.pos, "rename: want a new name of a-z A-Z 0-9 . _ -, found %s", quote(name))
		case name == entry.key:
			r.add(entry.value.pos, "rename: %s keeps its name: leave the line out", quote(name))
		case again:
			r.add(entry.value.pos, "rename: %s and %s cannot both be %s", quote(first), quote(entry.key), quote(name))
		default:
			renames[entry.key], taken[name] = name, entry.key
		}
	})
	if f.value.kind == mappingKind && len(f.value.fields) == 0 {
		r.add(f.value.pos, "rename: want at least one name, as in kafka: kafka-own")
	}
	return renames
}

// replace is the mapping of a module path to a local directory or to another module at a version.
func (r *manifestReader) replace(f field) []Replace {
	var all []Replace
	r.entries(f, func(entry field) {
		before := len(r.problems)
		rep := Replace{Module: entry.key, Pos: entry.pos}
		if err := module.CheckPath(entry.key); err != nil {
			hint := "want a module path such as example.com/you/module"
			if path, version, ok := strings.Cut(entry.key, "@"); ok && module.CheckPath(path) == nil {
				hint = fmt.Sprintf("a replacement stands for every version: write %s without @%s", clip(path), clip(version))
			}
			r.add(entry.pos, "replace: %s: %s", quote(entry.key), hint)
		}
		if Within(entry.key, CorePath) {
			r.add(entry.pos, "replace: %s travels with the builder and is never taken from elsewhere: use a builder of the version that you want", clip(entry.key))
		}
		text, ok := r.text(entry.value, "replace")
		if !ok {
			return
		}
		path, version, hasVersion := strings.Cut(text, "@")
		switch {
		case looksLikeDir(text):
			rep.Dir = text
			checkDir(&r.problems, text, entry.value.pos)
		case module.CheckPath(path) != nil:
			r.add(entry.value.pos, "replace: want a directory such as ./dir or a module such as other/path@version, found %s", quote(text))
		case !hasVersion:
			r.add(entry.value.pos, "replace: %s has no version: write %s@VERSION, or ./%s for a directory", quote(text), clip(text), clip(text))
		default:
			rep.Path, rep.Version = path, version
			checkModuleVersion(&r.problems, version, entry.value.pos)
		}
		if len(r.problems) == before {
			all = append(all, rep)
		}
	})
	slices.SortFunc(all, func(a, b Replace) int { return strings.Compare(a.Module, b.Module) })
	return all
}

// checkReplaced finds modules that two places say where to take from.
func (r *manifestReader) checkReplaced() {
	for _, rep := range r.m.Replace {
		for _, m := range r.m.Modules {
			if m.Dir != "" && Within(m.Package, rep.Module) {
				r.add(rep.Pos, "replace: %s is already taken from %s in line %d: keep one of them", rep.Module, quote(m.Dir), m.Pos.Line)
			}
		}
	}
}

func (r *manifestReader) build(n node) Build {
	var b Build
	var ldflags node
	r.keys(n, "build", []string{"tags", "ldflags", "debug"}, func(f field) {
		switch f.key {
		case "tags":
			b.Tags = r.tags(f)
		case "ldflags":
			b.LDFlags, _ = r.text(f.value, "ldflags")
			ldflags = f.value
		case "debug":
			b.Debug = r.truth(f.value, "debug")
		}
	})
	if b.LDFlags != "" {
		for _, problem := range goflags.CheckLinker(b.LDFlags, b.Debug) {
			r.add(ldflags.pos, "ldflags: %s", problem)
		}
	}
	return b
}

func (r *manifestReader) tags(f field) []string {
	var tags []string
	for _, item := range r.list(f, "build tags") {
		tag, ok := r.text(item, "tags")
		if !ok {
			continue
		}
		if slices.Contains(tags, tag) {
			r.add(item.pos, "tag %s comes again", quote(tag))
			continue
		}
		if problem := goflags.CheckTag(tag); problem != "" {
			r.add(item.pos, "%s", problem)
		}
		tags = append(tags, tag)
	}
	slices.Sort(tags)
	return tags
}

// env is the default environment: numbers and truth values that are written bare keep their text.
func (r *manifestReader) env(f field) map[string]string {
	env := map[string]string{}
	r.entries(f, func(entry field) {
		if !variableForm.MatchString(entry.key) {
			r.add(entry.pos, "env: want a variable's name of a-z A-Z 0-9 _ that does not begin with a digit, found %s", quote(entry.key))
		}
		if entry.value.kind == nullKind {
			r.add(entry.value.pos, `env: %s: want a text, found nothing: write "" for an empty one`, clip(entry.key))
			return
		}
		text, ok := r.scalar(entry.value, "env: "+clip(entry.key))
		if ok && strings.ContainsRune(text, 0) {
			r.add(entry.value.pos, "env: %s: a NUL character cannot be in a variable", clip(entry.key))
		}
		env[entry.key] = text
	})
	return env
}

// routes are the default routes. Only their form is checked: what their options mean is known to the modules of the binary.
func (r *manifestReader) routes(f field) []Route {
	first := map[string]Pos{}
	var routes []Route
	for _, item := range r.list(f, "route URIs") {
		uri, ok := r.text(item, "routes")
		if !ok {
			continue
		}
		if at, again := first[uri]; again {
			r.add(item.pos, "route comes again: first in line %d", at.Line)
			continue
		}
		first[uri] = item.pos
		if message := checkRoute(uri); message != "" {
			r.add(item.pos, "routes: %s", message)
			continue
		}
		routes = append(routes, Route{uri, item.pos})
	}
	return routes
}

// checkRoute says what is wrong with the form of a route URI, "" when nothing is. It shows no more of it than the scheme: the rest may hold a
// password.
func checkRoute(uri string) string {
	scheme, _, ok := strings.Cut(uri, "://")
	switch {
	case strings.HasPrefix(uri, "$"), ok && strings.Contains(scheme, "$"):
		return "" // known only when the binary runs
	case !ok:
		return "no scheme: want adapter[+transport]://host:port[?option=value&...]"
	case !schemeForm.MatchString(scheme):
		return fmt.Sprintf("malformed scheme %s: want adapter[+transport]", quote(scheme))
	case nextRoute.MatchString(uri):
		return "two routes in one entry: write each as an entry of its own"
	}
	if i := strings.IndexFunc(uri, func(c rune) bool { return c <= ' ' || c == 0x7f }); i >= 0 {
		return fmt.Sprintf("white space or a control character at byte %d: write it as %%%02X", i, uri[i])
	}
	return ""
}
