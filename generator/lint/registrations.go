package lint

import (
	"go/ast"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// registerFile is the one file that has an init function.
const registerFile = "register.go"

// points are the extension points by the variables at which modules register.
var points = map[string]string{ //nolint:gochecknoglobals // constant
	"AdapterFactories":  "AdapterFactory",
	"AdapterTransports": "AdapterTransport",
	"HTTPHandlers":      "HTTPHandler",
	"Jobs":              "Job",
	"LogRouters":        "LogRouter",
	"Processors":        "Processor",
}

var registeredForm = regexp.MustCompile(`^[a-z][a-z0-9._-]*$`)

// registration is one call of Register in an init function.
type registration struct {
	point string
	name  string
}

func (p *checked) checkRegistrations() {
	for _, f := range p.files {
		for _, d := range f.syntax.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				p.checkInit(f, fn)
			}
			if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.VAR {
				p.checkVariables(f, g)
			}
		}
	}
	if len(p.registers) == 0 {
		p.addFile(registerFile, "registration", `write in it: func init() { core.AdapterFactories.Register(New, "name") }`, "the package registers nothing: built in, it would never be used")
	}
}

// checkInit checks that an init function registers and does nothing else.
func (p *checked) checkInit(f *source, fn *ast.FuncDecl) {
	if f.name != registerFile {
		p.add(fn, "init", "move it to "+registerFile, "func init stands in %s", f.name)
	}
	for _, statement := range fn.Body.List {
		call, ok := registerCall(statement)
		if !ok {
			p.add(statement, "init", "do it where it can fail and be stopped: in the factory, Setup, Run, Dial or ServeHTTP", "func init does more than register")
			continue
		}
		p.checkRegister(f, call)
	}
}

// registerCall is the call of a statement that calls a method or function of the name Register or RegisterExtension.
func registerCall(s ast.Stmt) (*ast.CallExpr, bool) {
	e, ok := s.(*ast.ExprStmt)
	if !ok {
		return nil, false
	}
	call, ok := e.X.(*ast.CallExpr)
	if !ok || len(call.Args) != 2 {
		return nil, false
	}
	sel, ok := call.Fun.(*ast.SelectorExpr)
	return call, ok && (sel.Sel.Name == "Register" || sel.Sel.Name == "RegisterExtension")
}

func (p *checked) checkRegister(f *source, call *ast.CallExpr) {
	p.checkWork(f, call.Args[0], "what is registered")
	r := registration{}
	if sel, ok := call.Fun.(*ast.SelectorExpr).X.(*ast.SelectorExpr); ok {
		if x, ok := sel.X.(*ast.Ident); ok && f.imports[x.Name] == p.core {
			r.point = points[sel.Sel.Name]
		}
	}
	name, ok := p.text(call.Args[1])
	switch {
	case !ok:
		p.add(call.Args[1], "registration", "write the name as a string or a constant of the package", "the name under which it registers cannot be read from the source")
	case !registeredForm.MatchString(name):
		p.add(call.Args[1], "registration", "use a-z 0-9 . _ -, beginning with a letter: people write it in route URIs", "name %q", name)
	}
	r.name = name
	p.registers = append(p.registers, r)
}

// checkVariables checks that the values of package variables are made without work.
func (p *checked) checkVariables(f *source, g *ast.GenDecl) {
	for _, s := range g.Specs {
		if v, ok := s.(*ast.ValueSpec); ok {
			for _, value := range v.Values {
				p.checkWork(f, value, "a package variable")
			}
		}
	}
}

// working are the functions, by package, that do more than compute: what runs before main has neither an Env nor a way to fail.
var working = map[string]*regexp.Regexp{ //nolint:gochecknoglobals // constant
	"os":           regexp.MustCompile(`^(Getenv|LookupEnv|Environ|ExpandEnv|Open|OpenFile|Create|CreateTemp|ReadFile|ReadDir|Stat|Mkdir|MkdirAll|MkdirTemp|Hostname|Getwd|WriteFile|Remove|RemoveAll)$`),
	"os/exec":      regexp.MustCompile(``),
	"net":          regexp.MustCompile(`^(Dial|Listen|Lookup|Resolve|Interfaces)`),
	"net/http":     regexp.MustCompile(`^(Get|Head|Post|PostForm|ListenAndServe|ListenAndServeTLS)$`),
	"time":         regexp.MustCompile(`^(Sleep|After|AfterFunc|NewTicker|NewTimer|Tick)$`),
	"database/sql": regexp.MustCompile(`^Open`),
}

