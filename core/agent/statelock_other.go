//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd || windows)

package agent

import (
	"errors"
	"os"
)

// lockFile locks nothing: the platform has no locks that end with their process in the standard library.
func lockFile(string) (*os.File, error) { return nil, errors.ErrUnsupported }
