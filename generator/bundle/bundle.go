// Package bundle is the file that carries a build to a machine without network: a tar archive of module zips, checksums and generated
// source. The same files give the same bytes. It does no I/O of its own.
package bundle

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"time"
)

const (
	// maxBytes bounds what a bundle unpacks to.
	maxBytes = 4 << 30
	// maxFiles bounds how many files it may have.
	maxFiles = 100_000
)

// Write writes files, by slash-separated path, as a bundle: sorted, without times, owners and modes of the machine.
func Write(w io.Writer, files map[string][]byte) error {
	t := tar.NewWriter(w)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		header := tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(files[name])), Mode: 0o644, ModTime: time.Unix(0, 0).UTC()}
		if err := t.WriteHeader(&header); err != nil {
			return fmt.Errorf("write %s to the bundle: %w", name, err)
		}
		if _, err := t.Write(files[name]); err != nil {
			return fmt.Errorf("write %s to the bundle: %w", name, err)
		}
	}
	return t.Close()
}

// Read reads a bundle. What is no plain file with a path below the bundle's root is refused.
func Read(r io.Reader) (map[string][]byte, error) {
	files := map[string][]byte{}
	left := int64(maxBytes)
	for t := tar.NewReader(r); ; {
		header, err := t.Next()
		switch {
		case errors.Is(err, io.EOF) && len(files) > 0:
			return files, nil
		case err != nil:
			return nil, fmt.Errorf("this is no bundle: %w", err)
		case header.Typeflag != tar.TypeReg || !fs.ValidPath(header.Name) || header.Name == ".":
			return nil, fmt.Errorf("this is no bundle of logspout-builder: %q is in it", header.Name)
		case files[header.Name] != nil:
			return nil, fmt.Errorf("the bundle has %q twice", header.Name)
		case header.Size > left || len(files) == maxFiles:
			return nil, errors.New("the bundle is larger than a build can be")
		}
		left -= header.Size
		data, err := io.ReadAll(t)
		if err != nil {
			return nil, fmt.Errorf("the bundle is cut off: %w", err)
		}
		if data == nil {
			data = []byte{}
		}
		files[header.Name] = data
	}
}
