package packed

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/mod/zip"

	"github.com/gliderlabs/logspout-builder/generator/manifest"
)

// Directory makes a module of a local directory, under a version made of its content: what a build reads is what is packed
// here, and no path of the machine reaches the binary. Tests are left out, so that they change no version.
func Directory(dir string) (*Module, error) {
	goMod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, noModule(dir)
	case err != nil:
		return nil, err
	}
	f, err := modfile.ParseLax(filepath.Join(dir, "go.mod"), goMod, nil)
	if err != nil {
		return nil, err
	}
	if f.Module == nil {
		return nil, fmt.Errorf("%s has no module line", filepath.Join(dir, "go.mod"))
	}
	checked, err := zip.CheckDir(dir)
	if err != nil {
		return nil, fmt.Errorf("read module in %s: %w", dir, err)
	}
	if err := checked.Err(); err != nil {
		return nil, fmt.Errorf("module in %s cannot be packed: %w", dir, err)
	}
	var files []memoryFile
	for _, name := range checked.Valid { // with dir in front
		relative, err := filepath.Rel(dir, name)
		if err != nil {
			return nil, err
		}
		slashed := filepath.ToSlash(relative)
		if slashed == "go.mod" || strings.HasSuffix(slashed, "_test.go") || strings.Contains("/"+slashed, "/testdata/") {
			continue
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		files = append(files, memoryFile{slashed, data})
	}
	p, err := pack(f.Module.Mod.Path, "", goMod, files)
	if err != nil {
		return nil, fmt.Errorf("pack module in %s: %w", dir, err)
	}
	p.Directory = dir
	return p, nil
}

// noModule says what to do about a directory without a go.mod.
func noModule(dir string) error {
	switch info, err := os.Stat(dir); {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("there is no directory %s", dir)
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%s is a file: name the directory that holds the module's go.mod", dir)
	}
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	for parent := filepath.Dir(absolute); parent != filepath.Dir(parent); parent = filepath.Dir(parent) {
		if _, err := os.Stat(filepath.Join(parent, "go.mod")); err == nil {
			return fmt.Errorf("%s has no go.mod, %s has: name the module's directory", dir, parent)
		}
	}
	return fmt.Errorf("%s has no go.mod: run 'go mod init' with the module's path in it", dir)
}

// CheckHolds reports why the module does not hold a package, nil when it does.
func (m *Module) CheckHolds(importPath string) error {
	if !manifest.Within(importPath, m.Path) {
		return fmt.Errorf("%s is module %s, which cannot hold package %s", m.Directory, m.Path, importPath)
	}
	want := strings.TrimPrefix(strings.TrimPrefix(importPath, m.Path), "/")
	var have []string
	for _, f := range m.files {
		dir, name := "", f.Path()
		if i := strings.LastIndexByte(name, '/'); i >= 0 {
			dir, name = name[:i], name[i+1:]
		}
		if !strings.HasSuffix(name, ".go") {
			continue
		}
		if dir == want {
			return nil
		}
		have = append(have, strings.TrimSuffix(m.Path+"/"+dir, "/"))
	}
	slices.Sort(have)
	if have = slices.Compact(have); len(have) == 0 {
		return fmt.Errorf("no Go files are in %s", m.Directory)
	}
	return fmt.Errorf("%s holds no package %s (it holds: %s)", m.Directory, importPath, strings.Join(have, ", "))
}

// Unpacked finds where in its own directory the file of a local module is, in a text of the go command that names the copy in the
// module cache.
func (m *Module) Unpacked(text string) string {
	escapedPath, err := module.EscapePath(m.Path)
	if err != nil {
		return text
	}
	escapedVersion, err := module.EscapeVersion(m.Version.Version)
	if err != nil {
		return text
	}
	name := filepath.FromSlash(escapedPath) + "@" + escapedVersion
	for {
		at := strings.Index(text, name)
		if at < 0 {
			return text
		}
		start := strings.LastIndexAny(text[:at], " \t\n\"'(") + 1
		text = text[:start] + m.Directory + text[at+len(name):]
	}
}

// sourcePlace is a place in a Go file, as compilers write it.
var sourcePlace = regexp.MustCompile(`[^\s:"'()]+\.go:\d+`)

// Located names the module's files, which a text names relative to the module, by where they are in the user's directories. The text of
// a module that is not local stays as it is.
func (m *Module) Located(text string) string {
	if m == nil {
		return text
	}
	return sourcePlace.ReplaceAllStringFunc(text, func(place string) string {
		name, line, _ := strings.Cut(place, ":")
		if !slices.ContainsFunc(m.files, func(f memoryFile) bool { return f.Path() == filepath.ToSlash(name) }) {
			return place
		}
		return filepath.Join(m.Directory, name) + ":" + line
	})
}

// Needs identifies what a module needs from others: its go.mod, and what its files import on any platform.
func (m *Module) Needs() string {
	imports := map[string]bool{}
	for _, f := range m.files {
		if !strings.HasSuffix(f.Path(), ".go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), f.name, f.data, parser.ImportsOnly)
		if err != nil {
			continue // compiling says it better
		}
		for _, spec := range parsed.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if first, _, _ := strings.Cut(imported, "/"); err == nil && strings.Contains(first, ".") && !manifest.Within(imported, m.Path) {
				imports[imported] = true
			}
		}
	}
	h := sha256.New()
	h.Write(m.goMod)
	for _, imported := range slices.Sorted(maps.Keys(imports)) {
		h.Write([]byte("\x00" + imported))
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}

// LocalPackage is the import path of the package in a directory, and the directory of the module that holds it, absolute.
func LocalPackage(dir string) (importPath, moduleDir string, err error) {
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return "", "", err
	}
	if info, err := os.Stat(absolute); err != nil || !info.IsDir() {
		return "", "", fmt.Errorf("no directory %s: want one that holds a Go module (go.mod) or a package of one", dir)
	}
	for moduleDir = absolute; ; moduleDir = filepath.Dir(moduleDir) {
		data, err := os.ReadFile(filepath.Join(moduleDir, "go.mod"))
		if errors.Is(err, fs.ErrNotExist) && moduleDir != filepath.Dir(moduleDir) {
			continue
		}
		if errors.Is(err, fs.ErrNotExist) {
			return "", "", noModule(dir)
		}
		if err != nil {
			return "", "", err
		}
		modulePath := modfile.ModulePath(data)
		if modulePath == "" {
			return "", "", fmt.Errorf("%s has no module line", filepath.Join(moduleDir, "go.mod"))
		}
		below, err := filepath.Rel(moduleDir, absolute)
		if err != nil {
			return "", "", err
		}
		return path.Join(modulePath, filepath.ToSlash(below)), moduleDir, nil
	}
}
