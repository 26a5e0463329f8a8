// Package cache keeps what earlier builds found out and made.
package cache

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/gliderlabs/logspout-builder/generator/gotool"
	"github.com/gliderlabs/logspout-builder/generator/lock"
	"github.com/gliderlabs/logspout-builder/generator/packed"
	"github.com/gliderlabs/logspout-builder/generator/wholefile"
)

const (
	// Inspections is the kind under which the cache keeps what packages turned out to be.
	Inspections = "inspections"

	// maxBinaries is how many binaries the cache keeps: those used last.
	maxBinaries = 32
	// maxLists is how many locks, how many inspections and how many answers of go commands the cache keeps; each is some kilobytes.
	maxLists = 512
	// maxIdle is after how long an unused packed module or the rest of a killed build goes.
	maxIdle = 48 * time.Hour
)

// Cache is a directory of what earlier builds found out and made. Entries appear whole, by a rename, and are checked when they are
// used; any number of builders may share it, and one that is killed leaves nothing but a scratch directory, which a later one removes.
type Cache struct{ dir string }

// New is the cache in a directory, which need not exist.
func New(dir string) *Cache { return &Cache{dir} }

// Proxy is the module proxy in the cache, from which the go command gets the modules that the builder packs.
func (c *Cache) Proxy() packed.Proxy { return packed.Proxy{Dir: filepath.Join(c.dir, "proxy")} }

// Dir is the cache's directory.
func (c *Cache) Dir() string { return c.dir }

// Scratch makes a directory for one go command or binary. The caller calls done when it needs it no more; what a killed process left, a
// later build removes.
func (c *Cache) Scratch() (dir string, done func(), err error) {
	parent := filepath.Join(c.dir, "scratch")
	if err := os.MkdirAll(parent, 0o750); err != nil {
		return "", nil, fmt.Errorf("make cache directory: %w; LOGSPOUT_BUILDER_CACHE names another", err)
	}
	if dir, err = os.MkdirTemp(parent, "build-"); err != nil {
		return "", nil, fmt.Errorf("make cache directory: %w", err)
	}
	return dir, func() { _ = os.RemoveAll(dir) }, nil
}

// Recall reads what was kept under a kind and key into v; false when there is nothing that can be read.
func (c *Cache) Recall(kind, key string, v any) bool {
	name := filepath.Join(c.dir, kind, key+".json")
	data, err := os.ReadFile(name)
	if err != nil || json.Unmarshal(data, v) != nil {
		return false
	}
	touch(name)
	return true
}

// Keep keeps v, as JSON, under a kind and key.
func (c *Cache) Keep(kind, key string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	name := filepath.Join(c.dir, kind, key+".json")
	if err := os.MkdirAll(filepath.Dir(name), 0o750); err != nil {
		return err
	}
	return wholefile.Write(name, data, 0o600)
}

// Lock is the lock kept under a key.
func (c *Cache) Lock(key string) (l *lock.Lock, ok bool) {
	name := filepath.Join(c.dir, "lists", key+".lock")
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, false
	}
	if l, err = lock.Parse(name, data); err != nil {
		return nil, false
	}
	touch(name)
	return l, true
}

// KeepLock keeps a lock.
func (c *Cache) KeepLock(key string, l *lock.Lock) error {
	name := filepath.Join(c.dir, "lists", key+".lock")
	if err := os.MkdirAll(filepath.Dir(name), 0o750); err != nil {
		return err
	}
	return wholefile.Write(name, l.Format(), 0o600)
}

// keptBinary is what the cache notes beside a binary.
type keptBinary struct {
	SHA256 string `json:"sha256"`
	// Size and Modified (nanoseconds since 1970) are of the file when it was hashed: while it has them, it is not hashed again.
	Size     int64 `json:"size,omitempty"`
	Modified int64 `json:"modified,omitempty"`
}

// untouched reports whether a file is the one that was hashed, as far as its size and time tell.
func (k keptBinary) untouched(file string) bool {
	info, err := os.Stat(file)
	return err == nil && k.Modified != 0 && info.Size() == k.Size && info.ModTime().UnixNano() == k.Modified
}

// Binary copies the binary kept under a key to target, and reports its digest. A copy and not a link: what a user later does to the
// file must not reach the cache. Where the file system can, the two share their blocks until then (copy_file_range). ok is false when there is none, or it is not what was kept.
func (c *Cache) Binary(key, target string) (sum string, ok bool, err error) {
	dir := filepath.Join(c.dir, "binaries", key)
	note, err := os.ReadFile(filepath.Join(dir, "note.json"))
	if err != nil {
		return "", false, nil //nolint:nilerr // not there is not an error
	}
	var kept keptBinary
	if json.Unmarshal(note, &kept) != nil {
		return "", false, os.RemoveAll(dir)
	}
	file := filepath.Join(dir, "binary")
	got := kept.SHA256
	if kept.untouched(file) {
		err = copyFile(file, target)
	} else {
		got, err = Publish(file, target, func(sum string) error {
			if sum != kept.SHA256 {
				return errDamaged
			}
			return nil
		})
	}
	switch {
	case errors.Is(err, errDamaged), errors.Is(err, fs.ErrNotExist) && !exists(file):
		return "", false, os.RemoveAll(dir)
	case err != nil:
		return "", false, err
	}
	touch(dir)
	return got, true, nil
}

