package agent

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gliderlabs/logspout-builder/core"
)

// maxRouteFile bounds a persisted route, in bytes.
const maxRouteFile = 1 << 20

// loadRoutes reads the routes of a directory, <id>.json each, sorted by id. A file that is no good is one of problems, and
// skipped. Where there is no directory there are no routes.
func loadRoutes(dir string) (routes []*core.Route, problems []error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, []error{fmt.Errorf("read persisted routes: %w", err)}
	}
	for _, entry := range entries {
		id, ok := strings.CutSuffix(entry.Name(), ".json")
		if !ok || strings.HasPrefix(id, ".") {
			continue
		}
		r, err := loadRoute(filepath.Join(dir, entry.Name()), id)
		if err != nil {
			problems = append(problems, fmt.Errorf("persisted route %s: %w", filepath.Join(dir, entry.Name()), err))
			continue
		}
		routes = append(routes, r)
	}
	return routes, problems
}

// loadRoute reads one file. The file's name is the route's id, whatever stands in it: else removal would not find the file.
func loadRoute(path, id string) (*core.Route, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	file, err := os.Open(filepath.Clean(path))
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	data, err := io.ReadAll(io.LimitReader(file, maxRouteFile+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxRouteFile {
		return nil, fmt.Errorf("larger than %d bytes", maxRouteFile)
	}
	r := &core.Route{}
	if err := json.Unmarshal(data, r); err != nil {
		return nil, err
	}
	r = copyRoute(r)
	r.ID = id
	return r, r.Validate()
}

// saveRoute writes a route to its file, so that after a crash there is all of it or nothing. It does nothing where the
// directory does not exist.
func saveRoute(dir string, r *core.Route) error {
	root, err := os.OpenRoot(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("persist route %s: %w", r.ID, err)
	}
	defer func() { _ = root.Close() }()
	data, err := json.MarshalIndent(r, "", "  ") //nolint:gosec // the file is for the next start, and 0600
	if err != nil {
		return fmt.Errorf("encode route %s: %w", r.ID, err)
	}
	temporary := "." + r.ID + ".tmp" // of this route alone: one change at a time
	if err = writeFile(root, temporary, append(data, '\n')); err == nil {
		err = root.Rename(temporary, routeFile(r.ID))
	}
	if err != nil {
		_ = root.Remove(temporary)
		return fmt.Errorf("persist route %s: %w", r.ID, err)
	}
	return nil
}

// writeFile writes a new file for its owner's eyes only, down to the disk.
func writeFile(root *os.Root, name string, data []byte) error {
	file, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if err == nil {
		err = file.Sync()
	}
	if closing := file.Close(); err == nil {
		err = closing
	}
	return err
}

// forgetRoute removes a route's file, where there is one.
func forgetRoute(dir, id string) error {
	root, err := os.OpenRoot(dir)
	if err == nil {
		err = root.Remove(routeFile(id))
		_ = root.Close()
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forget route %s: %w", id, err)
	}
	return nil
}

// routeFile is the name of the file that a route is kept in.
func routeFile(id string) string { return id + ".json" }
