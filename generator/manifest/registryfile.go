package manifest

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"

	"github.com/gliderlabs/logspout-builder/generator/nearest"
)

var (
	moduleNameForm = regexp.MustCompile(`^[a-z][a-z0-9_-]*$`)
	extensionForm  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

	extensionPoints = []string{"AdapterFactory", "AdapterTransport", "HTTPHandler", "Job", "LogRouter", "Processor"}                                //nolint:gochecknoglobals // constant
	optionTypes     = []string{"bool", "duration", "enum", "float", "int", "list", "path", "regexp", "secret", "size", "string", "template", "url"} //nolint:gochecknoglobals // constant
	stabilities     = []string{"experimental", "beta", "stable", "deprecated"}                                                                      //nolint:gochecknoglobals // constant
)

// registrySchema is the one version of the file's shape.
const registrySchema = "1"

// ParseRegistry reads registry.json. Its error is Errors: every problem at once, with line and column.
func ParseRegistry(data []byte) (*Registry, error) { return ParseRegistryFrom("registry.json", data) }

// ParseRegistryFrom is ParseRegistry of a file or address with that name.
func ParseRegistryFrom(name string, data []byte) (*Registry, error) {
	r := registryReader{}
	root, ok := r.parseJSON(name, data)
	if ok {
		r.registry(root)
	}
	if err := r.err(); err != nil {
		return nil, err
	}
	return newRegistry(r.entries), nil
}

