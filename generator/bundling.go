package generator

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/gliderlabs/logspout-builder/generator/buildlist"
	"github.com/gliderlabs/logspout-builder/generator/bundle"
	"github.com/gliderlabs/logspout-builder/generator/cache"
	"github.com/gliderlabs/logspout-builder/generator/fault"
	"github.com/gliderlabs/logspout-builder/generator/gotool"
	"github.com/gliderlabs/logspout-builder/generator/lock"
	"github.com/gliderlabs/logspout-builder/generator/manifest"
	"github.com/gliderlabs/logspout-builder/generator/packed"
	"github.com/gliderlabs/logspout-builder/generator/plan"
	"github.com/gliderlabs/logspout-builder/generator/source"
	"github.com/gliderlabs/logspout-builder/generator/wholefile"
)

// The files of a bundle.
const (
	bundleNote    = "bundle.json"
	bundleLock    = lock.FileName
	bundleProxy   = "proxy/"   // a module proxy's directory
	bundleProject = "project/" // what `go build` compiles
)

// bundleHead is what bundle.json says.
type bundleHead struct {
	Format     int              `json:"format"`
	Digest     string           `json:"digest"`
	Manifest   string           `json:"manifest"`
	Plan       json.RawMessage  `json:"plan"`
	Extensions []plan.Extension `json:"extensions"` // what the binary has to register
	Budget     manifest.Budget  `json:"budget,omitzero"`
}

const bundleFormat = 1

// Bundle puts all that the plan's binaries are built from into one file: module zips, checksums, generated source and the lock. Before the
// file appears, it builds the targets' platforms from it alone, with an empty module cache and no network.
func (b *Builder) Bundle(ctx context.Context, p *plan.Plan, output string, on []gotool.Platform) (*Resolution, error) {
	g, x, err := b.Project(ctx, p)
	if err != nil {
		return nil, err
	}
	if _, err := b.fetch(ctx, g, p, x.resolved.Lock); err != nil {
		return nil, err
	}
	files, err := b.bundleFiles(g, x)
	if err != nil {
		return nil, err
	}
	if len(on) == 0 {
		on = []gotool.Platform{{}}
	}
	if err := b.rehearse(ctx, files, on); err != nil {
		return nil, fmt.Errorf("build from the bundle alone: %w", err)
	}
	var archive bytes.Buffer
	if err := bundle.Write(&archive, files); err != nil {
		return nil, err
	}
	return x.resolved, wholefile.Write(output, archive.Bytes(), 0o644)
}

func (b *Builder) bundleFiles(g *gotool.Tool, x *Project) (map[string][]byte, error) {
	files := map[string][]byte{bundleLock: x.resolved.Lock.Format()}
	for name, data := range x.Files() {
		files[bundleProject+name] = data
	}
	modules, err := moduleFiles(g, x.resolved.Lock)
	if err != nil {
		return nil, err
	}
	for _, m := range append([]*packed.Module{&b.Core.Module}, x.Plan.Locals()...) {
		served, err := m.Serve()
		if err != nil {
			return nil, err
		}
		maps.Copy(modules, served)
	}
	for name, data := range modules {
		files[bundleProxy+name] = data
	}
	note := bundleHead{Format: bundleFormat, Digest: x.made.Project, Manifest: x.made.Manifest, Extensions: x.Extensions(), Budget: x.Plan.Budget}
	if note.Plan, err = json.Marshal(x.Plan); err != nil {
		return nil, err
	}
	if files[bundleNote], err = json.Marshal(note); err != nil {
		return nil, err
	}
	return files, nil
}

// rehearse builds the targets' platforms from the files alone and throws the binaries away.
func (b *Builder) rehearse(ctx context.Context, files map[string][]byte, on []gotool.Platform) error {
	dir, done, err := b.Cache.Scratch()
	if err != nil {
		return err
	}
	defer done()
	var targets []Target
	for i, p := range on {
		targets = append(targets, Target{p, filepath.Join(dir, strconv.Itoa(i))})
	}
	_, err = b.buildBundle(ctx, files, targets)
	return err
}

