package packed

import (
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

	"github.com/gliderlabs/logspout-builder/generator/wholefile"
)

// Proxy is a directory laid out as a Go module proxy (https://go.dev/ref/mod#goproxy-protocol), in which the builder offers
// the go command the modules it packed itself. Its files are written whole or not at all, and what is there for a version
// never changes, so any number of builders may share it.
type Proxy struct{ Dir string }

// URL is the proxy's address for GOPROXY.
func (p Proxy) URL() string {
	slashed := filepath.ToSlash(p.Dir)
	if !strings.HasPrefix(slashed, "/") {
		slashed = "/" + slashed // C:/x
	}
	address := (&url.URL{Scheme: "file", Path: slashed}).String()
	return strings.ReplaceAll(address, ",", "%2C") // a comma parts the addresses in GOPROXY
}

// Offer makes a module available. It is cheap when the module already is.
func (p Proxy) Offer(m *Module) error {
	base, err := proxyPath(m.Version)
	if err != nil {
		return err
	}
	file := func(name string) string { return filepath.Join(p.Dir, filepath.FromSlash(name)) }
	if now := time.Now(); os.Chtimes(file(base+".zip"), now, now) == nil {
		return nil // the zip is written last
	}
	served, err := m.Serve()
	if err != nil {
		return err
	}
	versions := path.Dir(base)
	if err := os.MkdirAll(file(versions), 0o750); err != nil {
		return err
	}
	// The go command asks for the list and the latest version when it looks for retractions: an answer here keeps it from
	// asking the proxies behind this one about a module they never heard of.
	list, latest := versions+"/list", path.Dir(versions)+"/@latest"
	served[list], served[latest] = nil, served[base+".info"]
	for _, name := range []string{list, latest, base + ".info", base + ".mod", base + ".zip"} {
		if err := wholefile.Write(file(name), served[name], 0o600); err != nil {
			return fmt.Errorf("offer %s: %w", m, err)
		}
	}
	return nil
}

// Prune removes the modules that no builder has offered since before. One that is wanted again is packed again.
func (p Proxy) Prune(before time.Time) {
	root, err := os.OpenRoot(p.Dir)
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

// Serve gives the module's files as a module proxy has them.
func (m *Module) Serve() (map[string][]byte, error) {
	archive, err := m.archive()
	if err != nil {
		return nil, err
	}
	return Serve(m.Version, func(ext string) ([]byte, error) {
		if ext == "mod" {
			return m.goMod, nil
		}
		return archive, nil
	})
}

// Serve gives a module's files as a module proxy has them. read gives its "mod" and "zip".
func Serve(m module.Version, read func(ext string) ([]byte, error)) (files map[string][]byte, err error) {
	base, err := proxyPath(m)
	if err != nil {
		return nil, err
	}
	info, err := json.Marshal(struct {
		Version string
		Time    time.Time
	}{m.Version, time.Unix(0, 0).UTC()})
	if err != nil {
		return nil, err
	}
	files = map[string][]byte{base + ".info": info}
	for _, ext := range []string{"mod", "zip"} {
		if files[base+"."+ext], err = read(ext); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// proxyPath is where a module proxy has a version's files, without their endings.
func proxyPath(m module.Version) (string, error) {
	escapedPath, err := module.EscapePath(m.Path)
	if err != nil {
		return "", err
	}
	escapedVersion, err := module.EscapeVersion(m.Version)
	return path.Join(escapedPath, "@v", escapedVersion), err
}
