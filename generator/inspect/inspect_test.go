package inspect

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/gliderlabs/logspout-builder/generator/extpoint"
)

const testCore = "github.com/gliderlabs/logspout-builder/core"

// fakeCore is a core with two extension points, small so that compiling it costs nothing.
const fakeCore = `
-- core/go.mod --
module github.com/gliderlabs/logspout-builder
go 1.26
-- core/core/core.go --
package core

type AdapterFactory func(address string) error
type Job interface{ Run() error }
-- old/go.mod --
module github.com/gliderlabs/logspout
go 1.26
-- old/router/router.go --
package router

func Register(name string) {}
`

// project writes modules to a directory: txtar text whose "app" holds go.mod of the project, with a replace for every module.
func project(t *testing.T, archive string) Config {
	t.Helper()
	dir := t.TempDir()
	for _, f := range append(txtar.Parse([]byte(fakeCore)).Files, txtar.Parse([]byte(archive)).Files...) {
		write(t, filepath.Join(dir, filepath.FromSlash(f.Name)), f.Data)
	}
	coreDir := filepath.Join(dir, "core", "core")
	glue, err := extpoint.GenerateDir(coreDir, "extpoints_gen.go", nil)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(coreDir, "extpoints_gen.go"), glue)
	write(t, filepath.Join(dir, "app", "go.mod"), []byte(`module logspout
go 1.26
require (
	github.com/gliderlabs/logspout-builder v0.1.0
	github.com/gliderlabs/logspout v3.2.14+incompatible
	example.com/m v1.2.3
	example.com/other v1.0.0
)
replace (
	github.com/gliderlabs/logspout-builder => ../core
	github.com/gliderlabs/logspout => ../old
	example.com/m => ../m
	example.com/other => ../other
)
`))
	for _, m := range []string{"m", "other"} {
		goMod := filepath.Join(dir, m, "go.mod")
		if _, err := os.Stat(goMod); err != nil {
			write(t, goMod, []byte("module example.com/"+m+"\ngo 1.26\n"))
		}
	}
	return Config{
		Dir:  filepath.Join(dir, "app"),
		Env:  append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off", "CGO_ENABLED=0", "GOTOOLCHAIN=local"),
		Core: testCore, BuildFlags: []string{"-trimpath"},
	}
}

