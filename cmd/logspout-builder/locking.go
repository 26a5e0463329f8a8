package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/gliderlabs/logspout-builder/generator"
	"github.com/gliderlabs/logspout-builder/generator/lock"
	"github.com/gliderlabs/logspout-builder/generator/manifest"
	"github.com/gliderlabs/logspout-builder/generator/wholefile"
)

// keptLock is the lock of a command: where it is, what it says, and whether the command may write it.
type keptLock struct {
	file    string // "" when there is none to write
	read    string // where before was read
	before  *lock.Lock
	locked  bool
	offline bool
}

// lockFor reads the lock that belongs to the selection. Without a manifest's file there is none, unless --lock names it. Flags that change the
// manifest obey its lock and leave it alone: it is what the manifest was resolved to.
func (s *selection) lockFor(m *manifest.Manifest) (*keptLock, error) {
	k := &keptLock{file: s.lockFile, locked: s.locked, offline: s.offline}
	if k.file == "" && m.File != "" {
		k.file = lock.FileFor(m.File)
	}
	if k.file == "" {
		return k, nil
	}
	k.read = k.file
	data, err := os.ReadFile(k.file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, fmt.Errorf("read lock: %w", err)
	default:
		if k.before, err = lock.Parse(k.file, data); err != nil {
			return nil, codedError{err, exitManifest}
		}
	}
	if s.locked || s.lockFile == "" && len(s.with)+len(s.without)+len(s.routes) > 0 {
		k.file = ""
	}
	return k, nil
}

// bind makes a builder obey the lock and the flags about it.
func (k *keptLock) bind(b *generator.Builder) {
	b.Lock, b.LockFile, b.Locked, b.Offline = k.before, k.read, k.locked, k.offline
}

// write writes what the lock says now, where that is something else, and tells what moved.
func (k *keptLock) write(view *progressView, now *generator.Resolution) error {
	if k.file == "" || len(now.Moves) == 0 && k.before != nil {
		return nil
	}
	if err := wholefile.Write(k.file, now.Lock.Format(), 0o644); err != nil {
		return fmt.Errorf("write lock: %w; --lock names another file", err)
	}
	if k.before == nil {
		view.note("lock", k.file+" written")
	}
	for _, m := range now.Moves {
		view.note("lock", m.String())
	}
	return nil
}
