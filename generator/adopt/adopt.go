// Package adopt makes a manifest of what its user has already: routes, the modules.go of a custom Logspout, a compose file, a running forwarder, a
// binary.
package adopt

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/gliderlabs/logspout-builder/generator/manifest"
)

// Draft is what was found, to become a manifest.
type Draft struct {
	From    string // where, for the manifest's first comment; one line
	Name    string // of the binary, "" for the default
	Version string
	// Modules are as manifest.ParseModule reads them. None are what the routes need, and the standard set where there are no routes.
	Modules []string
	// Routes are URIs as the environment of a binary has them: $NAME stands for a variable.
	Routes []string
	Env    map[string]string
	// Notes are for the user: what could not be taken over, and what to do; one line each.
	Notes []string

	buildContext string // of a compose file's service: where a modules.go may stand
}

func (d *Draft) note(format string, args ...any) {
	d.Notes = append(d.Notes, fmt.Sprintf(format, args...))
}

// schemaLine lets editors check the manifest.
const schemaLine = "# yaml-language-server: $schema=https://raw.githubusercontent.com/" + "gliderlabs/logspout-builder/main/generator/manifest/logspout.schema.json\n"

// Manifest is the draft as the text of a manifest that reads back as the draft, and what the user should know of it: the draft's notes and more. What
// the registry has no module for is in it as a comment. Secrets of routes are not: variables stand for them.
func (d Draft) Manifest(reg *manifest.Registry) (text []byte, notes []string, err error) {
	d.Notes = slices.Clone(d.Notes)
	d.hideSecrets()
	m, err := d.modules(reg)
	if err != nil {
		return nil, nil, err
	}
	served, problems := d.servedRoutes(m, reg)
	var b bytes.Buffer
	b.WriteString(schemaLine)
	if d.From != "" {
		fmt.Fprintf(&b, "#\n# Made by logspout-builder init from %s.\n", printable(d.From))
	}
	b.WriteString("\n")
	if d.Name != "" && d.Name != manifest.DefaultName {
		fmt.Fprintf(&b, "name: %s\n", quoted(d.Name))
	}
	if d.Version != "" {
		fmt.Fprintf(&b, "version: %s\n", quoted(d.Version))
	}
	d.writeModules(&b, m, served)
	d.writeRoutes(&b, problems)
	if len(d.Env) > 0 {
		b.WriteString("\n# Environment baked in. What the process finds in its own comes first.\nenv:\n")
		for _, name := range slices.Sorted(maps.Keys(d.Env)) {
			fmt.Fprintf(&b, "  %s: %s\n", name, scalar(d.Env[name]))
		}
	}
	text = append(bytes.TrimRight(bytes.ReplaceAll(b.Bytes(), []byte("\n\n\n"), []byte("\n\n")), "\n"), '\n')
	return text, d.Notes, d.check(text, served, reg)
}

// modules are what the draft names, and what its routes need beside.
func (d *Draft) modules(reg *manifest.Registry) (*manifest.Manifest, error) {
	m := manifest.Default()
	for i, spec := range d.Modules {
		mod, err := manifest.ParseModule(spec, manifest.Pos{}, reg)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			m.Modules, m.Implied = nil, false
		}
		m.Add(mod)
	}
	for _, uri := range d.Routes {
		if err := m.Serve(manifest.Route{URI: uri}, reg); err != nil {
			return nil, fmt.Errorf("routes: %w", err)
		}
	}
	m.For = nil
	return m, nil
}

// servedRoutes are the routes that the modules serve, and what is wrong with each of the others.
func (d *Draft) servedRoutes(m *manifest.Manifest, reg *manifest.Registry) (served []string, problems map[string]string) {
	problems = map[string]string{}
	for _, uri := range d.Routes {
		alone := *m
		alone.Routes = []manifest.Route{{URI: uri}}
		if _, err := alone.Expand(reg); err != nil {
			problems[uri] = err.Error()
			d.note("%s", err)
			continue
		}
		served = append(served, uri)
	}
	return served, problems
}

func (d *Draft) writeModules(b *bytes.Buffer, m *manifest.Manifest, served []string) {
	var ids []string
	for _, mod := range m.Modules {
		ids = append(ids, mod.String())
	}
	if len(d.Modules) == 0 {
		slices.Sort(ids)
	}
	if len(d.Modules) == 0 && len(served) > 0 && len(served) == len(d.Routes) {
		fmt.Fprintf(b, "# Without the key modules, what the routes need goes in: %s.\n", strings.Join(ids, ", "))
		return
	}
	b.WriteString("modules:\n")
	for _, id := range ids {
		fmt.Fprintf(b, "  - %s\n", scalar(id))
	}
}

