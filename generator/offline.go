package generator

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"golang.org/x/mod/module"

	"github.com/gliderlabs/logspout-builder/generator/fault"
	"github.com/gliderlabs/logspout-builder/generator/gotool"
	"github.com/gliderlabs/logspout-builder/generator/lock"
	"github.com/gliderlabs/logspout-builder/generator/packed"
	"github.com/gliderlabs/logspout-builder/generator/plan"
)

// downloads are the modules of a lock whose content a build may need.
func downloads(l *lock.Lock) []module.Version {
	var needed []module.Version
	for _, m := range l.Modules {
		switch {
		case m.Sum == "":
		case m.To.Path != "":
			needed = append(needed, m.To)
		default:
			needed = append(needed, module.Version{Path: m.Path, Version: m.Version})
		}
	}
	return needed
}

// whatIsMissing makes the error of a build without network say all that it lacks, not only what the go command met first.
func (b *Builder) whatIsMissing(g *gotool.Tool, l *lock.Lock, err error) error {
	if err == nil || !b.Offline {
		return err
	}
	if _, ok := errors.AsType[*gotool.Error](err); !ok && !strings.Contains(err.Error(), "GOPROXY=off") {
		return err
	}
	var missing []string
	for _, m := range downloads(l) {
		if !g.HasModule(m) {
			missing = append(missing, "  "+m.Path+" "+m.Version)
		}
	}
	if len(missing) == 0 {
		return err
	}
	return &fault.Error{
		Step: fault.StepResolve,
		Err:  fmt.Errorf("--offline: the module cache lacks %d of %d modules:\n%s", len(missing), len(downloads(l)), strings.Join(missing, "\n")),
		Hint: "run 'logspout-builder fetch' where there is a network, or build from a bundle",
	}
}

// whatIsOpen makes the error of a resolution without network say which entries no lock decides.
func (b *Builder) whatIsOpen(p *plan.Plan, err error) error {
	if err == nil || !b.Offline {
		return err
	}
	lines := []string{"--offline: the lock does not say the versions of:"}
	for _, x := range p.External() {
		w, ok := b.Lock.Want(x.Path)
		if x.Local == "" && (!ok || w.Query != x.Query || b.Update.has(x)) {
			at := x.Pos.String()
			if at != "" {
				at += ": "
			}
			lines = append(lines, "  "+at+x.Path+" "+x.Query)
		}
	}
	if len(lines) == 1 {
		return err
	}
	return &fault.Error{
		Step: fault.StepResolve, Err: fmt.Errorf("%s\n%w", strings.Join(lines, "\n"), err),
		Hint: "run 'logspout-builder fetch' where there is a network, and keep the lock that it writes",
	}
}

// Fetch puts all that the plan is built from into the module cache, for any platform, and returns those modules.
func (b *Builder) Fetch(ctx context.Context, p *plan.Plan) (*Resolution, []module.Version, error) {
	g, err := b.GoTool(ctx, b.Environ)
	if err != nil {
		return nil, nil, err
	}
	resolved, err := b.settle(ctx, g, p)
	if err != nil {
		return nil, nil, b.nameLock(err)
	}
	modules, err := b.fetch(ctx, g, p, resolved.Lock)
	return resolved, modules, err
}

// fetch downloads what a lock has and the module cache lacks. The go command checks it against the lock's sums.
func (b *Builder) fetch(ctx context.Context, g *gotool.Tool, p *plan.Plan, l *lock.Lock) ([]module.Version, error) {
	needed := downloads(l)
	if len(needed) == 0 {
		return nil, nil
	}
	list, err := p.FromLock(b.Core, l)
	if err != nil {
		return nil, err
	}
	w, err := b.workspace(g, list.Files())
	if err != nil {
		return nil, err
	}
	defer w.Close()
	args := []string{"mod", "download", "-json"}
	for _, m := range needed {
		args = append(args, m.String())
	}
	finish := b.Step("fetch", fmt.Sprintf("%d modules", len(needed)))
	out, runErr := w.Run(ctx, nil, args...)
	if runErr != nil {
		if failed, ok := errors.AsType[*gotool.Error](runErr); ok {
			failed.Stderr = strings.TrimSpace(failed.Stderr + "\n" + g.Secrets.Hide(downloadErrors(out)))
			failed.Args = []string{"mod", "download"}
		}
		return nil, b.whatIsMissing(g, l, b.nameLock(p.Blame(fault.StepResolve, runErr)))
	}
	finish()
	return needed, nil
}

// downloadErrors are what `go mod download -json` wrote of modules that it did not get.
func downloadErrors(out []byte) string {
	var lines []string
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var m struct{ Error string }
		if err := d.Decode(&m); errors.Is(err, io.EOF) || err != nil {
			slices.Sort(lines)
			return strings.Join(slices.Compact(lines), "\n")
		}
		if m.Error != "" {
			lines = append(lines, m.Error)
		}
	}
}

// moduleFiles are the files of a lock's modules as a module proxy has them, from the module cache.
func moduleFiles(g *gotool.Tool, l *lock.Lock) (map[string][]byte, error) {
	files := map[string][]byte{}
	for _, m := range downloads(l) {
		served, err := packed.Serve(m, func(ext string) ([]byte, error) {
			name, err := g.ModuleFile(m, ext)
			if err != nil {
				return nil, err
			}
			return os.ReadFile(name)
		})
		if err != nil {
			return nil, fmt.Errorf("read %s from the module cache: %w", m, err)
		}
		maps.Copy(files, served)
	}
	return files, nil
}
