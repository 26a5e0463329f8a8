package adopt

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/gliderlabs/logspout-builder/generator/manifest"
	"github.com/gliderlabs/logspout-builder/generator/nearest"
)

// composeService is what counts of a service in a compose file.
type composeService struct {
	Image       string `yaml:"image"`
	Build       any    `yaml:"build"`
	Command     any    `yaml:"command"`
	Environment any    `yaml:"environment"`
	EnvFile     any    `yaml:"env_file"`
}

// buildContext is the directory that the service's image is built from, "" when it is not built or not from a directory.
func (s composeService) buildContext() string {
	context, _ := s.Build.(string)
	if settings, ok := s.Build.(map[string]any); ok {
		context, _ = settings["context"].(string)
	}
	if strings.Contains(context, "://") {
		return ""
	}
	return context
}

// maxCompose is the most bytes that a compose file may have.
const maxCompose = 256 << 10

// Compose reads what a service of a compose file runs logspout with: its routes and environment. service is the service's name, "" for the only one
// whose name or image has logspout in it. file is for messages.
func Compose(file string, data []byte, service string) (Draft, error) {
	if len(data) > maxCompose {
		return Draft{}, fmt.Errorf("%s: %d bytes are too much for a compose file (at most %d)", file, len(data), maxCompose)
	}
	services, err := parseCompose(data)
	if err != nil {
		return Draft{}, fmt.Errorf("%s is no compose file: %w", file, err)
	}
	name, err := chooseService(file, services, service)
	if err != nil {
		return Draft{}, err
	}
	s := services[name]
	d := Draft{From: fmt.Sprintf("%s, service %s", file, name), Modules: []string{manifest.StandardName}, Env: map[string]string{}}
	d.buildContext = s.buildContext()
	if s.EnvFile != nil {
		d.note("service %s has an env_file, which is not read: what is in there has to be given to the binary where it runs", name)
	}
	routes := d.environment(s.Environment)
	for _, arg := range words(s.Command) {
		if strings.Contains(arg, "://") || strings.HasPrefix(arg, "$") {
			routes = d.interpolate("command", arg)
			break
		}
	}
	d.Routes = manifest.SplitRoutes(routes)
	if len(d.Routes) == 0 {
		d.note("service %s has no routes, neither in command nor in ROUTE_URIS", name)
	}
	return d, nil
}

func parseCompose(data []byte) (services map[string]composeService, err error) {
	defer func() { // a bug of the YAML library is a malformed document to us, never a crash
		if p := recover(); p != nil {
			err = fmt.Errorf("malformed YAML: %v", p)
		}
	}()
	var file struct {
		Services map[string]composeService `yaml:"services"`
	}
	if err := yaml.Unmarshal(data, &file); err != nil {
		return nil, fmt.Errorf("malformed YAML: %s", strings.SplitN(err.Error(), "\n", 2)[0])
	}
	if len(file.Services) == 0 {
		return nil, errors.New("it has no services")
	}
	return file.Services, nil
}

func chooseService(file string, services map[string]composeService, service string) (string, error) {
	names := slices.Sorted(maps.Keys(services))
	if service != "" {
		if _, ok := services[service]; !ok {
			return "", fmt.Errorf("%s has no service %q (it has: %s)%s", file, service, strings.Join(names, ", "), nearest.DidYouMean(service, names))
		}
		return service, nil
	}
	var found []string
	for _, name := range names {
		if strings.Contains(strings.ToLower(services[name].Image+" "+name), "logspout") {
			found = append(found, name)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return "", fmt.Errorf("%s: no service's name or image has logspout in it (there is: %s): name one by --service", file, strings.Join(names, ", "))
	}
	return "", fmt.Errorf("%s: more than one service looks like logspout (%s): name one by --service", file, strings.Join(found, ", "))
}

// environment takes over a service's variables and returns ROUTE_URIS.
func (d *Draft) environment(v any) (routes string) {
	set := func(name string, value any) {
		if name == "ROUTE_URIS" && value != nil {
			routes = d.interpolate(name, fmt.Sprint(value))
			return
		}
		switch {
		case value == nil:
			d.note("%s comes from the environment of compose: give it to the binary where it runs", name)
			return
		case name == "LOGSPOUT":
			return // says whether the container's own lines are forwarded
		}
		notes := len(d.Notes)
		text := d.interpolate(name, fmt.Sprint(value))
		if variable.MatchString(text) {
			d.Notes = d.Notes[:notes]
			d.note("%s is filled in by compose: give it to the binary where it runs", name)
			return
		}
		d.Env[name] = text
	}
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			name, value, ok := strings.Cut(fmt.Sprint(item), "=")
			if !ok {
				set(name, nil)
				continue
			}
			set(name, value)
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			set(name, v[name])
		}
	}
	return routes
}

var composeVariable = regexp.MustCompile(`\$(?:(\$)|(\w+)|\{(\w+)(?:(:?[-?+])([^{}]*))?\})`)

// interpolate is a text as the container gets it, as far as that is known: $$ is a dollar sign, and defaults stand for their variables.
func (d *Draft) interpolate(where, text string) string {
	return composeVariable.ReplaceAllStringFunc(text, func(found string) string {
		m := composeVariable.FindStringSubmatch(found)
		dollar, name, operator, word := m[1], m[2]+m[3], strings.TrimPrefix(m[4], ":"), m[5]
		switch {
		case dollar != "":
			return "$"
		case operator == "-":
			d.note("%s: %s is filled in by compose: its default, %s, is written down", where, name, quoted(word))
			return word
		}
		d.note("%s: %s is filled in by compose: give it to the binary where it runs", where, name)
		return "${" + name + "}"
	})
}

// words are the arguments of a command, which is a list or a text that a shell would split.
func words(v any) []string {
	var out []string
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			out = append(out, fmt.Sprint(item))
		}
	case string:
		var word strings.Builder
		var quote rune
		for _, c := range v {
			switch {
			case quote != 0 && c == quote:
				quote = 0
			case quote == 0 && (c == '"' || c == '\''):
				quote = c
			case quote == 0 && (c == ' ' || c == '\t' || c == '\n'):
				out = append(out, word.String())
				word.Reset()
			default:
				word.WriteRune(c)
			}
		}
		out = append(out, word.String())
	}
	return slices.DeleteFunc(out, func(s string) bool { return s == "" })
}