func (d *Draft) writeRoutes(b *bytes.Buffer, problems map[string]string) {
	if len(d.Routes) == 0 {
		return
	}
	b.WriteString("\n# Where to deliver when neither arguments nor ROUTE_URIS say.\n")
	if len(problems) == len(d.Routes) {
		b.WriteString("# ")
	}
	b.WriteString("routes:\n")
	for _, uri := range d.Routes {
		if problem, ok := problems[uri]; ok {
			fmt.Fprintf(b, "  # %s\n  # - %s\n", printable(problem), scalar(uri))
			continue
		}
		fmt.Fprintf(b, "  - %s\n", scalar(uri))
	}
}

// check reads the text back: it must say what the draft says.
func (d *Draft) check(text []byte, served []string, reg *manifest.Registry) error {
	m, err := manifest.Parse("manifest", text, reg)
	if err != nil {
		return fmt.Errorf("the manifest would be wrong: %w", err)
	}
	if _, err := m.Expand(reg); err != nil {
		return fmt.Errorf("the manifest would be wrong: %w", err)
	}
	var routes []string
	for _, r := range m.Routes {
		routes = append(routes, r.URI)
	}
	if !slices.Equal(routes, served) || !maps.Equal(m.Env, d.Env) {
		return fmt.Errorf("the manifest would not say what %s says", d.From)
	}
	return nil
}

var (
	plain      = regexp.MustCompile(`^[A-Za-z0-9$/][^\s"'\\#]*$`)
	secretName = regexp.MustCompile(`(?i)(pass(word|wd|phrase)?|pwd|secret|token|credential|auth(orization)?|(api|access|account|private|shared|secret)[._-]?key)s?$`)
	variable   = regexp.MustCompile(`\$(\w+|\{\w+\})`)
)

// scalar is a text as a YAML value, in quotes where it needs them. A number or truth value keeps its text where a manifest takes one.
func scalar(s string) string {
	if plain.MatchString(s) && !strings.HasSuffix(s, ":") && !strings.EqualFold(s, "null") {
		return s
	}
	return quoted(s)
}

// quoted is a text as a JSON string, which is one of YAML.
func quoted(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string always can be
	return strings.TrimSuffix(b.String(), "\n")
}

// printable is a text on one line of a comment.
func printable(s string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f || c == '\u0085' || c == '\u2028' || c == '\u2029' || c == '\ufeff' {
			return ' '
		}
		return c
	}, s)
}

// hideSecrets puts variables in the place of the routes' passwords and of the options that hold secrets.
func (d *Draft) hideSecrets() {
	d.Routes = slices.Clone(d.Routes)
	for i, uri := range d.Routes {
		hide := func(what, value string) string {
			if value == "" || variable.MatchString(value) {
				return value
			}
			name := fmt.Sprintf("ROUTE_%d_%s", i+1, strings.ToUpper(regexp.MustCompile(`\W`).ReplaceAllString(what, "_")))
			d.note("route %d: its %s is not written down: set %s, percent-encoded, where the binary runs", i+1, what, name)
			return "${" + name + "}"
		}
		base, query, hasQuery := strings.Cut(uri, "?")
		scheme, place, _ := strings.Cut(base, "://")
		if at := strings.LastIndexByte(place, '@'); at >= 0 {
			user, password, ok := strings.Cut(place[:at], ":")
			if ok {
				place = user + ":" + hide("password", password) + place[at:]
			}
		}
		out := scheme + "://" + place
		if hasQuery {
			pairs := strings.Split(query, "&")
			for j, p := range pairs {
				if key, value, ok := strings.Cut(p, "="); ok && secretName.MatchString(key) {
					pairs[j] = key + "=" + hide(key, value)
				}
			}
			out += "?" + strings.Join(pairs, "&")
		}
		if strings.Contains(uri, "://") {
			d.Routes[i] = out
		}
	}
	for name, value := range d.Env {
		if secretName.MatchString(name) && value != "" {
			d.Env = maps.Clone(d.Env)
			delete(d.Env, name)
			d.note("%s looks like a secret and is not written down: give it to the binary where it runs", name)
		}
	}
}