// BinaryFile is where the binary kept under a key lies; ok is false when there is none.
func (c *Cache) BinaryFile(key string) (name string, ok bool) {
	name = filepath.Join(c.dir, "binaries", key, "binary")
	return name, exists(name)
}

// KeepBinary moves a binary of this digest into the cache under a key.
func (c *Cache) KeepBinary(key, file, sum string) error {
	kept := keptBinary{SHA256: sum}
	if info, err := os.Stat(file); err == nil {
		kept.Size, kept.Modified = info.Size(), info.ModTime().UnixNano()
	}
	note, err := json.Marshal(kept)
	if err != nil {
		return err
	}
	dir, done, err := c.Scratch()
	if err != nil {
		return err
	}
	defer done()
	entry := filepath.Join(dir, "entry")
	if err := os.Mkdir(entry, 0o750); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(entry, "note.json"), note, 0o600); err != nil {
		return err
	}
	if err := os.Rename(file, filepath.Join(entry, "binary")); err != nil {
		return err
	}
	parent := filepath.Join(c.dir, "binaries")
	if err := os.MkdirAll(parent, 0o750); err != nil {
		return err
	}
	target := filepath.Join(parent, key)
	for range 10 {
		// A directory in the way is another builder's entry for the same key, and just as good; without a binary it is one that goes just now.
		if err = os.Rename(entry, target); err == nil || exists(filepath.Join(target, "binary")) {
			return nil
		}
		_ = os.RemoveAll(target) // the other's business: the rename says whether it worked
	}
	return err
}

// PruneSometimes prunes when it was not done for an hour: it looks at every file that is kept.
func (c *Cache) PruneSometimes(now time.Time) {
	note := filepath.Join(c.dir, "pruned")
	if info, err := os.Stat(note); err == nil && now.Sub(info.ModTime()) < time.Hour {
		keepNewest(filepath.Join(c.dir, "binaries"), maxBinaries) // the large ones, and few
		return
	}
	c.prune(now)
	_ = wholefile.Write(note, nil, 0o600) // housekeeping: without it the next build prunes again
}

// prune removes what was used longest ago. It is housekeeping: what it cannot remove stays.
func (c *Cache) prune(now time.Time) {
	keepNewest(filepath.Join(c.dir, "binaries"), maxBinaries)
	keepNewest(filepath.Join(c.dir, "lists"), maxLists)
	keepNewest(filepath.Join(c.dir, Inspections), maxLists)
	keepNewest(filepath.Join(c.dir, gotool.KeptSettings), maxLists)
	c.Proxy().Prune(now.Add(-maxIdle))
	left, err := os.ReadDir(filepath.Join(c.dir, "scratch"))
	if err != nil {
		return
	}
	for _, e := range left {
		if info, err := e.Info(); err == nil && info.ModTime().Before(now.Add(-maxIdle)) {
			_ = os.RemoveAll(filepath.Join(c.dir, "scratch", e.Name()))
		}
	}
}

// keepNewest removes all but the n entries of dir that were changed last.
func keepNewest(dir string, n int) {
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) <= n {
		return
	}
	times := make(map[string]time.Time, len(entries))
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			times[e.Name()] = info.ModTime()
		}
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return times[b.Name()].Compare(times[a.Name()]) })
	for _, e := range entries[n:] {
		_ = os.RemoveAll(filepath.Join(dir, e.Name()))
	}
}

var errDamaged = errors.New("damaged cache entry")

// Publish copies a binary to target, which appears whole or not at all: when accept returns nil, which is asked with the content's digest
// after the last byte. The copy is the operating system's, and the digest is made at the same time: nobody else writes to file.
func Publish(file, target string, accept func(sum string) error) (sum string, err error) {
	in, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer func() { _ = in.Close() }() // only read
	var hashing sync.WaitGroup
	defer hashing.Wait()
	var errHash error
	hashing.Go(func() { sum, errHash = hashFile(in) })
	err = wholefile.Copy(target, in, 0o755, func() error {
		if hashing.Wait(); errHash != nil {
			return errHash
		}
		return accept(sum)
	})
	hashing.Wait()
	return sum, err
}

// hashFile is the sha256 of an open file's content, in hexadecimal. It leaves the file's offset alone.
func hashFile(f *os.File) (string, error) {
	h := sha256.New()
	// A part that is hashed cannot be interrupted: large ones make what goes on beside it wait for the collection of garbage.
	if _, err := io.CopyBuffer(struct{ io.Writer }{h}, io.NewSectionReader(f, 0, math.MaxInt64), make([]byte, 128<<10)); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// copyFile copies a binary to target, which appears whole or not at all.
func copyFile(file, target string) error {
	in, err := os.Open(file)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }() // only read
	return wholefile.Copy(target, in, 0o755, nil)
}

func touch(name string) {
	now := time.Now()
	_ = os.Chtimes(name, now, now) // only decides what is pruned first
}

func exists(name string) bool {
	_, err := os.Lstat(name)
	return err == nil
}

var _ gotool.Memory = (*Cache)(nil)
