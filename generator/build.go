// Package generator makes a binary, or the Go project it is built from, of a plan: the versions of its modules, what they register, the
// compiled and verified binary.
package generator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/gliderlabs/logspout-builder/generator/buildlist"
	"github.com/gliderlabs/logspout-builder/generator/cache"
	"github.com/gliderlabs/logspout-builder/generator/fault"
	"github.com/gliderlabs/logspout-builder/generator/gotool"
	"github.com/gliderlabs/logspout-builder/generator/inspect"
	"github.com/gliderlabs/logspout-builder/generator/lock"
	"github.com/gliderlabs/logspout-builder/generator/packed"
	"github.com/gliderlabs/logspout-builder/generator/plan"
	"github.com/gliderlabs/logspout-builder/generator/source"
	"github.com/gliderlabs/logspout-builder/generator/timings"
)

// Builder makes binaries and projects of plans.
type Builder struct {
	Core  *packed.Core
	Cache *cache.Cache
	// Lock is what the plan was resolved to before. It is obeyed as far as it fits; nil is none.
	Lock *lock.Lock
	// LockFile is where Lock was read, for messages; "" names none.
	LockFile string
	// Locked refuses what does not fit Lock.
	Locked bool
	// Offline keeps from the network: what the module cache lacks is an error that lists it.
	Offline bool
	// Update says what of Lock is to be asked for anew.
	Update Update
	// KeepGoing makes a build without the packages from elsewhere that are at fault, and reports them.
	KeepGoing bool
	// Timings makes the progress of compiling have its parts.
	Timings bool
	// Environ is the user's environment, "NAME=value"; go commands get a part of it.
	Environ []string
	// Report is told what goes on; nil is nobody.
	Report func(Progress)
}

// Target is one binary of a build.
type Target struct {
	// Platform is what the binary is for; the zero one is what the environment says (GOOS, GOARCH, ...), else this machine's.
	Platform gotool.Platform
	Output   string // the binary's file
}

// Progress is one step of a build.
type Progress struct {
	Step   string // "resolve", "inspect", "compile", "verify", ...
	Detail string
	// Done is false when the step begins; when it ended well, it is true, and Elapsed says how long it took.
	Done    bool
	Elapsed time.Duration
	// Parts are what the step was made of, where that is known.
	Parts []timings.Node
}

// Result is a binary that was made.
type Result struct {
	Platform string // "linux/arm/v7"
	Path     string
	SHA256   string
	Size     int64
	Digest   string     // of the project: what the binary says it was made from
	Plan     *plan.Plan // what it was made of; nil of a bundle
	Cached   bool       // the binary is an earlier build's
	// LeftOut is what the binary was made without, of a builder that keeps going.
	LeftOut []LeftOut
	Resolution
}

// Project is a plan that is resolved, inspected and rendered: everything that `go build` needs.
type Project struct {
	Plan     *plan.Plan
	List     *buildlist.List
	found    findings
	source   map[string][]byte
	made     source.Stamp
	resolved *Resolution
}

// Files are the project's files by name.
func (x *Project) Files() map[string][]byte {
	files := maps.Clone(x.source)
	files["go.mod"], files["go.sum"] = x.List.GoMod, x.List.GoSum
	return files
}

// Extensions are what the binary has to register, under the names that it has there.
func (x *Project) Extensions() []plan.Extension { return x.Plan.Extensions(x.found.extensions) }

// Effects are what a package from elsewhere does, beside registering, when the binary starts.
func (x *Project) Effects(importPath string) []inspect.Effect { return x.found.effects[importPath] }

// Build makes the plan's binary at output, for the platform that the environment says. It appears whole or not at all. Its error is an *Error
// where the plan or a module is at fault.
func (b *Builder) Build(ctx context.Context, p *plan.Plan, output string) (*Result, error) {
	results, err := b.BuildAll(ctx, p, []Target{{Output: output}})
	if err != nil {
		return nil, err
	}
	return results[0], nil
}

// BuildAll makes the plan's binaries for several platforms of the same modules. Where some cannot be made the others are, and the
// error says why; results has nil for those.
func (b *Builder) BuildAll(ctx context.Context, p *plan.Plan, targets []Target) (results []*Result, err error) {
	left, err := b.without(ctx, p, func(p *plan.Plan) (err error) {
		results, err = b.buildAll(ctx, p, targets)
		return b.nameLock(err)
	})
	for _, r := range results {
		if r != nil {
			r.LeftOut = left
		}
	}
	return results, err
}

