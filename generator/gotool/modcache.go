package gotool

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/mod/module"
)

// ModuleFile is where the module cache keeps a downloaded file of a module: ext is "zip", "ziphash", "mod" or "info".
func (g *Tool) ModuleFile(m module.Version, ext string) (string, error) {
	path, version, err := escape(m)
	if err != nil {
		return "", err
	}
	return filepath.Join(g.Settings.GOMODCACHE, "cache", "download", path, "@v", version+"."+ext), nil
}

// HasModule reports whether the module cache has a module's content.
func (g *Tool) HasModule(m module.Version) bool {
	name, err := g.ModuleFile(m, "zip")
	return err == nil && exists(name)
}

// ModuleSource are a module's unpacked files in the module cache; nil when they are not there.
func (g *Tool) ModuleSource(m module.Version) fs.FS {
	path, version, err := escape(m)
	if err != nil || g.Settings.GOMODCACHE == "" {
		return nil
	}
	dir := filepath.Join(g.Settings.GOMODCACHE, path+"@"+version)
	if !exists(dir) {
		return nil
	}
	return os.DirFS(dir)
}

// escape is a module's path and version as file names.
func escape(m module.Version) (path, version string, err error) {
	path, errPath := module.EscapePath(m.Path)
	version, errVersion := module.EscapeVersion(m.Version)
	return filepath.FromSlash(path), version, errors.Join(errPath, errVersion)
}

func exists(name string) bool {
	_, err := os.Lstat(name)
	return err == nil
}
