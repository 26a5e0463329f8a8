// Package wholefile writes files that appear whole or not at all.
package wholefile

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
)

// Write writes a file that appears whole or not at all, whoever else writes it at the same time. It does not wait for the disk:
// all that the builder writes can be made again, and is checked when it is used.
func Write(name string, data []byte, mode os.FileMode) error {
	return Copy(name, bytes.NewReader(data), mode, nil)
}

// Copy is Write from a reader. The file appears only when accept, which may be nil, returns nil after the last byte.
func Copy(name string, from io.Reader, mode os.FileMode, accept func() error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*.tmp")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	if file, ok := from.(*os.File); ok {
		if info, err := file.Stat(); err == nil {
			reserve(f, info.Size())
		}
	}
	_, err = io.Copy(f, from)
	if err == nil && accept != nil {
		err = accept()
	}
	if err == nil {
		err = f.Chmod(mode)
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
