package agent

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// errLocked says that another process has the lock of a file.
var errLocked = errors.New("locked")

// lockState keeps other processes from the state directory until unlock is called or this process ends, however it does: two that
// write the same checkpoints would each skip what the other has read.
func (f *forwarder) lockState() (unlock func(), err error) {
	if !f.resumable() {
		return func() {}, nil
	}
	if err := os.MkdirAll(f.config.statePath, 0o700); err != nil {
		return nil, fmt.Errorf("LOGSPOUT_STATE: %w", err)
	}
	path := filepath.Join(f.config.statePath, "lock")
	file, err := lockFile(path)
	switch {
	case errors.Is(err, errLocked):
		return nil, fmt.Errorf("LOGSPOUT_STATE: another process%s uses %s: stop that one, or give each a directory of its own", holder(path), f.config.statePath)
	case errors.Is(err, errors.ErrUnsupported):
		f.log.Warn("the state directory cannot be locked: see that no other process uses it", "directory", f.config.statePath, "error", err)
		return func() {}, nil
	case err != nil:
		return nil, fmt.Errorf("LOGSPOUT_STATE: %w", err)
	}
	// For people, and for the other process's message.
	host, err := os.Hostname() // in a container its id
	if err == nil {
		err = file.Truncate(0)
	}
	if err == nil {
		_, _ = fmt.Fprintf(file, "%d on %s\n", os.Getpid(), host)
	}
	return func() { _ = file.Close() }, nil
}

// holder is what the process that has the lock wrote into it, " (42 on web1)", or nothing where that cannot be read.
func holder(path string) string {
	file, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer func() { _ = file.Close() }()
	text, err := io.ReadAll(io.LimitReader(file, 300))
	if s := strings.TrimSpace(string(text)); err == nil && s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' }) {
		return " (" + s + ")"
	}
	return ""
}
