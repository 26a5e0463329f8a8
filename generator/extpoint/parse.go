package extpoint

import (
	"errors"
	"fmt"
	"go/ast"
	"go/build/constraint"
	"go/parser"
	"go/token"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/module"
)

// pkg is what a package declares, as far as generation has to know.
type pkg struct {
	name     string
	types    map[string]*typeDecl
	declared map[string]place // package-level identifiers, those of test files in the same package among them
	imported map[string]bool  // names under which files import: a package-level identifier of that name would clash
}

// typeDecl is a type, declared once or once for each of several platforms.
type typeDecl struct {
	name       string
	spec       *ast.TypeSpec
	at         place
	constraint constraint.Expr // where the type exists; nil: everywhere
}

// place is where a name is declared: "file.go:12".
type place string

// parse reads the declarations of a package's files.
func parse(files []File, output string) (*pkg, error) {
	files = slices.Clone(files)
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	p := &pkg{types: map[string]*typeDecl{}, declared: map[string]place{}, imported: map[string]bool{}}
	var errs []error
	var first string
	fset := token.NewFileSet()
	for _, f := range files {
		isTest := strings.HasSuffix(f.Name, "_test.go")
		if f.Name == output || !isGoFile(f.Name) {
			continue
		}
		if IsOutput(f.Source) {
			if output == "" {
				continue
			}
			errs = append(errs, fmt.Errorf("%s holds extension points generated earlier: remove it, or write to it (-o %s)", f.Name, f.Name))
			continue
		}
		parsed, err := parser.ParseFile(fset, f.Name, f.Source, parser.ParseComments|parser.SkipObjectResolution)
		if isTest {
			if err == nil && !strings.HasSuffix(parsed.Name.Name, "_test") {
				p.addNames(fset, parsed)
			}
			continue
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("parse %w", err))
			continue
		}
		where, err := fileConstraint(f.Name, parsed)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if neverBuilt(where) || parsed.Name.Name == "documentation" { // go build leaves that name out too
			continue
		}
		switch p.name {
		case "":
			p.name, first = parsed.Name.Name, f.Name
		case parsed.Name.Name:
		default:
			errs = append(errs, fmt.Errorf("found two packages: %s (%s) and %s (%s)", p.name, first, parsed.Name.Name, f.Name))
			continue
		}
		p.addNames(fset, parsed)
		p.addTypes(fset, parsed, where)
	}
	if p.name == "" && len(errs) == 0 {
		errs = append(errs, errors.New("found no Go file to take types from"))
	}
	return p, errors.Join(errs...)
}

// isGoFile tells whether the go command looks at a file of that name.
func isGoFile(name string) bool {
	return strings.HasSuffix(name, ".go") && !strings.HasPrefix(name, "_") && !strings.HasPrefix(name, ".")
}

func (p *pkg) addNames(fset *token.FileSet, f *ast.File) {
	add := func(id *ast.Ident) {
		if at := position(fset, id); p.declared[id.Name] == "" {
			p.declared[id.Name] = at
		}
	}
	for _, decl := range f.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil {
				add(d.Name)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch s := spec.(type) {
				case *ast.TypeSpec:
					add(s.Name)
				case *ast.ValueSpec:
					for _, id := range s.Names {
						add(id)
					}
				}
			}
		}
	}
	for _, imp := range f.Imports {
		if imp.Name != nil {
			p.imported[imp.Name.Name] = true
			continue
		}
		ipath, _ := strconv.Unquote(imp.Path.Value)
		if prefix, _, ok := module.SplitPathVersion(ipath); ok {
			ipath = prefix // the name does not tell /v2 or .v3
		}
		p.imported[path.Base(ipath)] = true
	}
}

func (p *pkg) addTypes(fset *token.FileSet, f *ast.File, where constraint.Expr) {
	for _, decl := range f.Decls {
		d, ok := decl.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, spec := range d.Specs {
			s, ok := spec.(*ast.TypeSpec)
			if !ok {
				continue
			}
			if t, again := p.types[s.Name.Name]; again {
				t.constraint = either(t.constraint, where)
				continue
			}
			p.types[s.Name.Name] = &typeDecl{name: s.Name.Name, spec: s, at: position(fset, s.Name), constraint: where}
		}
	}
}

func position(fset *token.FileSet, id *ast.Ident) place {
	at := fset.Position(id.Pos())
	return place(at.Filename + ":" + strconv.Itoa(at.Line))
}

// typeNames are the names of the types, sorted.
func (p *pkg) typeNames() []string {
	names := make([]string, 0, len(p.types))
	for n := range p.types {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// isCandidate tells whether a type is an interface or function type and may be the type of a variable.
func (p *pkg) isCandidate(t *typeDecl) bool {
	if _, foreign := ast.Unparen(t.spec.Type).(*ast.SelectorExpr); foreign {
		return false // only the types of another package could tell
	}
	return p.unfit(t) == nil
}

// unfit says why a type cannot be an extension point, nil when it can.
func (p *pkg) unfit(t *typeDecl) error {
	if t.spec.TypeParams != nil {
		return fmt.Errorf("type %s is generic (%s), an extension point needs one type: declare an instance, as in type MyPoint interface{ %s[string] }", t.name, t.at, t.name)
	}
	switch u := p.underlying(t.spec.Type, 0).(type) {
	case *ast.FuncType, *ast.SelectorExpr:
		return nil
	case *ast.InterfaceType:
		if p.isConstraint(u, map[*ast.InterfaceType]bool{}) {
			return fmt.Errorf("type %s is a constraint for type parameters (%s), no variable can have it: take an interface of methods alone", t.name, t.at)
		}
		return nil
	default:
		return fmt.Errorf("type %s is neither an interface nor a function type (%s)", t.name, t.at)
	}
}

// maxDepth bounds how far chains of declarations are followed: a chain in a circle does not compile anyway.
const maxDepth = 100

// underlying follows names to types of the same package.
func (p *pkg) underlying(e ast.Expr, depth int) ast.Expr {
	e = ast.Unparen(e)
	id, ok := e.(*ast.Ident)
	if !ok || depth > maxDepth {
		return e
	}
	if t, ok := p.types[id.Name]; ok {
		return p.underlying(t.spec.Type, depth+1)
	}
	if id.Name == "any" || id.Name == "error" {
		return &ast.InterfaceType{Methods: &ast.FieldList{}}
	}
	return e
}

// isConstraint tells whether an interface holds anything but methods, by itself or through what it embeds, the interfaces already
// seen left out.
func (p *pkg) isConstraint(t *ast.InterfaceType, seen map[*ast.InterfaceType]bool) bool {
	if seen[t] {
		return false
	}
	seen[t] = true
	return slices.ContainsFunc(t.Methods.List, func(f *ast.Field) bool {
		if len(f.Names) > 0 {
			return false
		}
		switch e := p.underlying(f.Type, 0).(type) {
		case *ast.InterfaceType:
			return p.isConstraint(e, seen)
		case *ast.SelectorExpr: // another package's: taken for an interface of methods
			return false
		case *ast.IndexExpr, *ast.IndexListExpr: // an instance of a generic interface
			return false
		default:
			return true // a union, ~T, comparable, or a type that is none
		}
	})
}

// isName tells whether s can be the name of a variable.
func isName(s string) bool { return token.IsIdentifier(s) && s != "_" }