func newRegistry(entries []Entry) *Registry {
	reg := &Registry{entries: entries, byName: map[string]int{}, byPackage: map[string]int{}}
	slices.SortFunc(reg.entries, func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
	for i, e := range reg.entries {
		reg.byName[e.Name] = i
		reg.byPackage[e.Package] = i
	}
	return reg
}

// registryReader fills a registry from a document.
type registryReader struct {
	reader
	entries []Entry
}

func (r *registryReader) registry(root node) {
	missing := []string{"schema", "modules"}
	r.keys(root, "registry", []string{"$schema", "schema", "modules"}, func(f field) {
		missing = slices.DeleteFunc(missing, func(k string) bool { return k == f.key })
		switch f.key {
		case "schema":
			if f.value.kind != numberKind || f.value.text != registrySchema {
				r.add(f.value.pos, "schema: want %s, found %s: a newer builder may read it", registrySchema, f.value.describe())
			}
		case "modules":
			r.modules(f)
		}
	})
	r.missing(root, "registry", missing)
}

func (r *registryReader) modules(f field) {
	names, packages, registered := map[string]Pos{}, map[string]Pos{}, map[string]string{}
	unique := func(seen map[string]Pos, what, value string, at Pos) {
		if first, again := seen[value]; again && value != "" {
			r.add(at, "%s %s comes again: first in line %d", what, quote(value), first.Line)
			return
		}
		seen[value] = at
	}
	for _, item := range r.list(f, "modules") {
		e, name, path := r.entry(item)
		unique(names, "name", e.Name, name)
		unique(packages, "package", e.Package, path)
		if e.Standard {
			for _, point := range e.Points() {
				for _, n := range e.Registers[point] {
					key := point + " " + quote(n)
					if other, taken := registered[key]; taken {
						r.add(item.pos, "%s registers %s, and so does %s: the standard set holds a name once", quote(e.Name), key, quote(other))
					}
					registered[key] = e.Name
				}
			}
		}
		r.entries = append(r.entries, e)
	}
}

// entry is one module with the places of its name and package.
func (r *registryReader) entry(n node) (e Entry, name, path Pos) {
	name, path = n.pos, n.pos
	var kind field
	known := []string{"name", "package", "version", "versions", "kind", "summary", "standard", "registers", "transport", "example", "options", "license", "home", "stability"}
	missing := []string{"name", "package", "summary", "standard", "registers", "license", "home", "stability"}
	r.keys(n, "module", known, func(f field) {
		missing = slices.DeleteFunc(missing, func(k string) bool { return k == f.key })
		switch f.key {
		case "name":
			name, e.Name = f.value.pos, r.checked(f, checkModuleName)
		case "package":
			path, e.Package = f.value.pos, r.checked(f, checkRegistryPackage)
		case "version":
			if text, ok := r.text(f.value, f.key); ok {
				e.Version = text
				checkModuleVersion(&r.problems, text, f.value.pos)
			}
		case "versions":
			e.Versions = r.versions(f)
		case "kind":
			kind = f
		case "summary":
			e.Summary = r.checked(f, checkLine)
		case "standard":
			e.Standard = r.truth(f.value, f.key)
		case "registers":
			e.Registers = r.registers(f)
		case "transport":
			e.Transport = r.checked(f, checkExtension)
		case "example":
			e.Example = r.checked(f, checkRoute)
		case "options":
			e.Options = r.options(f)
		case "license":
			e.License = r.checked(f, checkLine)
		case "home":
			e.Home = r.checked(f, checkHome)
		case "stability":
			e.Stability = r.checked(f, oneOf(stabilities))
		}
	})
	r.missing(n, "module", missing)
	if text := r.checked(kind, oneOf(kinds())); slices.Contains(kinds(), text) && len(e.Registers) > 0 && text != e.Kind() {
		r.add(kind.value.pos, "kind: a module that registers this is of kind %s, found %s", quote(e.Kind()), quote(text))
	}
	if len(e.Versions) > 0 && e.Bundled() {
		r.add(path, "%s comes with the builder and has no versions of its own", quote(e.Name))
	}
	if e.Version != "" && e.Bundled() {
		r.add(path, "%s comes with the builder and has no version of its own", quote(e.Name))
	}
	return e, name, path
}

// versions are those that are known of a module.
func (r *registryReader) versions(f field) []string {
	var versions []string
	for _, item := range r.list(f, "versions") {
		text, ok := r.text(item, "versions")
		switch {
		case !ok:
		case !semver.IsValid(text) || semver.Canonical(text) != strings.TrimSuffix(text, "+incompatible"):
			r.add(item.pos, "versions: want versions such as v1.2.3, found %s", quote(text))
		case slices.Contains(versions, text):
			r.add(item.pos, "versions: %s comes again", quote(text))
		default:
			versions = append(versions, text)
		}
	}
	return versions
}

func (r *registryReader) registers(f field) map[string][]string {
	registers := map[string][]string{}
	r.extensions(f, registers)
	if f.value.kind == mappingKind && len(f.value.fields) == 0 {
		r.add(f.value.pos, "registers: a module registers at least one extension")
	}
	return registers
}

func (r *registryReader) extensions(f field, registers map[string][]string) {
	r.reader.entries(f, func(point field) {
		if !slices.Contains(extensionPoints, point.key) {
			r.add(point.pos, "registers: unknown extension point %s (known: %s)%s", quote(point.key), strings.Join(extensionPoints, ", "),
				nearest.DidYouMean(point.key, extensionPoints))
			return
		}
		items := r.list(point, "names")
		if point.value.kind == listKind && len(items) == 0 {
			r.add(point.value.pos, "%s: want at least one name", point.key)
		}
		for _, item := range items {
			name, ok := r.text(item, point.key)
			switch {
			case !ok:
			case !extensionForm.MatchString(name):
				r.add(item.pos, "%s: want a name of a-z A-Z 0-9 . _ -, found %s", point.key, quote(name))
			case slices.Contains(registers[point.key], name):
				r.add(item.pos, "%s: name %s comes again", point.key, quote(name))
			default:
				registers[point.key] = append(registers[point.key], name)
			}
		}
	})
}

func (r *registryReader) options(f field) []Option {
	var options []Option
	seen := map[string]bool{}
	for _, item := range r.list(f, "options") {
		var o Option
		missing := []string{"type", "description"}
		r.keys(item, "option", []string{"name", "type", "default", "env", "description"}, func(f field) {
			missing = slices.DeleteFunc(missing, func(k string) bool { return k == f.key })
			switch f.key {
			case "name":
				o.Name = r.checked(f, func(string) string { return "" })
			case "type":
				o.Type = r.checked(f, oneOf(optionTypes))
			case "default":
				o.Default, _ = r.text(f.value, f.key)
			case "env":
				o.Env = r.checked(f, checkVariable)
			case "description":
				o.Description = r.checked(f, checkLine)
			}
		})
		if item.kind != mappingKind {
			continue
		}
		r.missing(item, "option", missing)
		switch id := cmp.Or(o.Name, o.Env); {
		case id == "":
			r.add(item.pos, "option: want the key name, the key env, or both")
		case seen[id]:
			r.add(item.pos, "option %s comes again", quote(id))
		default:
			seen[id] = true
		}
		options = append(options, o)
	}
	return options
}

// checked is a text about which check has nothing to say.
func (r *registryReader) checked(f field, check func(string) string) string {
	if f.key == "" {
		return ""
	}
	text, ok := r.text(f.value, f.key)
	if !ok {
		return ""
	}
	if message := check(text); message != "" {
		r.add(f.value.pos, "%s: %s", f.key, message)
	}
	return text
}

func checkExtension(s string) string {
	if !extensionForm.MatchString(s) {
		return "want a name of a-z A-Z 0-9 . _ -, found " + quote(s)
	}
	return ""
}

func checkModuleName(s string) string {
	switch {
	case s == StandardName:
		return "the name stands for the standard set"
	case !fits(moduleNameForm, 64, s):
		return "want a-z 0-9 _ - beginning with a letter, found " + quote(s)
	}
	return ""
}

func checkRegistryPackage(s string) string {
	if err := module.CheckImportPath(s); err != nil || !strings.Contains(strings.SplitN(s, "/", 2)[0], ".") {
		return "want an import path such as example.com/you/module, found " + quote(s)
	}
	return ""
}

func checkLine(s string) string {
	if strings.TrimSpace(s) != s || s == "" || strings.ContainsFunc(s, isControl) || strings.ContainsAny(s, "\r\n\t") {
		return "want one line of text, found " + quote(s)
	}
	return ""
}

func checkHome(s string) string {
	if !strings.HasPrefix(s, "https://") || strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' }) {
		return "want an https:// address, found " + quote(s)
	}
	return ""
}

func checkVariable(s string) string {
	if !variableForm.MatchString(s) && s != "" {
		return "want a variable's name, found " + quote(s)
	}
	return ""
}

func oneOf(names []string) func(string) string {
	return func(s string) string {
		if slices.Contains(names, s) {
			return ""
		}
		return fmt.Sprintf("want one of %s, found %s%s", strings.Join(names, ", "), quote(s), nearest.DidYouMean(s, names))
	}
}
