// Package packed makes the Go modules that the builder brings itself, the core and the modules of local directories, and serves them to the
// go command: a module zip under a version made of its content.
package packed

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

	"github.com/gliderlabs/logspout-builder/generator/license"
	"github.com/gliderlabs/logspout-builder/generator/manifest"
)

// coreRelease is the release that the carried core descends from. The core's own version is above it and below the next
// one: a module that was written against this release or an earlier one gets the carried core, and one that needs a newer
// release is refused by the go command, which says so.
const coreRelease = "v0.1.0"

// Core is the runtime's source as the builder carries it: a Go module under a version made of its content.
type Core struct {
	// Bundled tells what the bundled packages need beside the core.
	Bundled *Bundled
	Module
}

// Module is a module that the builder serves itself: its files and go.mod, in memory, and what go.sum says of them.
type Module struct {
	module.Version
	files     []memoryFile // sorted by path, go.mod among them
	goMod     []byte
	ZipSum    string // "h1:..." of the zip
	goModSum  string // "h1:..." of the go.mod
	Directory string // what it was packed from, "" for the core
}

// NewCore chooses the runtime's files from assets: what a build or a module's own test can need, no tests, no documentation.
func NewCore(assets fs.FS, bundled *Bundled) (*Core, error) {
	var files []memoryFile
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
	p, err := pack(manifest.CorePath, coreRelease, goMod, files)
	if err != nil {
		return nil, fmt.Errorf("pack the carried core: %w", err)
	}
	return &Core{Bundled: bundled, Module: *p}, nil
}

// coreFile reports whether a file of the assets belongs to the core's module.
func coreFile(name string) bool {
	if name == "LICENSE" {
		return true
	}
	top, _, _ := strings.Cut(name, "/")
	return (top == "core" || top == "modules") && !strings.HasSuffix(name, "_test.go") && path.Ext(name) != ".md"
}

// Release is the release that the core descends from: a module that asks for it is built with this core.
func (*Core) Release() string { return coreRelease }

// HasPackage reports whether the core holds a package of this import path.
func (c *Core) HasPackage(importPath string) bool {
	dir, ok := strings.CutPrefix(importPath, manifest.CorePath+"/")
	return ok && slices.ContainsFunc(c.files, func(f memoryFile) bool {
		return path.Dir(f.Path()) == dir && path.Ext(f.Path()) == ".go"
	})
}

// pack makes a module of files (without a go.mod) and goMod. Its version is the pseudo-version after release that the content gives.
func pack(modulePath, release string, goMod []byte, files []memoryFile) (*Module, error) {
	p := &Module{goMod: goMod, files: append([]memoryFile{{"go.mod", goMod}}, files...)}
	slices.SortFunc(p.files, func(a, b memoryFile) int { return strings.Compare(a.Path(), b.Path()) })

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
	if p.ZipSum, err = hashFiles(p.files, p.String()+"/"); err != nil {
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

// archive writes the module's zip.
func (m *Module) archive() ([]byte, error) {
	files := make([]zip.File, len(m.files))
	for i, f := range m.files {
		files[i] = f
	}
	var archive bytes.Buffer
	if err := zip.Create(&archive, m.Version, files); err != nil {
		return nil, fmt.Errorf("pack %s: %w", m, err)
	}
	return archive.Bytes(), nil
}

// hashFiles is the files' dirhash (golang.org/x/mod/sumdb/dirhash, "h1:"), each under prefix.
func hashFiles(files []memoryFile, prefix string) (string, error) {
	byName := make(map[string]memoryFile, len(files))
	names := make([]string, len(files))
	for i, f := range files {
		names[i] = prefix + f.Path()
		byName[names[i]] = f
	}
	return dirhash.Hash1(names, func(name string) (io.ReadCloser, error) { return byName[name].Open() })
}

// SumLines are the module's lines of a go.sum.
func (m *Module) SumLines() []string {
	return []string{
		fmt.Sprintf("%s %s %s", m.Path, m.Version.Version, m.ZipSum),
		fmt.Sprintf("%s %s/go.mod %s", m.Path, m.Version.Version, m.goModSum),
	}
}

// Content is the module's files by their paths in it, go.mod among them. The content is not to be changed.
func (m *Module) Content() map[string][]byte {
	content := make(map[string][]byte, len(m.files))
	for _, f := range m.files {
		content[f.name] = f.data
	}
	return content
}

// License is the SPDX expression of the module's licence, "" when it is not known.
func (m *Module) License() string {
	var texts [][]byte
	for _, f := range m.files {
		if !strings.Contains(f.name, "/") && license.IsFile(f.name) {
			texts = append(texts, f.data)
		}
	}
	return license.OfTexts(texts)
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
