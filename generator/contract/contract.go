// Package contract holds a module against this builder's core: the contracts of what it registers, its own tests, and the plain go command.
package contract

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/dave/jennifer/jen"
	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"

	"github.com/gliderlabs/logspout-builder/generator"
	"github.com/gliderlabs/logspout-builder/generator/buildlist"
	"github.com/gliderlabs/logspout-builder/generator/fault"
	"github.com/gliderlabs/logspout-builder/generator/gotool"
	"github.com/gliderlabs/logspout-builder/generator/manifest"
	"github.com/gliderlabs/logspout-builder/generator/plan"
	"github.com/gliderlabs/logspout-builder/generator/source"
)

// moduletestPackage has the contract checks.
const moduletestPackage = manifest.CorePath + "/core/moduletest"

// Contract says how a package's registrations are held against the contracts of their kinds.
type Contract struct {
	Package string
	Routes  []string          // through its adapters and processors, see moduletest.Registered
	Network string            // that its transports connect by
	Vars    map[string]string // environment of the module
	Skip    []string          // extension points
}

// Result is one promise that was checked.
type Result struct {
	Extension plan.Extension
	Promise   string   // "" for what concerns the extension as a whole
	Outcome   string   // "pass", "fail" or "skip"
	Output    []string // what the check said
}

// Check builds a test of the plan's packages and runs it. each gets every promise as it is checked. The error is for what keeps the
// checks from running: a module that does not resolve, register or compile.
func Check(ctx context.Context, b *generator.Builder, p *plan.Plan, c Contract, each func(Result)) error {
	g, x, err := b.Project(ctx, p)
	if err != nil {
		return err
	}
	left := slices.DeleteFunc(x.Extensions(), func(e plan.Extension) bool {
		return e.Package != c.Package || slices.Contains(c.Skip, e.Point)
	})
	if len(left) == 0 {
		return nil
	}
	var test bytes.Buffer
	if err := c.file(p.Imports()).Render(&test); err != nil {
		return err
	}
	w, err := b.Workspace(ctx, g, p, map[string][]byte{"go.mod": x.List.GoMod, "go.sum": x.List.GoSum, "contract_test.go": test.Bytes()})
	if err != nil {
		return err
	}
	defer w.Close()
	finish := b.Step("contract", c.Package)
	events := &testEvents{plan: p, each: each}
	args := []string{"test", "-json", "-count=1", "-timeout=5m", "-trimpath", "-buildvcs=false"}
	if len(p.Tags) > 0 {
		args = append(args, "-tags="+strings.Join(p.Tags, ","))
	}
	var stderr strings.Builder
	err = w.Stream(ctx, nil, events, &stderr, append(args, ".")...)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil && !events.failed: // else the results tell
		return p.Blame(fault.StepCompile, &gotool.Error{Args: args, Stderr: g.Secrets.Hide(events.other.String() + stderr.String()), Err: err})
	}
	finish()
	return nil
}

// file is the test's source.
func (c Contract) file(imports []string) *jen.File {
	f := jen.NewFile("contract")
	f.HeaderComment(source.Header)
	f.ImportName(moduletestPackage, "moduletest")
	f.Anon(imports...)
	texts := func(list []string) jen.Code {
		return jen.Index().String().ValuesFunc(func(g *jen.Group) {
			for _, text := range list {
				g.Lit(text)
			}
		})
	}
	vars := jen.Dict{}
	for name, value := range c.Vars {
		vars[jen.Lit(name)] = jen.Lit(value)
	}
	f.Func().Id("TestContract").Params(jen.Id("t").Op("*").Qual("testing", "T")).Block(
		jen.Qual(moduletestPackage, "TestRegistered").Call(jen.Id("t"), jen.Qual(moduletestPackage, "Registered").Values(jen.Dict{
			jen.Id("Package"): jen.Lit(c.Package),
			jen.Id("Routes"):  texts(c.Routes),
			jen.Id("Network"): jen.Lit(c.Network),
			jen.Id("Vars"):    jen.Map(jen.String()).String().Values(vars),
			jen.Id("Skip"):    texts(c.Skip),
		})),
	)
	return f
}

// testEvents reads what `go test -json` writes (go doc test2json).
type testEvents struct {
	plan    *plan.Plan
	each    func(Result)
	partial []byte
	output  map[string][]string // by test
	other   strings.Builder     // what no test of an extension wrote
	failed  bool                // a result told why the command failed
}

// Write takes a piece of the stream.
func (e *testEvents) Write(p []byte) (int, error) {
	e.partial = append(e.partial, p...)
	for {
		line, rest, ok := bytes.Cut(e.partial, []byte{'\n'})
		if !ok {
			return len(p), nil
		}
		e.line(line)
		e.partial = rest
	}
}

func (e *testEvents) line(line []byte) {
	var event struct{ Action, Test, Output string }
	if json.Unmarshal(line, &event) != nil {
		e.other.Write(append(line, '\n'))
		return
	}
	below, ok := strings.CutPrefix(event.Test, "TestContract/")
	switch {
	case !ok:
		e.other.WriteString(event.Output)
	case event.Action == "output":
		if text := e.plan.Unpacked(saidByTest(event.Output)); text != "" {
			if e.output == nil {
				e.output = map[string][]string{}
			}
			e.output[below] = append(e.output[below], text)
		}
	case event.Action == "pass" || event.Action == "fail" || event.Action == "skip":
		e.result(below, event.Action)
	}
}

// result tells of a test that has ended: "POINT_NAME/what_it_promises".
func (e *testEvents) result(test, outcome string) {
	extension, promise, isPromise := strings.Cut(test, "/")
	said := e.output[test]
	if !isPromise && (outcome != "fail" || len(said) == 0) {
		return // its promises have told
	}
	e.failed = e.failed || outcome == "fail"
	point, name, _ := strings.Cut(extension, "_") // what go test makes of "POINT NAME"
	e.each(Result{
		Extension: plan.Extension{Point: point, Name: name}, Promise: strings.ReplaceAll(promise, "_", " "), Outcome: outcome, Output: said,
	})
}

var testPlace = regexp.MustCompile(`^\s*[\w.]+\.go:\d+: `)

// saidByTest is a line of a test's output without what go test adds to it, "" when nothing is left.
func saidByTest(line string) string {
	line = strings.TrimRight(line, "\r\n")
	for _, prefix := range []string{"=== ", "--- "} {
		if strings.HasPrefix(strings.TrimSpace(line), prefix) {
			return ""
		}
	}
	return strings.TrimSpace(testPlace.ReplaceAllString(line, ""))
}

// TestModule runs `go test` with flags in a directory of a module, with this builder's core in the place of whatever core its go.mod asks
// for. Nothing in the directory is changed.
func TestModule(ctx context.Context, b *generator.Builder, dir, moduleDir string, flags []string, stdout, stderr io.Writer) error {
	g, err := b.GoTool(ctx, b.Environ)
	if err != nil {
		return err
	}
	language := b.Core.Bundled.Go
	data, err := os.ReadFile(filepath.Join(moduleDir, "go.mod"))
	if err != nil {
		return err
	}
	f, err := modfile.ParseLax(filepath.Join(moduleDir, "go.mod"), data, nil)
	if err != nil {
		return err
	}
	if f.Go != nil && semver.Compare("v"+f.Go.Version, "v"+language) > 0 {
		language = f.Go.Version
	}
	work := new(modfile.WorkFile)
	work.Syntax = new(modfile.FileSyntax)
	if err := errors.Join(
		work.AddGoStmt(language),
		work.AddUse(filepath.ToSlash(moduleDir), ""),
		work.AddReplace(manifest.CorePath, "", manifest.CorePath, b.Core.Version.Version),
	); err != nil {
		return err
	}
	w, err := b.Workspace(ctx, g, nil, map[string][]byte{"go.work": modfile.Format(work.Syntax), "go.work.sum": buildlist.FormatGoSum(b.Core.SumLines())})
	if err != nil {
		return err
	}
	defer w.Close()
	env := append(w.Environ(), "GOWORK="+filepath.Join(w.Dir, "go.work"))
	if slices.Contains(flags, "-race") {
		env = append(env, "CGO_ENABLED=1") // the race detector needs it
	}
	return g.Stream(ctx, dir, env, stdout, stderr, append([]string{"test"}, append(slices.Clone(flags), "./...")...)...)
}
