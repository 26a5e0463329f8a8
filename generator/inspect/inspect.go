// Package inspect looks at Go packages before they are built into a binary: whether each is there, can be imported, compiles, and
// what it registers at which extension point. It reads their source and never runs it.
package inspect

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/mod/module"
	"golang.org/x/tools/go/packages"
)

// Version changes when the same source would give another report.
const Version = 3

// Config says where and how to look.
type Config struct {
	Dir        string   // holds the go.mod that resolves the packages
	Env        []string // the go command's environment, whole
	BuildFlags []string // those of the build to come ("-trimpath", "-tags=x"): what is compiled here is then not compiled again
	Core       string   // import path of the package whose extension points the binary runs
}

// Report is what a package turned out to be.
type Report struct {
	Package string // import path
	Module  string // the module's path, "" when there is none
	Version string // the module's, "" for the main module
	// Registrations are what is registered at the start of a program that the package is linked into, by itself or by
	// packages that it imports, sorted by extension point and name.
	Registrations []Registration
	// Effects are what else the package does when the program starts, by itself or by other packages of its module.
	Effects []Effect
	// Problems say why the package cannot be built in; there are none when it can.
	Problems []PackageError
}

// Registration is a component registered under a name.
type Registration struct {
	Point   string `json:"point"`   // the type's name ("AdapterFactory"); "" is every one that the component fits (RegisterExtension)
	In      string `json:"in"`      // the package that declares the extension point
	Name    string `json:"name"`    // "" when only the running program knows
	Package string `json:"package"` // the package that registers
	At      string `json:"at"`      // file:line, the file relative to its module
}

// PackageError is one reason why a package cannot be built in.
type PackageError struct {
	Package string
	Reason  string // what is wrong, with file and line where there is one
	Next    string // what to do about it
	// Module and Version are of the module at fault, which may be one that the package's own needs; "" when it cannot be told.
	Module, Version string
}

// Error gives the package, the reason and the next step.
func (p PackageError) Error() string {
	return fmt.Sprintf("package %s %s; %s", p.Package, p.Reason, p.Next)
}

// Err joins all problems; nil when there are none.
func (r Report) Err() error {
	errs := make([]error, len(r.Problems))
	for i, p := range r.Problems {
		errs[i] = p
	}
	return errors.Join(errs...)
}

// Packages inspects packages, and compiles them, by one go command. There is a report for every path, in that order. The error is for
// what concerns no single package: no go command, a go.mod that cannot be read.
func Packages(ctx context.Context, config Config, paths []string) ([]Report, error) {
	patterns := make([]string, 0, len(paths))
	for _, path := range paths {
		if module.CheckImportPath(path) == nil { // which is never a pattern or flag of the go command
			patterns = append(patterns, "pattern="+path)
		}
	}
	loaded, err := load(ctx, config, patterns)
	if err != nil {
		return nil, err
	}
	s := newScanner(config.Core)
	reports := make([]Report, len(paths))
	for i, path := range paths {
		if err := module.CheckImportPath(path); err != nil {
			reports[i] = Report{Package: path, Problems: []PackageError{{Package: path, Reason: "cannot be: " + err.Error(), Next: "name one package by its import path"}}}
			continue
		}
		j := slices.IndexFunc(loaded, func(p *packages.Package) bool { return p.PkgPath == path })
		if j < 0 {
			reports[i] = Report{Package: path, Problems: []PackageError{missing(path, "was not found")}}
			continue
		}
		if reports[i], err = s.report(loaded[j]); err != nil {
			return nil, err
		}
	}
	return reports, nil
}

func load(ctx context.Context, config Config, patterns []string) ([]*packages.Package, error) {
	if len(patterns) == 0 {
		return nil, nil
	}
	goList := packages.Config{
		Context:    ctx,
		Mode:       packages.NeedName | packages.NeedFiles | packages.NeedImports | packages.NeedDeps | packages.NeedModule | packages.NeedExportFile,
		Dir:        config.Dir,
		Env:        config.Env,
		BuildFlags: config.BuildFlags,
	}
	loaded, err := packages.Load(&goList, patterns...)
	if err == nil && len(loaded) == 0 { // it says why only when nothing is compiled
		goList.Mode = packages.NeedName
		_, err = packages.Load(&goList, patterns...)
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		reason := err.Error()
		if _, stderr, ok := strings.Cut(reason, "stderr: "); ok && strings.TrimSpace(stderr) != "" {
			reason = strings.TrimPrefix(strings.TrimSpace(stderr), "go: ")
		}
		return nil, fmt.Errorf("inspect packages: %s", reason)
	}
	return loaded, nil
}

// report judges one package.
func (s *scanner) report(p *packages.Package) (Report, error) {
	r := Report{Package: p.PkgPath}
	if p.Module != nil {
		r.Module, r.Version = p.Module.Path, p.Module.Version
	}
	r.Problems = problems(p)
	if len(r.Problems) > 0 {
		return r, nil // what it registers would be told from half of its source
	}
	found, err := s.registrations(p)
	if err != nil {
		return Report{}, err
	}
	r.Registrations, r.Effects = found.registrations, found.effects
	if other := otherCore(p, s.core); other != nil {
		r.Problems = append(r.Problems, twoCores(p, other, s.core))
	} else if len(r.Registrations) == 0 {
		r.Problems = append(r.Problems, nothingRegistered(p.PkgPath, s.core, found.unreached))
	}
	return r, nil
}
