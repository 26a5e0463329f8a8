package foreground

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// awaitChange looks at files until they are no longer as seen and have stopped changing; false when ctx ended before.
func awaitChange(ctx context.Context, interval time.Duration, paths []string, seen string) bool {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	last := seen
	for {
		select {
		case <-ctx.Done():
			return false
		case <-ticker.C:
		}
		now := fingerprint(paths)
		if now != seen && now == last {
			return true
		}
		last = now
	}
}

// fingerprint tells the state of files, and of all files in directories, from any other: by name, size and time of change. What is hidden
// (.git and the like) does not count.
func fingerprint(paths []string) string {
	h := sha256.New()
	for _, path := range paths {
		_ = filepath.WalkDir(path, func(name string, d fs.DirEntry, err error) error { // what cannot be read is told as that
			switch {
			case err != nil:
				_, _ = fmt.Fprintln(h, name, "unreadable")
				return nil //nolint:nilerr // it is told
			case name != path && strings.HasPrefix(d.Name(), "."):
				if d.IsDir() {
					return fs.SkipDir
				}
				return nil
			case d.IsDir():
				return nil
			}
			info, err := os.Stat(name)
			if err != nil {
				_, _ = fmt.Fprintln(h, name, "gone")
				return nil //nolint:nilerr // it is told
			}
			_, _ = fmt.Fprintln(h, name, info.Size(), info.ModTime().UnixNano())
			return nil
		})
	}
	return string(h.Sum(nil))
}
