package core_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// declaredTypes are the types of a Go source, each as text without comments.
func declaredTypes(t *testing.T, source []byte) map[string]string {
	t.Helper()
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "", source, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	types := map[string]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok {
			return true
		}
		var text bytes.Buffer
		if err := printer.Fprint(&text, fset, spec.Type); err != nil {
			t.Fatal(err)
		}
		// Lines may be parted otherwise: one method a line, or several with semicolons.
		types[spec.Name.Name] = strings.Join(strings.Fields(strings.NewReplacer(";", "\n", "{", "{\n", "}", "\n}").Replace(text.String())), " ")
		return true
	})
	return types
}

// TestDesignShowsTheTypesAsTheyAre compares the listing of docs/design.md with this package.
func TestDesignShowsTheTypesAsTheyAre(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "docs", "design.md"))
	if err != nil {
		t.Fatal(err)
	}
	listing := regexp.MustCompile("(?ms)^```go\n(.*?)^```$").FindSubmatch(page)
	if listing == nil {
		t.Fatal("no listing")
	}
	shown, declared := declaredTypes(t, append([]byte("package core\n"), listing[1]...)), map[string]string{}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		maps.Copy(declared, declaredTypes(t, source))
	}
	if len(shown) < 9 {
		t.Errorf("only %d types", len(shown))
	}
	for name, text := range shown {
		if declared[name] != text {
			t.Errorf("docs/design.md shows\ntype %s %s\nand core has\ntype %s %s", name, text, name, declared[name])
		}
	}
}