func (b *Builder) buildAll(ctx context.Context, p *plan.Plan, targets []Target) (results []*Result, err error) {
	for _, t := range targets {
		if info, err := os.Stat(t.Output); err == nil && !info.Mode().IsRegular() {
			return nil, fmt.Errorf("output %s exists and is not a file: name another with -o", t.Output)
		}
	}
	results = make([]*Result, len(targets))
	var resolved *Resolution
	var failed failures
	for i, t := range targets {
		g, err := b.GoTool(ctx, t.Platform.Environ(b.Environ))
		if err != nil {
			return nil, err
		}
		if resolved == nil {
			if resolved, err = b.settle(ctx, g, p); err != nil {
				return nil, err
			}
		}
		result, err := b.buildOne(ctx, g, p, resolved, t.Output)
		platform := t.Platform.String()
		if t.Platform == (gotool.Platform{}) {
			platform = g.Settings.GOOS + "/" + g.Settings.GOARCH
		}
		switch {
		case ctx.Err() != nil:
			return results, ctx.Err()
		case err != nil:
			failed.add(platform, err)
		default:
			result.Platform = platform
			results[i] = result
		}
	}
	return results, failed.err(len(targets))
}

// failures are the errors of several platforms, each with those that it came up on.
type failures struct {
	errs []error
	on   map[string][]string // by text
}

func (f *failures) add(platform string, err error) {
	if f.on == nil {
		f.on = map[string][]string{}
	}
	if f.on[err.Error()] == nil {
		f.errs = append(f.errs, err)
	}
	f.on[err.Error()] = append(f.on[err.Error()], platform)
}

// err joins the errors; one that all of several platforms have, or the only one has, names none.
func (f *failures) err(platforms int) error {
	var named []error
	for _, err := range f.errs {
		if on := f.on[err.Error()]; len(on) < platforms {
			err = fmt.Errorf("%s: %w", strings.Join(on, ", "), err)
		}
		named = append(named, err)
	}
	if len(named) == 1 {
		return named[0]
	}
	return errors.Join(named...)
}

// buildOne makes the binary of a resolved plan.
func (b *Builder) buildOne(ctx context.Context, g *gotool.Tool, p *plan.Plan, resolved *Resolution, output string) (*Result, error) {
	x, err := b.projectOf(ctx, g, p, resolved)
	if err != nil {
		return nil, err
	}
	key, err := x.key(g)
	if err != nil {
		return nil, err
	}
	if file, ok := b.Cache.BinaryFile(key); ok {
		if err := b.withinBudget(ctx, g, x, file); err != nil {
			return nil, fault.At(fault.StepVerify, err)
		}
	}
	looked := time.Now()
	sum, ok, err := b.Cache.Binary(key, output)
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", output, err)
	}
	cached := ok
	if ok {
		b.tell(Progress{Step: "cache", Detail: "the same build was made before", Done: true, Elapsed: time.Since(looked)})
	} else if sum, err = b.makeBinary(ctx, g, x, key, output); err != nil {
		return nil, err
	}
	info, err := os.Stat(output)
	if err != nil {
		return nil, err
	}
	return &Result{Path: output, SHA256: sum, Size: info.Size(), Digest: x.made.Project, Plan: p, Cached: cached, Resolution: *resolved}, nil
}

// makeBinary compiles and verifies a project, keeps the binary under key and copies it to output.
func (b *Builder) makeBinary(ctx context.Context, g *gotool.Tool, x *Project, key, output string) (sum string, err error) {
	w, err := b.Workspace(ctx, g, x.Plan, x.Files())
	if err != nil {
		return "", err
	}
	defer w.Close()
	binary, err := b.compileStep(ctx, w, x)
	if err == nil {
		sum, err = b.verifyAndPublish(ctx, g, x, binary, output)
	}
	if err != nil {
		return "", b.whatIsMissing(g, x.resolved.Lock, err)
	}
	if err := b.Cache.KeepBinary(key, binary, sum); err != nil {
		return "", fmt.Errorf("keep binary in the cache: %w", err)
	}
	b.Cache.PruneSometimes(time.Now())
	return sum, nil
}

// compileStep is compile, reported as a step of the build.
func (b *Builder) compileStep(ctx context.Context, w *Workspace, x *Project) (binary string, err error) {
	done := b.Step("compile", fmt.Sprintf("%s for %s/%s", w.tool.Settings.GOVERSION, w.tool.Settings.GOOS, w.tool.Settings.GOARCH))
	if binary, err = b.compile(ctx, w, x); err != nil {
		return "", err
	}
	done(b.timings(w.Dir)...)
	return binary, nil
}