func write(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

func inspectOne(t *testing.T, archive, path string) Report {
	t.Helper()
	reports, err := Packages(t.Context(), project(t, archive), []string{path})
	if err != nil {
		t.Fatal(err)
	}
	if len(reports) != 1 || reports[0].Package != path {
		t.Fatalf("reports %+v, want one for %s", reports, path)
	}
	return reports[0]
}

// told are registrations in short: "Point name file:line".
func told(registrations []Registration) []string {
	var out []string
	for _, r := range registrations {
		point := r.Point
		if point == "" {
			point = "*"
		}
		if r.In != testCore {
			point = r.In + "." + point
		}
		out = append(out, point+" "+r.Name+" "+r.At)
	}
	return out
}

const imports = `
import "github.com/gliderlabs/logspout-builder/core"

func New(string) error { return nil }
`

// doublings are constants c1 to cN, each made of the one before twice.
func doublings(n int) string {
	var b strings.Builder
	for i := 1; i <= n; i++ {
		fmt.Fprintf(&b, "const c%d = c%d + c%d\n", i, i-1, i-1)
	}
	return b.String()
}

func TestRegistrationsAreFoundInSource(t *testing.T) {
	config := project(t, `
-- m/plain/plain.go --
package plain
`+imports+`
func init() { core.AdapterFactories.Register(New, "plain") }
-- m/constant/constant.go --
package constant

import (
	ext "github.com/gliderlabs/logspout-builder/core"

	"example.com/m/constant/names"
)

const prefix = "a-"

const Local, unused = prefix + "local", 1

func New(string) error { return nil }

func init() {
	const inside = "inside"
	ext.AdapterFactories.Register(New, Local)
	ext.AdapterFactories.Register(New, inside)
	(ext.AdapterFactories).Register(New, (names.Far))
}
-- m/constant/names/names.go --
package names

const Far = "far"
-- m/any/any.go --
package any

import . "github.com/gliderlabs/logspout-builder/core"

type job struct{}

func (job) Run() error { return nil }

var _ = RegisterExtension(job{}, "any")

func init() { Jobs.Register(job{}, "dotted") }
-- m/nameless/nameless.go --
package nameless
`+imports+`
type Job struct{}

func (*Job) Run() error { return nil }

func init() {
	core.AdapterFactories.Register(New, "")
	core.Jobs.Register(&Job{}, "")
}
-- m/deep/deep.go --
package deep
`+imports+`
const c0 = ""
`+doublings(60)+`
func init() {
	const c0 = "not this"
	core.AdapterFactories.Register(New, "deep"+c60)
}
-- m/through/through.go --
package through

import "example.com/m/through/impl"

func init() { impl.Setup() }
-- m/through/impl/impl.go --
package impl
`+imports+`
type registrar struct{}

func (registrar) all() { core.AdapterFactories.Register(New, "through") }

func Setup() { registrar{}.all() }

func Never() { core.AdapterFactories.Register(New, "never") }
-- m/dynamic/dynamic.go --
package dynamic
`+imports+`
func init() {
	for _, name := range []string{"a", "b"} {
		core.AdapterFactories.Register(New, "looped-"+name)
	}
	register := core.Jobs.Register
	register(nil, "j")
}
-- m/standard/standard.go --
package standard

import _ "example.com/m/plain"
-- m/set/set.go --
package set

import _ "example.com/other/kafka"
-- other/kafka/kafka.go --
package kafka
`+imports+`
func init() { core.AdapterFactories.Register(New, "kafka") }
-- m/foreign/foreign.go --
package foreign

import "example.com/other/points"

func init() { points.Codecs.Register(nil, "gob") }
-- other/points/points.go --
package points

type Codec interface{ Encode() }
-- other/points/extpoints.go --
// Code generated by logspout-builder extpoints; DO NOT EDIT.

package points

var Codecs = newExtensionPoint[Codec]("Codec")

type point[T any] struct{}

func newExtensionPoint[T any](string) point[T] { return point[T]{} }

func (point[T]) Register(T, string) bool { return true }
`)
	want := map[string][]string{
		"example.com/m/plain":    {"AdapterFactory plain plain/plain.go:7"},
		"example.com/m/constant": {"AdapterFactory a-local constant/constant.go:17", "AdapterFactory far constant/constant.go:19", "AdapterFactory inside constant/constant.go:18"},
		"example.com/m/any":      {"* any any/any.go:9", "Job dotted any/any.go:11"},
		"example.com/m/nameless": {"AdapterFactory New nameless/nameless.go:12", "Job Job nameless/nameless.go:13"},
		"example.com/m/deep":     {"AdapterFactory deep deep/deep.go:71"},
		"example.com/m/through":  {"AdapterFactory through through/impl/impl.go:9"},
		"example.com/m/dynamic":  {"AdapterFactory  dynamic/dynamic.go:9", "Job  dynamic/dynamic.go:11"},
		"example.com/m/standard": {"AdapterFactory plain plain/plain.go:7"},
		"example.com/m/set":      {"AdapterFactory kafka kafka/kafka.go:7"},
		"example.com/m/foreign":  {"example.com/other/points.Codec gob foreign/foreign.go:5"},
	}
	var paths []string
	for path := range want {
		paths = append(paths, path)
	}
	reports, err := Packages(t.Context(), config, paths)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range reports {
		if r.Package != paths[i] || r.Err() != nil {
			t.Errorf("%s: report for %q with problems %v", paths[i], r.Package, r.Err())
		}
		if got := told(r.Registrations); !slices.Equal(got, want[r.Package]) {
			t.Errorf("%s registers\n%q, want\n%q", r.Package, got, want[r.Package])
		}
		if r.Module != "example.com/m" || r.Version != "v1.2.3" {
			t.Errorf("%s: module %s %s", r.Package, r.Module, r.Version)
		}
	}
}

func TestPackagesThatCannotBeBuiltInAreToldWithReasonAndNextStep(t *testing.T) {
	const archive = `
-- m/program/main.go --
package main

func main() {}
-- m/nothing/nothing.go --
package nothing
-- m/lookup/lookup.go --
package lookup

import "github.com/gliderlabs/logspout-builder/core"

func init() { _ = core.AdapterFactories.Names() }
-- m/unreached/unreached.go --
package unreached
` + imports + `
func Setup() { core.AdapterFactories.Register(New, "unreached") }
-- m/broken/broken.go --
package broken
` + imports + `
func init() { core.AdapterFactories.Register(Now, "broken") }

var a, b, c, d int = "1", "2", "3", "4"
-- m/syntax/syntax.go --
package syntax

func init( {
-- m/above/above.go --
package above

import _ "example.com/m/broken"
-- m/hollow/hollow.go --
package hollow

import _ "example.com/nowhere/thing"
-- m/cgo/cgo.go --
package cgo

import "C"
-- m/overcgo/overcgo.go --
package overcgo

import _ "example.com/m/cgo"
-- m/elsewhere/elsewhere_windows.go --
package elsewhere
-- m/internal/hidden/hidden.go --
package hidden
-- m/legacy/legacy.go --
package legacy

import "github.com/gliderlabs/logspout/router"

func init() { router.Register("legacy") }
`
	tests := []struct{ path, want string }{
		{"example.com/m/program", "package example.com/m/program is a program (package main) and cannot be imported; name the package of that module that registers the extension"},
		{"example.com/m/nothing", `package example.com/m/nothing registers nothing: it would be linked in and never be used; register in its func init(), as in core.AdapterFactories.Register(New, "name"), or name the package that does`},
		{"example.com/m/lookup", `registers nothing: it would be linked in`},
		{"example.com/m/unreached", "registers nothing when the program starts: the call at unreached/unreached.go:7 is not reached from any init function; call it from func init()"},
		{"example.com/m/broken", "package example.com/m/broken does not compile: broken.go:7:46: undefined: Now; broken.go:9:22: cannot use"},
		{"example.com/m/broken", "and 2 more; mend it"},
		{"example.com/m/syntax", "package example.com/m/syntax does not compile: syntax.go:3:12: syntax error"},
		{"example.com/m/above", "package example.com/m/above imports example.com/m/broken, which does not compile: broken.go:7:46: undefined: Now"},
		{"example.com/m/hollow", "package example.com/m/hollow imports example.com/nowhere/thing, which does not exist: "},
		{"example.com/m/cgo", "package example.com/m/cgo needs cgo, which a static binary is built without; use a module"},
		{"example.com/m/overcgo", "package example.com/m/overcgo imports example.com/m/cgo, which needs cgo"},
		{"example.com/m/elsewhere", "package example.com/m/elsewhere has no Go files for this platform"},
		{"example.com/m/internal/hidden", "package example.com/m/internal/hidden is internal to its module"},
		{"example.com/m/legacy", "package example.com/m/legacy uses another copy of the core, github.com/gliderlabs/logspout/router (module github.com/gliderlabs/logspout v3.2.14+incompatible)"},
		{"example.com/m/typo", "package example.com/m/typo does not exist: "},
		{"example.com/unknown", "package example.com/unknown does not exist: "},
		{"example.com/m/...", "package example.com/m/... cannot be: malformed import path"},
	}
	config := project(t, archive)
	var paths []string
	for _, test := range tests {
		paths = append(paths, test.path)
	}
	reports, err := Packages(t.Context(), config, paths)
	if err != nil {
		t.Fatal(err)
	}
	for i, test := range tests {
		if err := reports[i].Err(); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s:\n%v, want\n%s", test.path, err, test.want)
		}
	}
}

func TestInspectionEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Packages(ctx, project(t, ""), []string{"example.com/m"}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
}

func TestAModuleThatNeedsANewerGoIsTold(t *testing.T) {
	_, err := Packages(t.Context(), project(t, `
-- m/go.mod --
module example.com/m
go 1.999
-- m/newer/newer.go --
package newer
`), []string{"example.com/m/newer"})
	if err == nil || !strings.Contains(err.Error(), "requires go >= 1.999") {
		t.Errorf("error %v, want one that says which Go is needed", err)
	}
}

func TestAGoModThatCannotBeReadIsAnError(t *testing.T) {
	config := project(t, "")
	write(t, filepath.Join(config.Dir, "go.mod"), []byte("modul logspout\n"))
	_, err := Packages(t.Context(), config, []string{"example.com/m/x"})
	if err == nil || !strings.Contains(err.Error(), "go.mod:1: unknown directive: modul") {
		t.Errorf("error %v, want the line of go.mod", err)
	}
}

func TestNoGoCommandIsAnError(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	config := project(t, "")
	_, err := Packages(t.Context(), config, []string{"example.com/m/x"})
	if err == nil || !strings.Contains(err.Error(), "executable file not found") {
		t.Errorf("error %v, want one that says that there is no go command", err)
	}
}

func TestWhatStartsDoBesideRegisteringIsTold(t *testing.T) {
	report := inspectOne(t, `
-- m/m.go --
package m

import (
	"net"
	"os"
	"regexp"

	"github.com/gliderlabs/logspout-builder/core"

	"example.com/m/sub"
)

var form = regexp.MustCompile("a")

var host, _ = os.Hostname()

func New(address string) error {
	_, err := net.Dial("tcp", address)
	return err
}

func dial() {
	if _, err := net.Dial("tcp", "a:1"); err != nil {
		panic(err)
	}
}

func init() {
	core.AdapterFactories.Register(New, "m")
	core.AdapterFactories.Register(func(string) error { _ = os.Getenv("LATER"); return nil }, "n")
	func() { dial() }()
	go dial()
	sub.Start()
}
-- m/sub/sub.go --
package sub

import "os"

func Start() { os.Setenv("A", "b") }

func Stop() { os.Exit(1) }
`, "example.com/m")
	var got []string
	for _, e := range report.Effects {
		got = append(got, e.At+" "+e.What)
	}
	want := []string{"m.go:15 calls os.Hostname", "m.go:23 calls net.Dial", "m.go:32 starts a goroutine", "sub/sub.go:5 calls os.Setenv"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	if err := report.Err(); err != nil {
		t.Error(err)
	}
}
