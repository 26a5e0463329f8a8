package inspect

import (
	"cmp"
	"go/ast"
	"go/token"
	"maps"
	"slices"

	"golang.org/x/tools/go/packages"
)

// Effect is something that a package does when the program starts, beside registering: it happens in every binary that has the package,
// used or not, before there is a configuration.
type Effect struct {
	What string `json:"what"` // "calls os.Getenv", "starts a goroutine"
	At   string `json:"at"`   // file:line, the file relative to its module
}

// effects are the functions of the standard library whose call at start is more than making a value. No names are all functions of the
// package.
var effects = map[string][]string{ //nolint:gochecknoglobals // constant
	"os": nil, "os/exec": nil, "os/signal": nil, "os/user": nil, "syscall": nil, "flag": nil, "expvar": nil, "plugin": nil, "io/ioutil": nil,
	"net": {
		"Dial", "DialTimeout", "DialIP", "DialTCP", "DialUDP", "DialUnix", "Listen", "ListenIP", "ListenMulticastUDP", "ListenPacket", "ListenTCP",
		"ListenUDP", "ListenUnix", "ListenUnixgram", "Interfaces", "InterfaceAddrs", "InterfaceByName", "LookupAddr", "LookupCNAME", "LookupHost",
		"LookupIP", "LookupMX", "LookupNS", "LookupPort", "LookupSRV", "LookupTXT", "ResolveIPAddr", "ResolveTCPAddr", "ResolveUDPAddr",
	},
	"net/http":      {"Get", "Head", "Post", "PostForm", "Handle", "HandleFunc", "ListenAndServe", "ListenAndServeTLS", "Serve", "ServeTLS"},
	"crypto/tls":    {"Dial", "DialWithDialer", "Listen", "LoadX509KeyPair"},
	"crypto/x509":   {"SystemCertPool"},
	"database/sql":  {"Open"},
	"log":           {"Fatal", "Fatalf", "Fatalln", "Panic", "Panicf", "Panicln", "Print", "Printf", "Println", "SetFlags", "SetOutput", "SetPrefix"},
	"log/slog":      {"Debug", "Info", "Warn", "Error", "Log", "SetDefault", "SetLogLoggerLevel"},
	"fmt":           {"Print", "Printf", "Println", "Scan", "Scanf", "Scanln"},
	"time":          {"Sleep", "After", "AfterFunc", "NewTicker", "NewTimer", "Tick", "LoadLocation"},
	"path/filepath": {"Abs", "EvalSymlinks", "Glob", "Walk", "WalkDir"},
	"runtime":       {"GC", "GOMAXPROCS", "SetFinalizer"},
	"runtime/debug": {"SetGCPercent", "SetMaxStack", "SetMaxThreads", "SetMemoryLimit", "SetTraceback"},
}

// effectsOf finds what the packages of p's module that p needs do when the program starts, as far as their source tells: calls are
// followed through the module's functions, values are not.
func (r *reach) effectsOf(p *packages.Package) []Effect {
	w := effectWalk{reach: r, found: map[Effect]bool{}, seen: map[*function]bool{}}
	for _, src := range r.sources {
		if src.pkg != p && (p.Module == nil || src.pkg.Module == nil || src.pkg.Module.Path != p.Module.Path) {
			continue
		}
		for _, start := range src.starts {
			w.walk(start)
		}
	}
	return slices.SortedFunc(maps.Keys(w.found), func(a, b Effect) int { return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.What, b.What)) })
}

type effectWalk struct {
	*reach
	found map[Effect]bool
	seen  map[*function]bool
}

// walk looks at the code that runs when a function does: a function literal in it runs when it is called on the spot.
func (w *effectWalk) walk(fn *function) {
	if w.seen[fn] {
		return
	}
	w.seen[fn] = true
	imports := w.importsOf(fn.in, fn.file)
	called := map[ast.Node]bool{}
	note := func(n ast.Node, what string) { w.found[Effect{what, w.at(fn, n)}] = true }
	ast.Inspect(fn.body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return called[n]
		case *ast.GoStmt:
			note(n, "starts a goroutine")
			return false
		case *ast.SendStmt:
			note(n, "sends on a channel")
		case *ast.UnaryExpr:
			if n.Op == token.ARROW {
				note(n, "receives from a channel")
			}
		case *ast.CallExpr:
			switch fun := ast.Unparen(n.Fun).(type) {
			case *ast.FuncLit:
				called[fun] = true
			case *ast.Ident:
				w.follow(fn.in, fun.Name)
			case *ast.SelectorExpr:
				x, ok := fun.X.(*ast.Ident)
				if !ok || imports[x.Name] == nil {
					break
				}
				path := imports[x.Name].PkgPath
				if names, ok := effects[path]; ok && (names == nil || slices.Contains(names, fun.Sel.Name)) {
					note(n, "calls "+path+"."+fun.Sel.Name)
				}
				if src := w.sources[path]; src != nil && path != w.core {
					w.follow(src, fun.Sel.Name)
				}
			}
		}
		return true
	})
}

// follow walks the functions of that name, methods excepted: whose they are is not known.
func (w *effectWalk) follow(in *source, name string) {
	for _, fn := range in.funcs[name] {
		if !fn.method {
			w.walk(fn)
		}
	}
}
