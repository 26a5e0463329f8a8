// Package lock is logspout.lock: what a manifest was resolved to, every module with its version and checksum. It is read and written
// here, line by line, and compared; it does no I/O.
package lock

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"slices"
	"strings"

	"golang.org/x/mod/module"
)

const (
	// FileName is the lock's beside logspout.yaml.
	FileName = "logspout.lock"

	// Local stands in a lock for a local directory, whose content is not locked.
	Local = "./"
)

// Lock is what a manifest was resolved to. With the manifest's plan it is enough to write go.mod and go.sum.
type Lock struct {
	Core      Core
	Go        string    // version of the language, as in go.mod ("1.26.0")
	Toolchain string    // the go command's version ("go1.26.8")
	Wants     []Want    // what was asked for, sorted by name
	Replaces  []Replace // sorted by module
	Modules   []Module  // what is built from beside the core, sorted by path
	Locals    []LocalModule
}

// Core is the runtime's module, which comes with the builder.
type Core struct {
	Version string
	Sum     string // "h1:..." of its content
}

// Want is one package that the manifest asks for.
type Want struct {
	Name  string // of the registry for what comes with the builder, else an import path
	Query string // the version, branch or commit asked for; Local; "" for what comes with the builder
	From  string // path of the module that holds the package; "" for what comes with the builder and for local directories
}

// Replace is a module that the manifest takes from elsewhere.
type Replace struct {
	Module string
	Path   string // "" for a local directory
	Query  string // the version asked for; Local
}

// Module is one module of the build list.
type Module struct {
	Path    string
	Version string
	// To is where it is taken from when it is replaced; its Path is Local for a local directory.
	To       module.Version
	Sum      string // "h1:..." of the content, "" where only the go.mod is needed; of To when it is replaced
	GoModSum string // "h1:..." of the go.mod; "" where it is not needed
}

// LocalModule is a module in a local directory. Its content may change from build to build, what it needs may not.
type LocalModule struct {
	Path  string
	Needs string // "sha256:..." of its go.mod and of what it imports
}

// Module is the locked module of this path.
func (l *Lock) Module(modulePath string) (m Module, ok bool) {
	if l == nil {
		return m, false
	}
	i, ok := slices.BinarySearchFunc(l.Modules, modulePath, func(m Module, p string) int { return strings.Compare(m.Path, p) })
	if !ok {
		return m, false
	}
	return l.Modules[i], true
}

// Want is what the lock says of a package or registry name.
func (l *Lock) Want(name string) (w Want, ok bool) {
	if l == nil {
		return w, false
	}
	i, ok := slices.BinarySearchFunc(l.Wants, name, func(w Want, n string) int { return strings.Compare(w.Name, n) })
	if !ok {
		return w, false
	}
	return l.Wants[i], true
}

// Sort brings a lock into the one order that it has.
func (l *Lock) Sort() {
	slices.SortFunc(l.Wants, func(a, b Want) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(l.Replaces, func(a, b Replace) int { return strings.Compare(a.Module, b.Module) })
	slices.SortFunc(l.Modules, func(a, b Module) int { return strings.Compare(a.Path, b.Path) })
	slices.SortFunc(l.Locals, func(a, b LocalModule) int { return strings.Compare(a.Path, b.Path) })
}

// Clone is a lock of its own.
func (l *Lock) Clone() *Lock {
	c := *l
	c.Wants, c.Replaces, c.Modules, c.Locals = slices.Clone(l.Wants), slices.Clone(l.Replaces), slices.Clone(l.Modules), slices.Clone(l.Locals)
	return &c
}

// version is the format's; a lock of another one is refused.
const version = "1"

// head begins every lock.
const head = "logspout-lock " + version + "\n" +
	"# What the manifest was resolved to. logspout-builder writes it; keep it beside the manifest, under version control.\n"

// Format is the lock's text: one line a fact, sorted, the same for the same content.
func (l *Lock) Format() []byte {
	var b strings.Builder
	b.WriteString(head)
	line := func(words ...string) { b.WriteString(strings.Join(words, " ") + "\n") }
	line("core", l.Core.Version, l.Core.Sum)
	line("go", l.Go)
	line("toolchain", l.Toolchain)
	for _, w := range l.Wants {
		words := []string{"with", w.Name}
		if w.Query != "" {
			words = append(words, w.Query)
		}
		if w.From != "" {
			words = append(words, "from", w.From)
		}
		line(words...)
	}
	for _, r := range l.Replaces {
		if r.Query == Local {
			line("replace", r.Module, "=>", Local)
		} else {
			line("replace", r.Module, "=>", r.Path, r.Query)
		}
	}
	for _, m := range l.Modules {
		words := []string{"module", m.Path, m.Version}
		if m.To.Path != "" {
			words = append(words, "=>", m.To.Path)
		}
		if m.To.Version != "" {
			words = append(words, m.To.Version)
		}
		if m.To.Path != Local {
			words = append(words, dash(m.Sum), dash(m.GoModSum))
		}
		line(words...)
	}
	for _, m := range l.Locals {
		line("local", m.Path, m.Needs)
	}
	return []byte(b.String())
}

func dash(sum string) string {
	if sum == "" {
		return "-"
	}
	return sum
}

// Digest identifies the lock by its content: "sha256:" and the SHA-256 of its text in hexadecimal.
func (l *Lock) Digest() string {
	sum := sha256.Sum256(l.Format())
	return "sha256:" + hex.EncodeToString(sum[:])
}

// FileFor is the lock's file for a manifest: beside it, named like it.
func FileFor(manifest string) string {
	base := strings.TrimSuffix(manifest, path.Ext(manifest))
	return base + ".lock"
}

// SumLines are the module's lines of a go.sum.
func (m Module) SumLines() []string {
	at := module.Version{Path: m.Path, Version: m.Version}
	if m.To.Path != "" {
		at = m.To
	}
	var lines []string
	if m.Sum != "" {
		lines = append(lines, fmt.Sprintf("%s %s %s", at.Path, at.Version, m.Sum))
	}
	if m.GoModSum != "" {
		lines = append(lines, fmt.Sprintf("%s %s/go.mod %s", at.Path, at.Version, m.GoModSum))
	}
	return lines
}
