package inspect

import (
	"go/ast"
	"go/token"
	"strconv"

	"golang.org/x/tools/go/packages"
)

// maxConstant is the longest name that is put together; no name is that long.
const maxConstant = 1 << 10

// constant is the value of a string that the compiler knows. Each expression is evaluated once, so that constants made of
// constants cost no more than they are long.
func (r *reach) constant(fn *function, imports map[string]*packages.Package, e ast.Expr) (value string, known bool) {
	if v, ok := r.values[e]; ok {
		return v.text, v.known
	}
	r.values[e] = constantValue{} // one that is defined by itself has no value
	value, known = r.evaluate(fn, imports, e)
	r.values[e] = constantValue{value, known}
	return value, known
}

type constantValue struct {
	text  string
	known bool
}

func (r *reach) evaluate(fn *function, imports map[string]*packages.Package, e ast.Expr) (value string, known bool) {
	switch e := ast.Unparen(e).(type) {
	case *ast.BasicLit:
		s, err := strconv.Unquote(e.Value)
		return s, err == nil && e.Kind == token.STRING
	case *ast.BinaryExpr:
		x, okX := r.constant(fn, imports, e.X)
		y, okY := r.constant(fn, imports, e.Y)
		return x + y, okX && okY && e.Op == token.ADD && len(x)+len(y) <= maxConstant
	case *ast.Ident:
		if def, ok := localConstant(fn.body, e.Name); ok {
			return r.constant(fn, imports, def)
		}
		return r.packageConstant(fn.in, e.Name)
	case *ast.SelectorExpr:
		if x, ok := e.X.(*ast.Ident); ok && imports[x.Name] != nil {
			return r.packageConstant(r.sources[imports[x.Name].PkgPath], e.Sel.Name)
		}
	}
	return "", false
}

// packageConstant is the value of a package-level constant; src may be nil, for a package that was not read.
func (r *reach) packageConstant(src *source, name string) (value string, known bool) {
	if src == nil {
		return "", false
	}
	def, ok := src.constants[name]
	if !ok {
		return "", false
	}
	return r.constant(&function{in: src, file: def.file, body: def.value}, r.importsOf(src, def.file), def.value)
}

// localConstant finds the value of a constant that is declared within a piece of code.
func localConstant(body ast.Node, name string) (value ast.Expr, ok bool) {
	ast.Inspect(body, func(n ast.Node) bool {
		d, isDecl := n.(*ast.GenDecl)
		if !isDecl || d.Tok != token.CONST {
			return !ok
		}
		for _, spec := range d.Specs {
			v, isValue := spec.(*ast.ValueSpec)
			for i := 0; isValue && i < min(len(v.Names), len(v.Values)); i++ {
				if v.Names[i].Name == name {
					value, ok = v.Values[i], true
				}
			}
		}
		return !ok
	})
	return value, ok
}

// ownName is the name that a component registered without one gets: the function's or the type's; "" when it cannot be told.
func ownName(in *source, component ast.Expr) string {
	var typ ast.Expr
	switch c := ast.Unparen(component).(type) {
	case *ast.Ident:
		if in.funcs[c.Name] != nil {
			return c.Name
		}
	case *ast.UnaryExpr:
		if lit, ok := c.X.(*ast.CompositeLit); ok && c.Op == token.AND {
			typ = lit.Type
		}
	case *ast.CompositeLit:
		typ = c.Type
	case *ast.CallExpr:
		if fun, ok := c.Fun.(*ast.Ident); ok && fun.Name == "new" && len(c.Args) == 1 {
			typ = c.Args[0]
		}
	}
	switch t := typ.(type) {
	case *ast.Ident:
		return t.Name
	case *ast.SelectorExpr:
		return t.Sel.Name
	}
	return ""
}
