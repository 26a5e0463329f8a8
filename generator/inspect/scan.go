package inspect

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"golang.org/x/tools/go/packages"

	"github.com/gliderlabs/logspout-builder/generator/extpoint"
)

// scanner finds registrations in the source of packages. It reads every file once.
type scanner struct {
	core   string
	fset   *token.FileSet
	parsed map[*packages.Package]*source
	points map[*packages.Package]map[string]string // a package's extension points: variable -> type; nil when it has none
}

func newScanner(core string) *scanner {
	return &scanner{
		core: core, fset: token.NewFileSet(),
		parsed: map[*packages.Package]*source{}, points: map[*packages.Package]map[string]string{},
	}
}

// findings are what a package registers.
type findings struct {
	registrations []Registration // when the program starts
	unreached     []Registration // by functions that are not called then
	effects       []Effect       // what else it does then
}

// graph are a package and all that it imports, in no order.
func graph(p *packages.Package) iter.Seq[*packages.Package] {
	return func(yield func(*packages.Package) bool) {
		seen := map[*packages.Package]bool{p: true}
		for queue := []*packages.Package{p}; len(queue) > 0; queue = queue[1:] {
			if !yield(queue[0]) {
				return
			}
			for _, dep := range queue[0].Imports {
				if !seen[dep] {
					seen[dep] = true
					queue = append(queue, dep)
				}
			}
		}
	}
}

// registrations finds what is registered because a package is linked in: by itself and by what it imports. Of other modules
// those packages are read that import the core.
func (s *scanner) registrations(p *packages.Package) (findings, error) {
	r := reach{scanner: s, sources: map[string]*source{}, reached: map[string]bool{}, values: map[ast.Expr]constantValue{}}
	for dep := range graph(p) {
		if dep.Module == nil || dep.PkgPath == s.core {
			continue
		}
		if same := p.Module != nil && dep.Module.Path == p.Module.Path; !same && dep.Imports[s.core] == nil {
			continue
		}
		src, err := s.parse(dep)
		if err != nil {
			return findings{}, err
		}
		r.sources[dep.PkgPath] = src
	}
	found := r.find()
	found.effects = r.effectsOf(p)
	return found, nil
}

// source is a package's parsed source.
type source struct {
	pkg       *packages.Package
	dir       string // of the module, "" when unknown
	files     []*ast.File
	funcs     map[string][]*function // functions and methods by bare name
	starts    []*function            // init functions and initial values of variables: they run when the program starts
	constants map[string]constant
}

// constant is a package-level constant's definition.
type constant struct {
	file  *ast.File
	value ast.Expr
}

// function is a piece of code: a function, or a variable's initial value.
type function struct {
	in   *source
	file *ast.File
	name string
	body ast.Node
	// method is set for a method, whose receiver's type is not looked at.
	method bool
}

func (s *scanner) parse(p *packages.Package) (*source, error) {
	if src, ok := s.parsed[p]; ok {
		return src, nil
	}
	src := &source{pkg: p, funcs: map[string][]*function{}, constants: map[string]constant{}}
	if p.Module != nil {
		src.dir = p.Module.Dir
	}
	for _, name := range p.GoFiles {
		f, err := parser.ParseFile(s.fset, name, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, fmt.Errorf("inspect package %s: %w", p.PkgPath, err)
		}
		src.add(f)
	}
	s.parsed[p] = src
	return src, nil
}

func (src *source) add(f *ast.File) {
	src.files = append(src.files, f)
	for _, decl := range f.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if d.Body == nil {
				continue
			}
			fn := &function{in: src, file: f, name: d.Name.Name, body: d.Body, method: d.Recv != nil}
			if d.Recv == nil && d.Name.Name == "init" {
				src.starts = append(src.starts, fn)
			} else {
				src.funcs[d.Name.Name] = append(src.funcs[d.Name.Name], fn)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				v, ok := spec.(*ast.ValueSpec)
				if !ok {
					continue
				}
				for i, value := range v.Values {
					switch {
					case d.Tok == token.VAR:
						src.starts = append(src.starts, &function{in: src, file: f, name: "var", body: value})
					case i < len(v.Names):
						src.constants[v.Names[i].Name] = constant{f, value}
					}
				}
			}
		}
	}
}

// pointsOf are the extension points that a package declares, as the generated file among its own says.
func (s *scanner) pointsOf(p *packages.Package) map[string]string {
	if points, ok := s.points[p]; ok {
		return points
	}
	s.points[p] = nil
	if p.Module == nil { // the standard library
		return nil
	}
	for _, name := range p.GoFiles {
		if !isGlue(name) {
			continue
		}
		content, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		if points, err := extpoint.Points(content); err == nil {
			s.points[p] = points
			break
		}
	}
	return s.points[p]
}

// isGlue tells of a file, by its first line alone, whether it holds generated extension points.
func isGlue(name string) bool {
	f, err := os.Open(name)
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }()
	first := make([]byte, 128)
	n, _ := io.ReadFull(f, first)
	return extpoint.IsOutput(first[:n])
}

// reach follows code from where the program starts, through the packages that were read.
type reach struct {
	*scanner
	sources map[string]*source // by import path
	reached map[string]bool    // "path.name" of functions
	queue   []*function
	found   map[Registration]bool
	values  map[ast.Expr]constantValue
}