// checkWork checks that making a value before main begins does no work.
func (p *checked) checkWork(f *source, value ast.Expr, what string) {
	ast.Inspect(value, func(n ast.Node) bool {
		if _, ok := n.(*ast.FuncLit); ok {
			return false // it runs later
		}
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		if path, name, ok := f.imported(call.Fun); ok && working[path] != nil && working[path].MatchString(name) {
			p.add(call, "init", "do it where it can fail and be stopped: in the factory, Setup, Run, Dial or ServeHTTP", "%s is made by %s.%s, before main begins", what, path, name)
		}
		return true
	})
}

// imported is the package and the name of a selector such as os.Getenv.
func (f *source) imported(e ast.Expr) (path, name string, ok bool) {
	sel, ok := e.(*ast.SelectorExpr)
	if !ok {
		return "", "", false
	}
	x, ok := sel.X.(*ast.Ident)
	if !ok {
		return "", "", false
	}
	path, ok = f.imports[x.Name]
	return path, sel.Sel.Name, ok
}

// literal is the value of a string literal.
func literal(e ast.Expr) (string, bool) {
	b, ok := e.(*ast.BasicLit)
	if !ok || b.Kind != token.STRING {
		return "", false
	}
	s, err := strconv.Unquote(b.Value)
	return s, err == nil
}

// text is the value of a string literal or of a constant of the package.
func (p *checked) text(e ast.Expr) (string, bool) {
	if i, ok := e.(*ast.Ident); ok {
		s, ok := p.constants[i.Name]
		return s, ok
	}
	return literal(e)
}

// suites are the contract checks of core/moduletest by extension point.
var suites = map[string]string{ //nolint:gochecknoglobals // constant
	"AdapterFactory":   "TestAdapter",
	"AdapterTransport": "TestTransport",
	"HTTPHandler":      "TestHTTPHandler",
	"Job":              "TestJob",
	"LogRouter":        "TestLogRouter",
	"Processor":        "TestProcessor",
}

// checkTests checks that a test runs the contract checks of what is registered.
func (p *checked) checkTests() {
	runs := map[string]bool{}
	for _, f := range p.tests {
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				if path, name, ok := f.imported(call.Fun); ok && path == p.core+"/moduletest" {
					runs[name] = true
				}
			}
			return true
		})
	}
	var missing []string
	for _, r := range p.registers {
		if r.point == "AdapterFactory" && slices.ContainsFunc(p.registers, func(o registration) bool { return o.point == "AdapterTransport" && o.name == r.name }) {
			continue // a transport's short form of raw+NAME
		}
		if suite := suites[r.point]; suite != "" && !runs[suite] {
			missing = append(missing, "moduletest."+suite)
		}
	}
	slices.Sort(missing)
	if missing = slices.Compact(missing); len(missing) > 0 {
		p.addFile(p.files[0].syntax.Name.Name+"_test.go", "contract", "write a test that calls it: `logspout-builder new` writes one for each kind of module", "no test runs the contract checks (%s)", strings.Join(missing, ", "))
	}
}

// Covered are the extension points whose contract checks the tests of the package in a directory run.
func Covered(dir, core string) ([]string, error) {
	p := &checked{dir: dir, core: core, set: token.NewFileSet(), constants: map[string]string{}, lists: map[string][]string{}}
	if err := p.read(); err != nil {
		return nil, err
	}
	var covered []string
	for _, f := range p.tests {
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				path, name, ok := f.imported(call.Fun)
				for point, suite := range suites {
					if ok && path == core+"/moduletest" && suite == name {
						covered = append(covered, point)
					}
				}
			}
			return true
		})
	}
	slices.Sort(covered)
	return slices.Compact(covered), nil
}
