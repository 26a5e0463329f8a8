package manifest

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// legacySuccessors are the modules here that do what packages of the original logspout did, by what follows its path. Those that the registry
// does not have are still to come.
var legacySuccessors = map[string]string{ //nolint:gochecknoglobals // constant
	"adapters/raw":       "raw",
	"adapters/syslog":    "syslog",
	"adapters/multiline": "multiline",
	"transports/tcp":     "tcp",
	"transports/tls":     "tls",
	"transports/udp":     "udp",
	"httpstream":         "httpstream",
	"routesapi":          "routesapi",
	"healthcheck":        "health",
}

// LegacyPackages are the packages of the original logspout that the module with this name stands for, sorted.
func LegacyPackages(name string) []string {
	var packages []string
	for below, successor := range legacySuccessors {
		if successor == name {
			packages = append(packages, legacyPath+"/"+below)
		}
	}
	slices.Sort(packages)
	return packages
}

// pinComment is a comment behind an import that says which version is wanted: "v1.2.3" or "@main".
var pinComment = regexp.MustCompile(`^//\s*(?:@(\S+)|(v\d+\.\d+\.\d+\S*))\s*$`)

// parseGo reads the modules.go of a custom logspout: the modules are its blank imports. Packages of the original logspout stand for the modules that do
// the same here, and as reading the engine was part of its core, docker goes in unless another log router is named. A comment behind an import may give
// a version, as "v1.2.3" or "@main".
func parseGo(file string, data []byte, reg *Registry) (*Manifest, error) {
	g := goReader{file: file, data: data, reg: reg, files: token.NewFileSet(), m: Default()}
	g.m.File, g.m.Modules, g.m.Implied = file, nil, false
	if len(data) > maxSize {
		g.add(Pos{File: file}, "%d bytes are too much for a modules.go (at most %d)", len(data), maxSize)
		return nil, g.err()
	}
	source, err := parser.ParseFile(g.files, file, data, parser.ImportsOnly|parser.ParseComments)
	if err != nil {
		g.syntax(err)
		return nil, g.err()
	}
	for _, spec := range source.Imports {
		g.module(spec, g.pin(source, spec))
	}
	if len(source.Imports) == 0 {
		g.add(g.pos(source.Package), "no modules: each is an import such as _ %q", CorePath+"/modules/adapters/raw")
	}
	g.logRouter(g.pos(source.Package))
	if err := g.err(); err != nil {
		return nil, err
	}
	return g.m, nil
}

// goReader fills a manifest from a Go file's imports.
type goReader struct {
	problems
	file  string
	data  []byte
	reg   *Registry
	files *token.FileSet
	m     *Manifest
}

// pos is where p is, its column in characters.
func (g *goReader) pos(p token.Pos) Pos {
	at := g.files.PositionFor(p, false)
	return Pos{File: g.file, Line: at.Line, Col: utf8.RuneCount(g.data[at.Offset-at.Column+1:at.Offset]) + 1}
}

func (g *goReader) syntax(err error) {
	var list scanner.ErrorList
	if !errors.As(err, &list) {
		g.add(Pos{File: g.file}, "malformed Go: %s", err)
	}
	for _, e := range list {
		g.add(Pos{File: g.file, Line: e.Pos.Line, Col: e.Pos.Column}, "malformed Go: %s", e.Msg)
	}
}

// pin is the version that a comment behind an import gives, "" when none does.
func (g *goReader) pin(source *ast.File, spec *ast.ImportSpec) string {
	line := g.files.PositionFor(spec.Path.End(), false).Line
	for _, group := range source.Comments {
		for _, c := range group.List {
			if found := pinComment.FindStringSubmatch(c.Text); found != nil && c.Pos() > spec.Path.End() && g.files.PositionFor(c.Pos(), false).Line == line {
				return found[1] + found[2]
			}
		}
	}
	return ""
}

// module takes one import in.
func (g *goReader) module(spec *ast.ImportSpec, version string) {
	path, err := strconv.Unquote(spec.Path.Value)
	if err != nil {
		return // the parser has reported it
	}
	m := Module{Version: version, Pos: g.pos(spec.Path.Pos())}
	if spec.Name == nil || spec.Name.Name != "_" {
		g.add(m.Pos, "import %s is not blank: a modules.go only links packages in, as _ %s", quote(path), quote(path))
		return
	}
	if message := g.resolve(&m, path); message != "" {
		g.add(m.Pos, "%s", message)
		return
	}
	if version != "" {
		checkModuleVersion(&g.problems, version, m.Pos)
		checkFixed(&g.problems, m, g.reg)
	}
	if slices.ContainsFunc(g.m.Modules, func(have Module) bool { return have.ID() == m.ID() }) {
		return // Go takes a second import, too
	}
	g.m.Modules = append(g.m.Modules, m)
}

// resolve gives a module its name or path, or says what is wrong with it.
func (g *goReader) resolve(m *Module, path string) (message string) {
	if path == CorePath+"/modules/"+StandardName {
		m.Name = StandardName
		return ""
	}
	if e, ok := g.reg.ByPackage(path); ok {
		m.Name = e.Name
		return ""
	}
	below, legacy := strings.CutPrefix(path, legacyPath+"/")
	if successor, ok := legacySuccessors[below]; legacy && ok {
		if _, err := g.reg.Lookup(successor); err != nil {
			return "no module does here what " + quote(path) + " did: take the import out, and " + quote(successor+"+") + " out of the routes"
		}
		m.Name = successor
		return ""
	}
	if !strings.Contains(path, ".") {
		return "import " + quote(path) + " is of Go's own library: a modules.go only links modules in"
	}
	m.Package = path
	return checkPackage(path, g.reg)
}

// logRouter puts docker in, unless the manifest has a log router.
func (g *goReader) logRouter(at Pos) {
	for _, m := range g.m.Modules {
		if e, err := g.reg.Lookup(m.Name); m.Name == StandardName || err == nil && len(e.Registers["LogRouter"]) > 0 {
			return
		}
	}
	if e, err := g.reg.Lookup("docker"); err == nil {
		g.m.Modules = append(g.m.Modules, Module{Name: e.Name, Pos: at})
	}
}
