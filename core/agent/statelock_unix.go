//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package agent

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// lockFile makes and locks a file until it is closed; it stays, unlocked. The error is errLocked where another has it, errors.ErrUnsupported where
// the file system knows no locks.
func lockFile(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err == nil {
		return file, nil
	}
	_ = file.Close()
	switch {
	case errors.Is(err, syscall.EWOULDBLOCK):
		return nil, errLocked
	case errors.Is(err, syscall.ENOLCK), errors.Is(err, errors.ErrUnsupported):
		return nil, fmt.Errorf("lock %s: %w: %w", path, errors.ErrUnsupported, err)
	default:
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
}
