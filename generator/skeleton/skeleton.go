// Package skeleton writes the beginning of a module: code that works, its test, its README and its registry entry.
package skeleton

import (
	"bytes"
	"errors"
	"fmt"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"text/template"

	"golang.org/x/mod/module"

	"github.com/gliderlabs/logspout-builder/generator/manifest"
	"github.com/gliderlabs/logspout-builder/generator/nearest"
)

// templates is the directory of the skeletons, one directory a kind; what lies beside them belongs to each.
const templates = "templates/module"

// points are the extension points by kind. The order is that of Kinds.
var points = []struct{ kind, point string }{ //nolint:gochecknoglobals // constant
	{"adapter", "AdapterFactory"},
	{"transport", "AdapterTransport"},
	{"handler", "HTTPHandler"},
	{"job", "Job"},
	{"router", "LogRouter"},
	{"processor", "Processor"},
}

// schemeParts are the extension points whose names share a route's scheme: "processor+adapter+transport".
var schemeParts = []string{"AdapterFactory", "AdapterTransport", "Processor"} //nolint:gochecknoglobals // constant

var (
	nameForm  = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,39}$`)
	separator = regexp.MustCompile(`[-_]+`)
)

// Spec is a module to be begun.
type Spec struct {
	Kind        string // one of Kinds
	Name        string // what it registers
	Module      string // the path of the module, which is its package's, too
	Go          string // version of the language
	CoreRelease string // version of the core that go.mod asks for
}

// Kinds are the kinds of modules.
func Kinds() []string {
	kinds := make([]string, len(points))
	for i, p := range points {
		kinds[i] = p.kind
	}
	return kinds
}

// Package is the name of the Go package.
func (s Spec) Package() string { return separator.ReplaceAllString(s.Name, "") }

// Variable is what the names of the module's environment variables begin with.
func (s Spec) Variable() string { return strings.ToUpper(separator.ReplaceAllString(s.Name, "_")) }

// Check reports all that is wrong with the names, and what in the registry has them already.
func (s Spec) Check(registry *manifest.Registry) error {
	return errors.Join(s.checkKind(), s.checkName(registry), s.checkModule(registry))
}

func (s Spec) checkKind() error {
	if slices.Contains(Kinds(), s.Kind) {
		return nil
	}
	return fmt.Errorf("unknown kind of module %q (there are: %s)%s", s.Kind, strings.Join(Kinds(), ", "), nearest.DidYouMean(s.Kind, Kinds()))
}

func (s Spec) checkName(registry *manifest.Registry) error {
	if !nameForm.MatchString(s.Name) {
		return fmt.Errorf("name %q: want a-z 0-9 _ - beginning with a letter, 40 at most, such as %q", s.Name, suggestion(s.Name))
	}
	if name := s.Package(); token.IsKeyword(name) || slices.Contains([]string{"main", "core", "init", "test", "testing", "internal", "vendor", "testdata"}, name) {
		return fmt.Errorf("name %q: no Go package can have or should have the name %q; choose another, such as %q", s.Name, name, "my-"+s.Name)
	}
	for _, e := range registry.Entries() {
		if e.Name == s.Name {
			return fmt.Errorf("name %q: the registry has a module of that name (%s); choose another, such as %q", s.Name, e.Summary, "my-"+s.Name)
		}
		for point, names := range e.Registers {
			if slices.Contains(names, s.Name) && s.clashes(point) {
				return fmt.Errorf("name %q: the module %q registers it at %s; choose another, such as %q", s.Name, e.Name, point, "my-"+s.Name)
			}
		}
	}
	return nil
}

// clashes reports whether a name at an extension point is in the way of the same name at this one.
func (s Spec) clashes(point string) bool {
	own := s.point()
	return own == point || slices.Contains(schemeParts, own) && slices.Contains(schemeParts, point)
}

func (s Spec) point() string {
	for _, p := range points {
		if p.kind == s.Kind {
			return p.point
		}
	}
	return ""
}

// suggestion is a name that can be, made of one that cannot.
func suggestion(name string) string {
	name = strings.Trim(regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(strings.ToLower(name), "-"), "-0123456789")
	if name = name[:min(len(name), 40)]; !nameForm.MatchString(name) {
		return "gelf"
	}
	return name
}

func (s Spec) checkModule(registry *manifest.Registry) error {
	if err := module.CheckPath(s.Module); err != nil {
		return fmt.Errorf("module path %q: want one such as example.com/you/logspout-%s", s.Module, suggestion(s.Name))
	}
	if manifest.Within(s.Module, manifest.CorePath) {
		return fmt.Errorf("module path %q is within the core's: want one of your own, such as example.com/you/logspout-%s", s.Module, suggestion(s.Name))
	}
	if e, ok := registry.ByPackage(s.Module); ok {
		return fmt.Errorf("module path %q is that of %q in the registry", s.Module, e.Name)
	}
	return nil
}

// Files are the module's files by name. source holds the templates.
func (s Spec) Files(source fs.FS) (map[string][]byte, error) {
	files := map[string][]byte{}
	for _, dir := range []string{templates, path.Join(templates, s.Kind)} {
		entries, err := fs.ReadDir(source, dir)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			name, ok := strings.CutSuffix(e.Name(), ".tmpl")
			if !ok {
				continue
			}
			text, err := fs.ReadFile(source, path.Join(dir, e.Name()))
			if err != nil {
				return nil, err
			}
			t, err := template.New(e.Name()).Option("missingkey=error").Parse(string(text))
			if err != nil {
				return nil, err
			}
			var b bytes.Buffer
			if err := t.Execute(&b, s); err != nil {
				return nil, err
			}
			files[strings.Replace(name, "module", s.Package(), 1)] = b.Bytes()
		}
	}
	return files, nil
}

// Write puts files into a directory, which must not be there or be empty.
func Write(dir string, files map[string][]byte) error {
	entries, err := os.ReadDir(dir)
	switch {
	case err == nil && len(entries) > 0:
		return fmt.Errorf("directory %s is not empty: name another with -o", dir)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w; name a directory with -o", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // source for everyone whom umask lets read
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := os.WriteFile(filepath.Join(dir, name), files[name], 0o644); err != nil { //nolint:gosec // as above
			return err
		}
	}
	return nil
}