// verifyAndPublish copies a binary to output, where it appears when it is what was planned. It is verified while it is copied.
func (b *Builder) verifyAndPublish(ctx context.Context, g *gotool.Tool, x *Project, binary, output string) (sum string, err error) {
	var verifying sync.WaitGroup
	var refused error
	verifying.Go(func() {
		done := b.Step("verify", "build info and registrations")
		if refused = x.verify(ctx, g, binary); refused == nil {
			done()
			refused = b.withinBudget(ctx, g, x, binary)
		}
	})
	sum, err = cache.Publish(binary, output, func(string) error {
		verifying.Wait()
		return refused
	})
	verifying.Wait()
	switch {
	case refused != nil:
		return "", fault.At(fault.StepVerify, refused)
	case err != nil:
		return "", fmt.Errorf("write %s: %w", output, err)
	}
	return sum, nil
}

// Project finds the go command, and resolves and inspects a plan with it.
func (b *Builder) Project(ctx context.Context, p *plan.Plan) (*gotool.Tool, *Project, error) {
	g, err := b.GoTool(ctx, b.Environ)
	if err != nil {
		return nil, nil, err
	}
	resolved, err := b.settle(ctx, g, p)
	if err != nil {
		return nil, nil, b.nameLock(err)
	}
	x, err := b.projectOf(ctx, g, p, resolved)
	return g, x, b.nameLock(err)
}

// projectOf inspects what a plan was resolved to, on one platform.
func (b *Builder) projectOf(ctx context.Context, g *gotool.Tool, p *plan.Plan, resolved *Resolution) (*Project, error) {
	list, err := p.FromLock(b.Core, resolved.Lock)
	if err != nil {
		return nil, err
	}
	var found findings
	if len(p.External()) > 0 {
		if found, err = b.inspect(ctx, g, p, list); err != nil {
			return nil, fault.At(fault.StepResolve, b.whatIsMissing(g, resolved.Lock, err))
		}
		b.reportEffects(p, found)
		if err := p.CheckServes(found.extensions); err != nil {
			return nil, err
		}
	}
	planJSON, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	x := &Project{Plan: p, List: list, found: found, resolved: resolved, made: source.Stamp{
		Project: "sha256:" + plan.DigestOf(planJSON, list.GoMod, list.GoSum), Manifest: "sha256:" + p.Digest(), Lock: resolved.Lock.Digest(),
	}}
	renames, err := p.Renames(found.extensions)
	if err != nil {
		return nil, err
	}
	if x.source, err = source.Project(p, x.made, renames); err != nil {
		return nil, err
	}
	return x, nil
}

// key identifies a binary by all that decides its bytes.
func (x *Project) key(g *gotool.Tool) (string, error) {
	toolchain, err := g.Settings.Toolchain()
	if err != nil {
		return "", err
	}
	planJSON, err := json.Marshal(x.Plan)
	if err != nil {
		return "", err
	}
	flags, err := json.Marshal(x.Plan.BuildFlags())
	if err != nil {
		return "", err
	}
	return plan.DigestOf(planJSON, x.List.GoMod, x.List.GoSum, x.source["main.go"], x.source["modules.go"], x.source[source.RenamesFile], toolchain, flags), nil
}

// GoTool is the go command in an environment. What it answered before is taken from the cache.
func (b *Builder) GoTool(ctx context.Context, environ []string) (*gotool.Tool, error) {
	if b.Cache == nil {
		return gotool.Find(ctx, environ)
	}
	return gotool.FindIn(ctx, environ, b.Cache)
}

// note reports something that is done and takes no time.
func (b *Builder) note(name, detail string) { b.tell(Progress{Step: name, Detail: detail, Done: true}) }

func (b *Builder) tell(p Progress) {
	if b.Report != nil {
		b.Report(p)
	}
}

// Step reports that a step begins, and gives what to call when it has ended well, with its parts.
func (b *Builder) Step(name, detail string) (done func(parts ...timings.Node)) {
	started := time.Now()
	b.tell(Progress{Step: name, Detail: detail})
	return func(parts ...timings.Node) {
		b.tell(Progress{Step: name, Detail: detail, Done: true, Elapsed: time.Since(started), Parts: parts})
	}
}

// BinaryName is the name of a binary's file on an operating system.
func BinaryName(name, goos string) string {
	if goos == "windows" {
		return name + ".exe"
	}
	return name
}
