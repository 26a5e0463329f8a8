package generator

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/dirhash"
	"golang.org/x/mod/zip"
)

const (
	// CorePath is the path of the module that holds the runtime.
	CorePath = "github.com/gliderlabs/logspout-builder"

	// agentPackage is what a generated main runs.
	agentPackage = CorePath + "/core/agent"

	// coreRelease is the release that the carried core descends from. The core's own version is above it and below the next
	// one: a module that was written against this release or an earlier one gets the carried core, and one that needs a newer
	// release is refused by the go command, which says so.
	coreRelease = "v0.1.0"
)

// Core is the runtime's source as the builder carries it: a Go module under a version made of its content.
type Core struct {
	// Bundled tells what the bundled packages need beside the core.
	Bundled *Bundled
	packed
}

// packed is a module that the builder serves itself: its files and go.mod, in memory, and what go.sum says of them.
type packed struct {
	module.Version
	files     []zip.File // sorted by path, go.mod among them
	goMod     []byte
	zipSum    string // "h1:..." of the zip
	goModSum  string // "h1:..." of the go.mod
	directory string // what it was packed from, "" for the core
}

// NewCore chooses the runtime's files from assets: what a build or a module's own test can need, no tests, no documentation.
func NewCore(assets fs.FS, bundled *Bundled) (*Core, error) {
	var files []zip.File
	err := fs.WalkDir(assets, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == "testdata":
			return fs.SkipDir
		case d.IsDir() || !coreFile(name):
			return nil
		}
		data, err := fs.ReadFile(assets, name)
		if err != nil {
			return err
		}
		files = append(files, memoryFile{name, data})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the carried core: %w", err)
	}
	goMod, err := bundled.coreGoMod()
	if err != nil {
		return nil, err
	}
	p, err := pack(CorePath, coreRelease, goMod, files)
	if err != nil {
		return nil, fmt.Errorf("pack the carried core: %w", err)
	}
	return &Core{Bundled: bundled, packed: *p}, nil
}

// coreFile reports whether a file of the assets belongs to the core's module.
func coreFile(name string) bool {
	if name == "LICENSE" {
		return true
	}
	top, _, _ := strings.Cut(name, "/")
	return (top == "core" || top == "modules") && !strings.HasSuffix(name, "_test.go") && path.Ext(name) != ".md"
}

// HasPackage reports whether the core holds a package of this import path.
func (c *Core) HasPackage(importPath string) bool {
	dir, ok := strings.CutPrefix(importPath, CorePath+"/")
	return ok && slices.ContainsFunc(c.files, func(f zip.File) bool {
		return path.Dir(f.Path()) == dir && path.Ext(f.Path()) == ".go"
	})
}

// pack makes a module of files (without a go.mod) and goMod. Its version is the pseudo-version after release that the content gives.
func pack(modulePath, release string, goMod []byte, files []zip.File) (*packed, error) {
	p := &packed{goMod: goMod, files: append([]zip.File{memoryFile{"go.mod", goMod}}, files...)}
	slices.SortFunc(p.files, func(a, b zip.File) int { return strings.Compare(a.Path(), b.Path()) })

	content, err := hashFiles(p.files, "")
	if err != nil {
		return nil, err
	}
	id := sha256.Sum256([]byte(content))
	major := module.PathMajorPrefix(pathMajor(modulePath))
	p.Version = module.Version{
		Path:    modulePath,
		Version: module.PseudoVersion(major, release, time.Time{}, hex.EncodeToString(id[:6])),
	}
	if err := module.Check(p.Path, p.Version.Version); err != nil {
		return nil, err
	}
	if p.zipSum, err = hashFiles(p.files, p.String()+"/"); err != nil {
		return nil, err
	}
	p.goModSum, err = dirhash.Hash1([]string{"go.mod"}, func(string) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(goMod)), nil
	})
	return p, err
}

func pathMajor(modulePath string) string {
	_, major, _ := module.SplitPathVersion(modulePath)
	return major
}

// hashFiles is the files' dirhash (golang.org/x/mod/sumdb/dirhash, "h1:"), each under prefix.
func hashFiles(files []zip.File, prefix string) (string, error) {
	byName := make(map[string]zip.File, len(files))
	names := make([]string, len(files))
	for i, f := range files {
		names[i] = prefix + f.Path()
		byName[names[i]] = f
	}
	return dirhash.Hash1(names, func(name string) (io.ReadCloser, error) { return byName[name].Open() })
}

// sumLines are the module's lines of a go.sum.
func (p *packed) sumLines() []string {
	return []string{
		fmt.Sprintf("%s %s %s", p.Path, p.Version.Version, p.zipSum),
		fmt.Sprintf("%s %s/go.mod %s", p.Path, p.Version.Version, p.goModSum),
	}
}

// memoryFile is a module's file whose content is in memory.
type memoryFile struct {
	name string
	data []byte
}

func (f memoryFile) Path() string                 { return f.name }
func (f memoryFile) Lstat() (fs.FileInfo, error)  { return memoryInfo{f}, nil }
func (f memoryFile) Open() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(f.data)), nil }

type memoryInfo struct{ f memoryFile }

func (i memoryInfo) Name() string       { return path.Base(i.f.name) }
func (i memoryInfo) Size() int64        { return int64(len(i.f.data)) }
func (i memoryInfo) Mode() fs.FileMode  { return 0o644 }
func (i memoryInfo) ModTime() time.Time { return time.Time{} }
func (i memoryInfo) IsDir() bool        { return false }
func (i memoryInfo) Sys() any           { return nil }

var _ zip.File = memoryFile{}
