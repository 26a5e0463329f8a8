package generator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/mod/zip"
)

// proxy is a directory laid out as a Go module proxy (https://go.dev/ref/mod#goproxy-protocol), in which the builder offers
// the go command the modules it packed itself. Its files are written whole or not at all, and what is there for a version
// never changes, so any number of builders may share it.
type proxy struct{ dir string }

// url is the proxy's address for GOPROXY.
func (p proxy) url() string {
	slashed := filepath.ToSlash(p.dir)
	if !strings.HasPrefix(slashed, "/") {
		slashed = "/" + slashed // C:/x
	}
	address := (&url.URL{Scheme: "file", Path: slashed}).String()
	return strings.ReplaceAll(address, ",", "%2C") // a comma parts the addresses in GOPROXY
}

// offer makes a module available. It is cheap when the module already is.
func (p proxy) offer(m *packed) error {
	escapedPath, err := module.EscapePath(m.Path)
	if err != nil {
		return err
	}
	escapedVersion, err := module.EscapeVersion(m.Version.Version)
	if err != nil {
		return err
	}
	dir := filepath.Join(p.dir, filepath.FromSlash(escapedPath), "@v")
	base := filepath.Join(dir, escapedVersion)
	if now := time.Now(); os.Chtimes(base+".zip", now, now) == nil {
		return nil // the zip is written last
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	info, err := json.Marshal(struct {
		Version string
		Time    time.Time
	}{m.Version.Version, time.Unix(0, 0).UTC()})
	if err != nil {
		return err
	}
	var archive bytes.Buffer
	if err := zip.Create(&archive, m.Version, m.files); err != nil {
		return fmt.Errorf("pack %s: %w", m, err)
	}
	// The go command asks for the list and the latest version when it looks for retractions: an answer here keeps it from
	// asking the proxies behind this one about a module they never heard of.
	for _, f := range []struct {
		name string
		data []byte
	}{
		{filepath.Join(dir, "list"), nil},
		{filepath.Join(filepath.Dir(dir), "@latest"), info},
		{base + ".info", info},
		{base + ".mod", m.goMod},
		{base + ".zip", archive.Bytes()},
	} {
		if err := WriteWhole(f.name, f.data, 0o600); err != nil {
			return fmt.Errorf("offer %s: %w", m, err)
		}
	}
	return nil
}

// prune removes the modules that no builder has offered since before. One that is wanted again is packed again.
func (p proxy) prune(before time.Time) {
	root, err := os.OpenRoot(p.dir)
	if err != nil {
		return
	}
	defer func() { _ = root.Close() }() // only read
	_ = fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(name) != ".zip" {
			return nil //nolint:nilerr // housekeeping: what cannot be read stays
		}
		if info, err := d.Info(); err == nil && info.ModTime().Before(before) {
			base := strings.TrimSuffix(name, ".zip")
			for _, ext := range []string{".zip", ".mod", ".info"} {
				_ = root.Remove(base + ext)
			}
		}
		return nil
	})
}
