package inspect

import (
	"fmt"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"
)

// problems are what keeps a package from being imported and compiled.
func problems(p *packages.Package) []PackageError {
	if p.Name == "main" {
		return []PackageError{{
			Package: p.PkgPath, Reason: "is a program (package main) and cannot be imported",
			Next: "name the package of that module that registers the extension",
		}}
	}
	if i := slices.Index(strings.Split(p.PkgPath, "/"), "internal"); i >= 0 {
		return []PackageError{{
			Package: p.PkgPath, Reason: "is internal to its module and cannot be imported from outside",
			Next: "name a package of that module that is not below internal/",
		}}
	}
	var found []PackageError
	for dep := range graph(p) {
		for _, e := range dep.Errors {
			problem := judge(p, dep, e)
			if m := dep.Module; m != nil {
				problem.Module, problem.Version = m.Path, m.Version
				if m.Replace != nil {
					problem.Module, problem.Version = m.Replace.Path, m.Replace.Version
				}
			}
			if !slices.Contains(found, problem) {
				found = append(found, problem)
			}
		}
	}
	slices.SortFunc(found, func(a, b PackageError) int { return strings.Compare(a.Reason, b.Reason) })
	return found
}

// judge says what an error of the go command, at a package in the graph of another, means for that other.
func judge(p, at *packages.Package, e packages.Error) PackageError {
	subject := "" // of what is told of a package that p imports
	if at != p {
		subject = "imports " + at.PkgPath + inModule(at, p) + ", which "
	}
	switch {
	case strings.Contains(e.Msg, "build constraints exclude all Go files"):
		if needsCgo(at) {
			return PackageError{Package: p.PkgPath, Reason: subject + "needs cgo, which a static binary is built without", Next: "use a module that is written in Go alone"}
		}
		return PackageError{Package: p.PkgPath, Reason: subject + "has no Go files for this platform or these build tags", Next: "look into its go:build lines: give the tags it wants (build.tags), or leave it out"}
	case strings.Contains(e.Msg, "requires go >= "):
		return PackageError{Package: p.PkgPath, Reason: subject + "needs a newer Go: " + firstLine(e.Msg), Next: "install that Go, or take an earlier version of the module"}
	case len(at.GoFiles) == 0:
		if at == p {
			return missing(p.PkgPath, "does not exist: "+firstLine(e.Msg))
		}
		return PackageError{Package: p.PkgPath, Reason: subject + "does not exist: " + firstLine(e.Msg), Next: "tell the module's author, or take another version of it"}
	}
	reason := subject + "does not compile: " + strings.Join(compileErrors(e), "; ")
	if needsCgo(at) {
		reason += " (it has files that need cgo, which a static binary is built without)"
	}
	next := "take a version that does compile"
	if at.Module != nil && at.Module.Version == "" || at.Module != nil && at.Module.Replace != nil {
		next = "mend it"
	}
	return PackageError{Package: p.PkgPath, Reason: reason, Next: next}
}

func missing(path, reason string) PackageError {
	return PackageError{Package: path, Reason: reason, Next: "check the spelling, and that this version of the module holds a package of that path"}
}

func nothingRegistered(path, core string, unreached []Registration) PackageError {
	if len(unreached) > 0 {
		return PackageError{
			Package: path, Next: "call it from func init()",
			Reason: fmt.Sprintf("registers nothing when the program starts: the call at %s is not reached from any init function", unreached[0].At),
		}
	}
	return PackageError{
		Package: path, Reason: "registers nothing: it would be linked in and never be used",
		Next: fmt.Sprintf("register in its func init(), as in %s.AdapterFactories.Register(New, \"name\"), or name the package that does", lastElement(core)),
	}
}

func twoCores(p, other *packages.Package, core string) PackageError {
	return PackageError{
		Package: p.PkgPath, Reason: fmt.Sprintf("uses another copy of the core, %s (module %s): what it registers there is never run", other.PkgPath, moduleOf(other)),
		Next: fmt.Sprintf("take a version of it that imports %s, or port it", core),
	}
}

// inModule names the module of a package, where it is not that of the one that imports it.
func inModule(p, importer *packages.Package) string {
	switch {
	case p.Module == nil || importer.Module != nil && importer.Module.Path == p.Module.Path:
		return ""
	case p.Module.Path == p.PkgPath:
		return strings.TrimRight("@"+p.Module.Version, "@")
	}
	return " (module " + moduleOf(p) + ")"
}

func moduleOf(p *packages.Package) string {
	if p.Module == nil {
		return "unknown"
	}
	return strings.TrimSpace(p.Module.Path + " " + p.Module.Version)
}

// otherCore finds a core other than ours in a package's graph: Logspout's own of old, another major version, or a fork.
func otherCore(p *packages.Package, core string) *packages.Package {
	var other *packages.Package
	for dep := range graph(p) {
		if dep.PkgPath != core && otherCorePath.MatchString(dep.PkgPath) && (other == nil || dep.PkgPath < other.PkgPath) {
			other = dep
		}
	}
	return other
}

var otherCorePath = regexp.MustCompile(`(^|/)(logspout/router|logspout-builder(/v[0-9]+)?/core)$`)

// needsCgo tells whether files of the package were left out because they import "C".
func needsCgo(p *packages.Package) bool {
	return slices.ContainsFunc(p.IgnoredFiles, func(name string) bool {
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return false
		}
		source, err := os.ReadFile(name)
		if err != nil {
			return false
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, source, parser.ImportsOnly)
		if err != nil {
			return false
		}
		for _, imp := range f.Imports {
			if imp.Path.Value == `"C"` {
				return true
			}
		}
		return false
	})
}

// maxCompileErrors is how many of a package's compile errors are worth telling: the later ones mostly follow from the first.
const maxCompileErrors = 3

// compileErrors are the first lines with a place out of what the compiler said.
func compileErrors(e packages.Error) []string {
	var lines []string
	for line := range strings.Lines(e.Msg) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") || line == "too many errors" {
			continue
		}
		if file, rest, ok := strings.Cut(line, ".go:"); ok {
			line = filepath.Base(filepath.FromSlash(file)) + ".go:" + rest // the package is named beside it
		}
		lines = append(lines, line)
	}
	if len(lines) > maxCompileErrors {
		more := len(lines) - maxCompileErrors
		lines = append(lines[:maxCompileErrors], fmt.Sprintf("and %d more", more))
	}
	if len(lines) > 0 && e.Pos != "" && e.Pos != "-" && !strings.Contains(lines[0], ".go:") {
		lines[0] = filepath.Base(e.Pos) + ": " + lines[0]
	}
	return lines
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return strings.TrimSuffix(line, "; to add it:")
}

func lastElement(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }
