package generator

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/module"

	"github.com/gliderlabs/logspout-builder/generator/fault"
	"github.com/gliderlabs/logspout-builder/generator/gotool"
	"github.com/gliderlabs/logspout-builder/generator/packed"
	"github.com/gliderlabs/logspout-builder/generator/plan"
	"github.com/gliderlabs/logspout-builder/generator/size"
)

// Workspace is a scratch directory in which the go command finds the modules that the builder packs, and takes the others from where the
// user's settings and --offline say.
type Workspace struct {
	Dir  string
	tool *gotool.Tool
	env  []string
	done func()
}

// Workspace makes one with files in it, for a go command of this environment, and offers it the core and the modules that a plan (nil is
// none) packs. The caller closes it.
func (b *Builder) Workspace(ctx context.Context, g *gotool.Tool, p *plan.Plan, files map[string][]byte) (*Workspace, error) {
	w, err := b.workspace(g, files)
	if err != nil {
		return nil, err
	}
	if err := b.offer(ctx, g, p); err != nil {
		w.Close()
		return nil, err
	}
	return w, nil
}

// workspace is Workspace where everything is offered already.
func (b *Builder) workspace(g *gotool.Tool, files map[string][]byte) (*Workspace, error) {
	dir, done, err := b.Cache.Scratch()
	if err != nil {
		return nil, err
	}
	if err := writeFiles(dir, files); err != nil {
		done()
		return nil, err
	}
	return &Workspace{Dir: dir, tool: g, env: b.proxyEnv(g), done: done}, nil
}

// Close removes the directory.
func (w *Workspace) Close() { w.done() }

// Run executes the go command there, with extra variables, and returns what it wrote to stdout. Its error is a *gotool.Error, or ctx's.
func (w *Workspace) Run(ctx context.Context, extra []string, args ...string) ([]byte, error) {
	return w.tool.Run(ctx, w.Dir, append(slices.Clone(w.env), extra...), args...)
}

// Stream executes the go command there, with extra variables, and passes on what it writes as it comes.
func (w *Workspace) Stream(ctx context.Context, extra []string, stdout, stderr io.Writer, args ...string) error {
	return w.tool.Stream(ctx, w.Dir, append(slices.Clone(w.env), extra...), stdout, stderr, args...)
}

// Environ is the environment that go commands get there, "NAME=value".
func (w *Workspace) Environ() []string { return w.tool.Environ(w.env...) }

// Packages are all that the project in the workspace is compiled from with build tags, each with what it imports.
func (w *Workspace) Packages(ctx context.Context, tags []string) ([]size.Package, error) {
	args := []string{"list", "-deps", "-json=ImportPath,Imports,Module"}
	if len(tags) > 0 {
		args = append(args, "-tags="+strings.Join(tags, ","))
	}
	listed, err := w.Run(ctx, nil, append(args, ".")...)
	if err != nil {
		return nil, err
	}
	var packages []size.Package
	for decoder := json.NewDecoder(bytes.NewReader(listed)); ; {
		var p size.Package
		switch err := decoder.Decode(&p); {
		case errors.Is(err, io.EOF):
			return packages, nil
		case err != nil:
			return nil, fmt.Errorf("read what go list prints: %w", err)
		}
		packages = append(packages, p)
	}
}

// offer puts the core and the plan's local modules where the go command finds them. A module that the user declared private
// would not be asked of any proxy: those are put into the module cache first, from where they are taken whatever the settings.
func (b *Builder) offer(ctx context.Context, g *gotool.Tool, p *plan.Plan) error {
	modules := []*packed.Module{&b.Core.Module}
	if p != nil {
		modules = append(modules, p.Locals()...)
	}
	var private []*packed.Module
	for _, m := range modules {
		if err := b.Cache.Proxy().Offer(m); err != nil {
			return err
		}
		if module.MatchPrefixPatterns(g.Settings.GONOPROXY, m.Path) {
			private = append(private, m)
		}
	}
	if len(private) == 0 {
		return nil
	}
	err := b.Download(ctx, g, private...)
	if p != nil {
		err = p.Blame(fault.StepResolve, err)
	}
	return err
}

// proxyEnv makes the go command look at the builder's own modules first, then where the user's settings say.
func (b *Builder) proxyEnv(g *gotool.Tool) []string {
	if b.Offline {
		return b.offlineEnv()
	}
	return []string{"GOPROXY=" + b.Cache.Proxy().URL() + "," + g.Settings.GOPROXY}
}

// Download puts packed modules into the module cache, from the builder's own proxy alone, whatever the user's settings.
func (b *Builder) Download(ctx context.Context, g *gotool.Tool, modules ...*packed.Module) error {
	args := []string{"mod", "download"}
	for _, m := range modules {
		if err := b.Cache.Proxy().Offer(m); err != nil {
			return err
		}
		args = append(args, m.String())
	}
	// In a module of its own, and without the checksum database, which cannot know a version that the builder made.
	w, err := b.workspace(g, map[string][]byte{"go.mod": []byte("module scratch\n")})
	if err != nil {
		return err
	}
	defer w.Close()
	_, err = g.Run(ctx, w.Dir, []string{"GOPROXY=" + b.Cache.Proxy().URL(), "GONOPROXY=none", "GONOSUMDB=*", "GOFLAGS=-mod=mod"}, args...)
	return err
}

// offlineEnv keeps the go command from the network: no proxy but the builder's own directory, no version control, no other toolchain.
func (b *Builder) offlineEnv() []string {
	return []string{"GOPROXY=" + b.Cache.Proxy().URL() + ",off", "GONOPROXY=none", "GOVCS=*:off", "GOTOOLCHAIN=local"}
}

// writeFiles writes files into dir, which exists.
func writeFiles(dir string, files map[string][]byte) error {
	var problems []error
	for name, data := range files {
		file := filepath.Join(dir, filepath.FromSlash(name))
		problems = append(problems, os.MkdirAll(filepath.Dir(file), 0o750), os.WriteFile(file, data, 0o600))
	}
	return errors.Join(problems...)
}