// find collects the registrations of what is reached, and those of what is not.
func (r *reach) find() findings {
	var out findings
	r.found = map[Registration]bool{}
	for _, src := range r.sources {
		r.queue = append(r.queue, src.starts...)
	}
	for len(r.queue) > 0 {
		next := r.queue[0]
		r.queue = r.queue[1:]
		r.look(next, true)
	}
	out.registrations = sorted(r.found)
	r.found = map[Registration]bool{}
	for path, src := range r.sources {
		for name, fns := range src.funcs {
			if r.reached[path+"."+name] {
				continue
			}
			for _, fn := range fns {
				r.look(fn, false)
			}
		}
	}
	out.unreached = sorted(r.found)
	return out
}

func sorted(set map[Registration]bool) []Registration {
	return slices.SortedFunc(maps.Keys(set), func(a, b Registration) int {
		return cmp.Or(cmp.Compare(a.In, b.In), cmp.Compare(a.Point, b.Point), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Package, b.Package), cmp.Compare(a.At, b.At))
	})
}

// look finds the registrations in a piece of code and, when follow is set, queues the functions that it mentions.
func (r *reach) look(fn *function, follow bool) {
	imports := r.importsOf(fn.in, fn.file)
	handled := map[ast.Node]bool{} // mentions of extension points that are understood
	ast.Inspect(fn.body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			r.call(fn, imports, n, handled)
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok {
				if p := imports[x.Name]; p != nil {
					r.mention(fn, p, n.Sel.Name, n, handled)
					if follow {
						r.follow(p.PkgPath, n.Sel.Name)
					}
					return false
				}
			}
			// X.Method on an extension point that is no registration: a look at what is there
			if p, variable := pointOf(imports, n.X); p != nil && n.Sel.Name != "Register" && r.pointsOf(p)[variable] != "" {
				handled[ast.Unparen(n.X)] = true
			}
			if follow {
				r.follow(fn.in.pkg.PkgPath, n.Sel.Name) // perhaps a method
			}
		case *ast.Ident:
			if follow {
				r.follow(fn.in.pkg.PkgPath, n.Name)
			}
			if p := imports["."]; p != nil {
				r.mention(fn, p, n.Name, n, handled)
			}
		}
		return true
	})
}

// follow queues the functions of that name.
func (r *reach) follow(path, name string) {
	src, ok := r.sources[path]
	if !ok || r.reached[path+"."+name] {
		return
	}
	r.reached[path+"."+name] = true
	r.queue = append(r.queue, src.funcs[name]...)
}

// call understands core.Points.Register(component, "name") and core.RegisterExtension(component, "name").
func (r *reach) call(fn *function, imports map[string]*packages.Package, call *ast.CallExpr, handled map[ast.Node]bool) {
	fun := ast.Unparen(call.Fun)
	const arguments = 2
	if len(call.Args) != arguments {
		return
	}
	if sel, ok := fun.(*ast.SelectorExpr); ok && sel.Sel.Name == "Register" {
		p, variable := pointOf(imports, sel.X)
		if p == nil || r.pointsOf(p)[variable] == "" {
			return
		}
		handled[ast.Unparen(sel.X)] = true
		r.register(fn, p, r.pointsOf(p)[variable], imports, call)
		return
	}
	if p, name := pointOf(imports, fun); p != nil && name == "RegisterExtension" && r.pointsOf(p) != nil {
		handled[fun] = true
		r.register(fn, p, "", imports, call)
	}
}

func (r *reach) register(fn *function, declaredBy *packages.Package, point string, imports map[string]*packages.Package, call *ast.CallExpr) {
	name, known := r.constant(fn, imports, call.Args[1])
	switch {
	case !known:
		name = ""
	case name == "":
		name = ownName(fn.in, call.Args[0])
	}
	r.found[Registration{Point: point, In: declaredBy.PkgPath, Name: name, Package: fn.in.pkg.PkgPath, At: r.at(fn, call)}] = true
}

// mention takes note of an extension point that is handed on: what happens with it only the running program knows.
func (r *reach) mention(fn *function, p *packages.Package, name string, n ast.Node, handled map[ast.Node]bool) {
	if handled[n] {
		return
	}
	points := r.pointsOf(p)
	if point := points[name]; point != "" || name == "RegisterExtension" && points != nil {
		r.found[Registration{Point: point, In: p.PkgPath, Package: fn.in.pkg.PkgPath, At: r.at(fn, n)}] = true
	}
}

func (r *reach) at(fn *function, n ast.Node) string {
	pos := r.fset.Position(n.Pos())
	name := pos.Filename
	if rel, err := filepath.Rel(fn.in.dir, name); fn.in.dir != "" && err == nil {
		name = filepath.ToSlash(rel)
	}
	return name + ":" + strconv.Itoa(pos.Line)
}

// importsOf are the packages that a file imports, by the name it uses; "." is the dot import.
func (r *reach) importsOf(in *source, file *ast.File) map[string]*packages.Package {
	imports := map[string]*packages.Package{}
	for _, imp := range file.Imports {
		path, err := strconv.Unquote(imp.Path.Value)
		if err != nil {
			continue
		}
		p := in.pkg.Imports[path]
		if p == nil {
			continue
		}
		name := p.Name
		if imp.Name != nil {
			name = imp.Name.Name
		}
		if name == "." && r.pointsOf(p) == nil {
			continue // of several dot imports the one with extension points counts
		}
		imports[name] = p
	}
	return imports
}

// pointOf splits an expression that may be an extension point's variable into package and name.
func pointOf(imports map[string]*packages.Package, e ast.Expr) (p *packages.Package, name string) {
	switch e := ast.Unparen(e).(type) {
	case *ast.SelectorExpr:
		if x, ok := e.X.(*ast.Ident); ok {
			return imports[x.Name], e.Sel.Name
		}
	case *ast.Ident:
		return imports["."], e.Name
	}
	return nil, ""
}
