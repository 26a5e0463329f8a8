package extpoint

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
)

// Points reads a file that Generate made: the extension points' variables and their types' names.
func Points(source []byte) (map[string]string, error) {
	f, err := parser.ParseFile(token.NewFileSet(), "", source, parser.SkipObjectResolution)
	if err != nil {
		return nil, fmt.Errorf("read generated extension points: %w", err)
	}
	points := map[string]string{}
	for _, decl := range f.Decls {
		d, ok := decl.(*ast.GenDecl)
		if !ok || d.Tok != token.VAR {
			continue
		}
		for _, spec := range d.Specs {
			if s, ok := spec.(*ast.ValueSpec); ok && len(s.Names) == 1 && len(s.Values) == 1 {
				if typ := constructed(s.Values[0]); typ != "" {
					points[s.Names[0].Name] = typ
				}
			}
		}
	}
	return points, nil
}

// constructed is T of newExtensionPoint[T](...), "" for any other expression.
func constructed(e ast.Expr) string {
	call, ok := e.(*ast.CallExpr)
	if !ok {
		return ""
	}
	instance, ok := call.Fun.(*ast.IndexExpr)
	if !ok {
		return ""
	}
	typ, ok := instance.Index.(*ast.Ident)
	if !ok {
		return ""
	}
	return typ.Name
}