// BuildBundle makes the binaries of a bundle from it alone: without network, without the user's module cache, with the core that is in it.
func (b *Builder) BuildBundle(ctx context.Context, data []byte, targets func(name string) ([]Target, error)) ([]*Result, error) {
	files, err := bundle.Read(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	var head struct {
		Plan struct{ Name string }
	}
	if err := json.Unmarshal(files[bundleNote], &head); err != nil {
		return nil, fmt.Errorf("this is no bundle of logspout-builder: read %s: %w", bundleNote, err)
	}
	wanted, err := targets(head.Plan.Name)
	if err != nil {
		return nil, err
	}
	return b.buildBundle(ctx, files, wanted)
}

func (b *Builder) buildBundle(ctx context.Context, files map[string][]byte, targets []Target) ([]*Result, error) {
	x, err := bundledProject(files)
	if err != nil {
		return nil, err
	}
	dir, done, err := b.Cache.Scratch()
	if err != nil {
		return nil, err
	}
	defer done()
	alone := &Builder{Cache: cache.New(dir), Offline: true, Report: b.Report}
	alone.Environ = append(append(alone.Environ, b.Environ...), "GOMODCACHE="+filepath.Join(dir, "modcache"), "GOFLAGS=-modcacherw", "GOTOOLCHAIN=local")
	root := alone.Cache.Proxy().Dir
	for name, data := range files {
		if name, ok := strings.CutPrefix(name, bundleProxy); ok {
			file := filepath.Join(root, filepath.FromSlash(name))
			if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
				return nil, err
			}
			if err := os.WriteFile(file, data, 0o600); err != nil {
				return nil, err
			}
		}
	}
	results := make([]*Result, len(targets))
	var failed failures
	for i, t := range targets {
		g, err := b.GoTool(ctx, t.Platform.Environ(alone.Environ))
		if err != nil {
			return nil, err
		}
		if want := x.resolved.Lock.Toolchain; i == 0 && want != g.Settings.GOVERSION {
			if b.Locked {
				return nil, b.refuseMisfits([]Move{{Change: lock.Change{Kind: "toolchain", Old: want, New: g.Settings.GOVERSION}}})
			}
			b.note("warning", fmt.Sprintf("the bundle was made with %s: the binary of %s is another one", want, g.Settings.GOVERSION))
		}
		if results[i], err = alone.buildUncached(ctx, g, x, t.Output); ctx.Err() != nil {
			return results, ctx.Err()
		} else if err != nil {
			failed.add(t.Platform.String(), err)
		} else {
			results[i].Platform = g.Settings.GOOS + "/" + g.Settings.GOARCH
		}
	}
	return results, failed.err(len(targets))
}

// buildUncached compiles and verifies a project whose modules are all offered already.
func (b *Builder) buildUncached(ctx context.Context, g *gotool.Tool, x *Project, output string) (*Result, error) {
	w, err := b.workspace(g, x.Files())
	if err != nil {
		return nil, err
	}
	defer w.Close()
	binary, err := b.compileStep(ctx, w, x)
	if err != nil {
		return nil, err
	}
	sum, err := b.verifyAndPublish(ctx, g, x, binary, output)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(output)
	if err != nil {
		return nil, err
	}
	return &Result{Path: output, SHA256: sum, Size: info.Size(), Digest: x.made.Project, Resolution: *x.resolved}, nil
}

// bundledProject reads the project of a bundle, and checks that its parts belong together.
func bundledProject(files map[string][]byte) (*Project, error) {
	var note bundleHead
	if err := json.Unmarshal(files[bundleNote], &note); err != nil {
		return nil, fmt.Errorf("this is no bundle of logspout-builder: read %s: %w", bundleNote, err)
	}
	if note.Format != bundleFormat {
		return nil, &fault.Error{Step: fault.StepManifest, Err: fmt.Errorf("the bundle has format %d, this builder reads %d", note.Format, bundleFormat), Hint: "use the logspout-builder that made it"}
	}
	l, err := lock.Parse(bundleLock, files[bundleLock])
	if err != nil {
		return nil, &fault.Error{Step: fault.StepManifest, Err: err}
	}
	p := new(plan.Plan)
	if err := json.Unmarshal(note.Plan, p); err != nil {
		return nil, fmt.Errorf("read the plan of the bundle: %w", err)
	}
	p.Budget = note.Budget
	for i := range p.Packages {
		p.Packages[i].Rename = nil // the extensions have their new names already
	}
	x := &Project{
		Plan: p, resolved: &Resolution{Lock: l}, source: map[string][]byte{},
		List: &buildlist.List{GoMod: files[bundleProject+"go.mod"], GoSum: files[bundleProject+"go.sum"]}, found: findings{extensions: note.Extensions},
		made: source.Stamp{Project: note.Digest, Manifest: note.Manifest, Lock: l.Digest()},
	}
	for name, data := range files {
		if name, ok := strings.CutPrefix(name, bundleProject); ok && name != "go.mod" && name != "go.sum" {
			x.source[name] = data
		}
	}
	if "sha256:"+plan.DigestOf(note.Plan, x.List.GoMod, x.List.GoSum) != note.Digest {
		return nil, &fault.Error{Step: fault.StepManifest, Err: errors.New("the bundle's parts do not belong together: its digest is another one"), Hint: "make it again with 'logspout-builder bundle'"}
	}
	return x, nil
}
