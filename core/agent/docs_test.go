package agent

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// variablesRead are the names of all variables that the agent's code asks core.Vars for.
func variablesRead(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	form := regexp.MustCompile(`^[A-Z][A-Z0-9_]+$`)
	var names []string
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if table, ok := n.(*ast.GenDecl); ok && table.Tok == token.VAR {
				return false // the table itself
			}
			if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
				if name, err := strconv.Unquote(literal.Value); err == nil && form.MatchString(name) {
					names = append(names, name)
				}
			}
			return true
		})
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func TestEveryVariableIsInTheHelpAndInTheDocumentation(t *testing.T) {
	var listed []string
	for _, v := range variables {
		listed = append(listed, v.name)
	}
	slices.Sort(listed)
	names := variablesRead(t)
	if !slices.Equal(listed, names) {
		t.Errorf("the help lists\n%q, the code reads\n%q", listed, names)
	}
	page, err := os.ReadFile("../../docs/running.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "## Environment")
	section, _, _ = strings.Cut(section, "\n## ")
	row := regexp.MustCompile("(?m)^\\| `([A-Z_]+)` \\|([^|]*)\\|")
	documented := map[string]string{}
	for _, m := range row.FindAllStringSubmatch(section, -1) {
		documented[m[1]] = strings.Trim(m[2], " `")
	}
	for _, v := range variables {
		value, ok := documented[v.name]
		if !ok || value != v.value {
			t.Errorf("docs/running.md has %s with default %q (%v), the help has %q", v.name, value, ok, v.value)
		}
		delete(documented, v.name)
	}
	for name := range documented {
		t.Errorf("docs/running.md explains %s, which nothing reads", name)
	}
}
