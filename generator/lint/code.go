package lint

import (
	"go/ast"
	"regexp"
	"strings"
)

// remedies are calls that a module does not make, by package and name, with what to do instead.
var remedies = []struct { //nolint:gochecknoglobals // constant
	rule, path string
	name       *regexp.Regexp
	next       string
}{
	{"environment", "os", regexp.MustCompile(`^(Getenv|LookupEnv|Environ|ExpandEnv)$`), "read it from Env.Vars, which also has the defaults that are baked into the binary"},
	{"exit", "os", regexp.MustCompile(`^Exit$`), "return an error: the agent goes on with the other routes"},
	{"exit", "log", regexp.MustCompile(`^(Fatal|Panic)`), "return an error: the agent goes on with the other routes"},
	{"logging", "log", regexp.MustCompile(`^Print`), "log with Env.Logger, or return an error"},
	{"logging", "log/slog", regexp.MustCompile(`^(Debug|Info|Warn|Error|Log)(Context|Attrs)?$|^(Default|SetDefault)$`), "log with Env.Logger, which carries the route's or module's name"},
	{"logging", "fmt", regexp.MustCompile(`^Print`), "log with Env.Logger: stdout is the binary's own"},
	{"signals", "os/signal", regexp.MustCompile(`^Notify`), "return when ctx ends: the agent listens to signals"},
	{"globals", "net/http", regexp.MustCompile(`^(Handle|HandleFunc)$`), "register an HTTPHandler: the agent's server has no default mux"},
}

// checkCode checks what the package calls.
func (p *checked) checkCode() {
	for _, f := range p.files {
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			path, name, ok := f.imported(call.Fun)
			if !ok {
				return true
			}
			for _, r := range remedies {
				if r.path == path && r.name.MatchString(name) {
					p.add(call, r.rule, r.next, "the module calls %s.%s", path[strings.LastIndexByte(path, '/')+1:], name)
				}
			}
			return true
		})
	}
}

// setting is an option of a route or an environment variable that the code reads.
type setting struct {
	name string
	at   ast.Node
}

var variableForm = regexp.MustCompile(`^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$`)

// readers are the methods of core.Vars that read variables; all their arguments but Get's are a name and what is not a name.
var readers = map[string]bool{"Get": true, "Or": true, "Bool": true, "Int": true, "Duration": true, "Size": true} //nolint:gochecknoglobals // constant

// settings are what the package reads of a route's options and of the environment, as far as the source shows it.
func (p *checked) settings() []setting {
	var found []setting
	for _, f := range p.files {
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				found = append(found, p.settingsOfCall(n)...)
			case *ast.IndexExpr:
				found = append(found, p.settingsOfIndex(n)...)
			case *ast.FuncDecl:
				if n.Name.Name == "Options" && n.Recv != nil && n.Body != nil { // core.TransportConfigurer
					found = append(found, p.settingsOfOptions(n)...)
				}
			}
			return true
		})
	}
	return found
}

func (p *checked) settingsOfCall(call *ast.CallExpr) (found []setting) {
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return nil
	}
	for i, arg := range call.Args {
		text, ok := p.text(arg)
		switch {
		case sel.Sel.Name == "CheckOptions":
			if list, isName := arg.(*ast.Ident); isName && !ok {
				for _, text := range p.lists[list.Name] {
					found = append(found, setting{text, arg})
				}
			}
			if ok {
				found = append(found, setting{text, arg})
			}
		case ok && sel.Sel.Name == "ForRoute" && i >= 4: // of core/stream
			found = append(found, setting{text, arg})
		case ok && sel.Sel.Name == "Option" && i == 0:
			found = append(found, setting{text, arg})
		case ok && readers[sel.Sel.Name] && (i == 0 || sel.Sel.Name == "Get") && variableForm.MatchString(text):
			found = append(found, setting{text, arg})
		}
	}
	return found
}

// settingsOfIndex finds options["name"], route.Options["name"] and Vars["NAME"].
func (p *checked) settingsOfIndex(index *ast.IndexExpr) []setting {
	name := ""
	switch x := index.X.(type) {
	case *ast.Ident:
		name = x.Name
	case *ast.SelectorExpr:
		name = x.Sel.Name
	}
	text, ok := p.text(index.Index)
	if ok && (strings.EqualFold(name, "options") || strings.EqualFold(name, "vars")) {
		return []setting{{text, index.Index}}
	}
	return nil
}

// settingsOfOptions finds the strings that a transport's Options method returns.
func (p *checked) settingsOfOptions(fn *ast.FuncDecl) (found []setting) {
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Ident:
			for _, text := range p.lists[n.Name] {
				found = append(found, setting{text, n})
			}
			if text, ok := p.constants[n.Name]; ok {
				found = append(found, setting{text, n})
			}
		case *ast.BasicLit:
			if text, ok := literal(n); ok {
				found = append(found, setting{text, n})
			}
		}
		return true
	})
	return found
}
