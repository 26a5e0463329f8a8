package adopt

import (
	"bytes"
	"context"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/gliderlabs/logspout-builder/generator/manifest"
)

const (
	// legacyPath is the module of the original logspout.
	legacyPath = "github.com/gliderlabs/logspout"
	// localMark is in the versions that the builder gives to local directories: the time of what has none.
	localMark = "00010101000000-"
)

// Binary finds out what a logspout binary was made of. One that this machine can run is asked, in an empty environment; of another, and of the original
// logspout, the build information and the names of its functions tell.
func Binary(ctx context.Context, path string, reg *manifest.Registry) (Draft, error) {
	b, err := openBinary(path, reg)
	if err != nil {
		return Draft{}, err
	}
	ours := b.dependency(manifest.CorePath) != nil
	switch {
	case ours && b.runsHere():
		err = b.ask(ctx)
	case ours:
		b.d.note("%s is for another platform and was not asked: modules from elsewhere have to be added by hand", path)
		err = b.search(manifest.CorePath)
	case b.info.Main.Path == legacyPath || b.dependency(legacyPath) != nil:
		err = b.search(legacyPath)
	default:
		return Draft{}, fmt.Errorf("%s is no logspout: it is built from %s, without %s", path, b.info.Path, manifest.CorePath)
	}
	if err != nil {
		return Draft{}, err
	}
	b.d.note("routes and environment that were baked into %s are not known: add them", path)
	slices.Sort(b.d.Modules)
	return b.d, nil
}

func openBinary(path string, reg *manifest.Registry) (*binary, error) {
	info, err := buildinfo.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("%s is neither a modules.go (.go), a compose file (.yaml, .yml) nor a Go binary", path)
	}
	return &binary{path: path, info: info, reg: reg, d: Draft{From: "the binary " + filepath.Base(path)}}, nil
}

// binary is one that is being looked at.
type binary struct {
	path string
	info *debug.BuildInfo
	reg  *manifest.Registry
	d    Draft
}

// dependency is the module with this path that the binary was built with, nil when there is none.
func (b *binary) dependency(path string) *debug.Module {
	for _, m := range b.info.Deps {
		if m.Path == path {
			return m
		}
	}
	return nil
}

func (b *binary) setting(key string) string {
	for _, s := range b.info.Settings {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}

func (b *binary) runsHere() bool {
	return b.setting("GOOS") == runtime.GOOS && b.setting("GOARCH") == runtime.GOARCH
}

// ask runs the binary.
func (b *binary) ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	path, err := filepath.Abs(b.path)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, path, "modules", "--json") //nolint:forbidigo // the binary that the user named, not the go command
	cmd.Env = []string{}
	cmd.WaitDelay = time.Second
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s modules --json: %w: %s", b.path, err, strings.TrimSpace(stderr.String()))
	}
	var says struct {
		Name       string `json:"name"`
		Version    string `json:"version"`
		Extensions []struct {
			Package string `json:"package"`
		} `json:"extensions"`
	}
	if err := json.Unmarshal(stdout.Bytes(), &says); err != nil {
		return fmt.Errorf("%s modules --json: %w", b.path, err)
	}
	b.d.Name, b.d.Version = says.Name, says.Version
	for _, x := range says.Extensions {
		b.add(x.Package)
	}
	return nil
}

// search looks for the functions by which packages of a module at path, and of others, register: they are in every Go binary, also in a stripped one.
func (b *binary) search(core string) error {
	data, err := readBinary(b.path)
	if err != nil {
		return err
	}
	for _, e := range b.reg.Entries() {
		for _, pkg := range append(manifest.LegacyPackages(e.Name), e.Package) {
			within := strings.HasPrefix(pkg, core+"/") || !strings.HasPrefix(pkg, legacyPath+"/") && !strings.HasPrefix(pkg, manifest.CorePath+"/")
			if within && bytes.Contains(data, []byte("\x00"+pkg+".init.0\x00")) {
				b.add(e.Package)
			}
		}
	}
	if core == legacyPath {
		b.add(manifest.CorePath + "/modules/routers/docker") // reading the engine was part of the original's core
		if bytes.Contains(data, []byte("\x00"+legacyPath+"/adapters/multiline.init.0\x00")) {
			b.d.note("the binary has multiline, which no module of the registry does: take multiline+ out of the routes")
		}
	}
	for _, m := range b.info.Deps {
		if m.Path != core && strings.Contains(m.Path, "logspout") && m.Path != manifest.CorePath {
			what := "add the package of it that registers"
			if core == legacyPath {
				what = "it registers with the original's core; look for a successor"
			}
			b.d.note("module %s %s was built in: %s", m.Path, m.Version, what)
		}
	}
	return nil
}

// add puts a package in, with the version of its module when it comes from elsewhere.
func (b *binary) add(pkg string) {
	spec := pkg
	if e, ok := b.reg.ByPackage(pkg); ok {
		spec = e.Name
	}
	m := b.module(pkg)
	if slices.ContainsFunc(b.d.Modules, func(have string) bool { return have == spec || strings.HasPrefix(have, spec+"@") }) {
		return
	}
	if m != nil && !strings.HasPrefix(pkg, manifest.CorePath+"/") {
		taken := m
		if m.Replace != nil {
			taken = m.Replace
		}
		switch {
		case strings.Contains(taken.Version, localMark):
			b.d.note("module %s came from a local directory: write %s=DIR", m.Path, spec)
		case m.Replace != nil:
			b.d.note("module %s was replaced by %s %s: say so under replace", m.Path, taken.Path, taken.Version)
		default:
			spec += "@" + m.Version
		}
	}
	b.d.Modules = append(b.d.Modules, spec)
}

// module is the module of a package.
func (b *binary) module(pkg string) *debug.Module {
	var best *debug.Module
	for _, m := range b.info.Deps {
		if manifest.Within(pkg, m.Path) && (best == nil || len(m.Path) > len(best.Path)) {
			best = m
		}
	}
	return best
}

// readBinary reads a file of a size that a logspout may have.
func readBinary(path string) ([]byte, error) {
	const most = 1 << 30
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	return io.ReadAll(io.LimitReader(f, most))
}
