// Package lint reads the source of a module's package and tells what breaks the rules that the documentation gives to authors, each
// with its remedy. It runs nothing and needs no go command.
package lint

import (
	"cmp"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Finding is one broken rule.
type Finding struct {
	Rule    string `json:"rule"`
	File    string `json:"file"` // relative to the package's directory
	Line    int    `json:"line,omitempty"`
	Column  int    `json:"column,omitempty"`
	Message string `json:"message"`
	Next    string `json:"next"` // the remedy
}

// String is "file:line:column: message (rule)".
func (f Finding) String() string {
	at := f.File
	if f.Line > 0 {
		at = fmt.Sprintf("%s:%d:%d", at, f.Line, f.Column)
	}
	return fmt.Sprintf("%s: %s (%s)", at, f.Message, f.Rule)
}

// Package checks the package in a directory. core is the import path of the package that declares the extension points. The findings are
// sorted by file and place; there are none when all is well.
func Package(dir, core string) ([]Finding, error) {
	p := &checked{dir: dir, core: core, set: token.NewFileSet(), constants: map[string]string{}, lists: map[string][]string{}}
	if err := p.read(); err != nil {
		return nil, err
	}
	if len(p.files) == 0 && len(p.findings) == 0 {
		return nil, fmt.Errorf("no Go files are in %s: name the package's directory", dir)
	}
	if len(p.findings) == 0 { // half of the source would tell what is not so
		p.checkPackage()
		p.checkRegistrations()
		p.checkCode()
		p.checkTests()
		p.checkReadme()
		p.checkGoMod()
	}
	slices.SortStableFunc(p.findings, func(a, b Finding) int {
		return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return slices.Compact(p.findings), nil
}

// checked is a package under check.
type checked struct {
	dir       string
	core      string // import path
	set       *token.FileSet
	files     []*source // without tests, sorted by name
	tests     []*source
	constants map[string]string   // package-level string constants
	lists     map[string][]string // package-level lists of strings
	registers []registration
	findings  []Finding
}

// source is one file.
type source struct {
	name    string
	syntax  *ast.File
	imports map[string]string // name in the file -> import path
}

func (p *checked) read() error {
	entries, err := os.ReadDir(p.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := e.Name()
		if e.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") {
			continue
		}
		f, err := parser.ParseFile(p.set, filepath.Join(p.dir, name), nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			p.addSyntax(name, err)
			continue
		}
		s := &source{name, f, importNames(f)}
		if strings.HasSuffix(name, "_test.go") {
			p.tests = append(p.tests, s)
			continue
		}
		p.files = append(p.files, s)
		p.collectStrings(f)
	}
	return nil
}

// addSyntax notes why a file cannot be read.
func (p *checked) addSyntax(name string, err error) {
	f := Finding{Rule: "syntax", File: name, Message: err.Error(), Next: "mend it; gofmt -e " + name + " shows all that is wrong"}
	if list, ok := errors.AsType[scanner.ErrorList](err); ok {
		f.Line, f.Column, f.Message = list[0].Pos.Line, list[0].Pos.Column, list[0].Msg
	}
	p.findings = append(p.findings, f)
}

// importNames are the imports of a file by the name that they have in it, where that can be told.
func importNames(f *ast.File) map[string]string {
	names := map[string]string{}
	for _, i := range f.Imports {
		path := strings.Trim(i.Path.Value, `"`)
		name := path[strings.LastIndexByte(path, '/')+1:]
		if i.Name != nil {
			name = i.Name.Name
		}
		names[name] = path
	}
	return names
}

// collectStrings notes the constants and lists of strings of a file.
func (p *checked) collectStrings(f *ast.File) {
	for _, d := range f.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.CONST && g.Tok != token.VAR {
			continue
		}
		for _, s := range g.Specs {
			v, ok := s.(*ast.ValueSpec)
			if !ok || len(v.Values) != len(v.Names) {
				continue
			}
			for i, name := range v.Names {
				if text, ok := literal(v.Values[i]); ok && g.Tok == token.CONST {
					p.constants[name.Name] = text
				} else if list, ok := v.Values[i].(*ast.CompositeLit); ok {
					for _, e := range list.Elts {
						if text, ok := literal(e); ok {
							p.lists[name.Name] = append(p.lists[name.Name], text)
						}
					}
				}
			}
		}
	}
}

// add notes a finding at a node.
func (p *checked) add(at ast.Node, rule, next, format string, args ...any) {
	pos := p.set.Position(at.Pos())
	p.findings = append(p.findings, Finding{
		Rule: rule, File: filepath.Base(pos.Filename), Line: pos.Line, Column: pos.Column, Message: fmt.Sprintf(format, args...), Next: next,
	})
}

// addFile notes a finding about a file as a whole.
func (p *checked) addFile(file, rule, next, format string, args ...any) {
	p.findings = append(p.findings, Finding{Rule: rule, File: file, Message: fmt.Sprintf(format, args...), Next: next})
}

// readBeside reads a file in the package's directory.
func (p *checked) readBeside(name string) (data []byte, ok bool) {
	data, err := os.ReadFile(filepath.Join(p.dir, name))
	return data, !errors.Is(err, fs.ErrNotExist) && err == nil
}

func (p *checked) checkPackage() {
	first := p.files[0]
	name := first.syntax.Name
	documented := false
	for _, f := range p.files {
		documented = documented || f.syntax.Doc.Text() != ""
	}
	if !documented {
		p.add(name, "package-doc", fmt.Sprintf("write above the package clause: // Package %s is ...", name.Name), "package %s has no comment that says what it does", name.Name)
	}
	switch {
	case name.Name == "main":
		p.add(name, "package-name", "give the package another name, and leave func main out", "a program cannot be built in")
	case strings.ToLower(name.Name) != name.Name || strings.Contains(name.Name, "_"):
		p.add(name, "package-name", "use lower case letters and digits alone", "package name %s", name.Name)
	}
	core := p.core[:strings.LastIndexByte(p.core, '/')]
	for _, f := range p.files {
		for _, i := range f.syntax.Imports {
			path := strings.Trim(i.Path.Value, `"`)
			switch {
			case path == "C":
				p.add(i, "imports", "use Go alone: binaries are static and built for other platforms", "cgo cannot be built in")
			case strings.HasPrefix(path, core+"/modules/"):
				p.add(i, "imports", "find the other module by its name, through Env.Modules", "a module imports another one, %s", path)
			case path == p.core+"/agent", path == p.core+"/journal", strings.HasPrefix(path, core+"/generator"):
				p.add(i, "imports", "use what package core declares: Env, Intake, Route", "a module imports %s, which may change in any release", path)
			case strings.HasPrefix(path, p.core+"/moduletest"):
				p.add(i, "imports", "use it in files named _test.go", "package moduletest is for tests and would be linked into binaries")
			}
		}
	}
}
