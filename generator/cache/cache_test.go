package cache

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/gliderlabs/logspout-builder/generator/packed"
)

func TestParallelBuildersShareACacheWithoutDamage(t *testing.T) {
	dir := t.TempDir()
	content := bytes.Repeat([]byte("binary"), 100_000)
	sum := fmt.Sprintf("%x", sha256.Sum256(content))
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			c := New(dir)
			target := filepath.Join(dir, fmt.Sprintf("out%d", worker))
			for round := range 20 {
				key := fmt.Sprintf("key%d", round%3)
				_, ok, err := c.Binary(key, target)
				if err != nil {
					t.Error(err)
					return
				}
				if !ok {
					made := filepath.Join(dir, fmt.Sprintf("made%d", worker))
					if err := os.WriteFile(made, content, 0o755); err != nil {
						t.Error(err)
						return
					}
					if err := c.KeepBinary(key, made, sum); err != nil {
						t.Error(err)
						return
					}
					continue
				}
				if got, err := os.ReadFile(target); err != nil || !bytes.Equal(got, content) {
					t.Errorf("the binary from the cache is not what was kept (%v)", err)
				}
				if round%7 == 0 {
					_ = os.RemoveAll(filepath.Join(dir, "binaries", key)) // as another's pruning does
				}
			}
		})
	}
	wg.Wait()
}

func TestWhatIsDoneToABinaryDoesNotReachTheCacheAndDamageIsNoticed(t *testing.T) {
	dir := t.TempDir()
	c := New(dir)
	made, out := filepath.Join(dir, "made"), filepath.Join(dir, "out")
	content := []byte("binary")
	if err := os.WriteFile(made, content, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := c.KeepBinary("key", made, fmt.Sprintf("%x", sha256.Sum256(content))); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, ok, err := c.Binary("key", out); !ok || err != nil {
			t.Fatal(ok, err)
		}
		if got, err := os.ReadFile(out); err != nil || !bytes.Equal(got, content) {
			t.Fatalf("the binary is %q (%v)", got, err)
		}
		if err := os.WriteFile(out, []byte("stripped"), 0o755); err != nil { // in place, as strip does
			t.Fatal(err)
		}
	}
	kept := filepath.Join(dir, "binaries", "key", "binary")
	if err := os.Chtimes(kept, time.Time{}, time.Now().Add(time.Minute)); err != nil { // touched, and the same
		t.Fatal(err)
	}
	if _, ok, err := c.Binary("key", out); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if err := os.WriteFile(kept, []byte("damage"), 0o755); err != nil { // as long as it was
		t.Fatal(err)
	}
	if _, ok, err := c.Binary("key", out); ok || err != nil {
		t.Fatalf("damaged content is an answer: %v (%v)", ok, err)
	}
	if got, err := os.ReadFile(out); err != nil || !bytes.Equal(got, content) || exists(kept) {
		t.Errorf("the output is %q (%v), and the damaged entry is there: %v", got, err, exists(kept))
	}
}

func TestCacheKeepsWhatWasUsedLast(t *testing.T) {
	dir := t.TempDir()
	c := New(dir)
	old := time.Now().Add(-time.Hour)
	sum := fmt.Sprintf("%x", sha256.Sum256([]byte("x")))
	for i := range maxBinaries + 5 {
		made := filepath.Join(dir, "made")
		if err := os.WriteFile(made, []byte("x"), 0o755); err != nil {
			t.Fatal(err)
		}
		key := fmt.Sprintf("key%02d", i)
		if err := c.KeepBinary(key, made, sum); err != nil {
			t.Fatal(err)
		}
		at := old.Add(time.Duration(i) * time.Minute)
		if err := os.Chtimes(filepath.Join(dir, "binaries", key), at, at); err != nil {
			t.Fatal(err)
		}
	}
	if _, ok, err := c.Binary("key00", filepath.Join(dir, "out")); !ok || err != nil { // used now
		t.Fatal(ok, err)
	}
	c.prune(time.Now())
	entries, err := os.ReadDir(filepath.Join(dir, "binaries"))
	if err != nil || len(entries) != maxBinaries {
		t.Fatalf("the cache holds %d binaries (%v), want %d", len(entries), err, maxBinaries)
	}
	for key, want := range map[string]bool{"key00": true, "key01": false, "key06": true} {
		if got := exists(filepath.Join(dir, "binaries", key)); got != want {
			t.Errorf("%s is there: %v, want %v", key, got, want)
		}
	}
}

func TestPruningTakesTheRestOfKilledBuildsAndIdleModules(t *testing.T) {
	dir := t.TempDir()
	c := New(dir)
	left, _, err := c.Scratch()
	if err != nil {
		t.Fatal(err)
	}
	fresh, _, err := c.Scratch()
	if err != nil {
		t.Fatal(err)
	}
	source := t.TempDir()
	if err := os.WriteFile(filepath.Join(source, "go.mod"), []byte("module example.com/x\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	m, err := packed.Directory(source)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Proxy().Offer(m); err != nil {
		t.Fatal(err)
	}
	zip := filepath.Join(dir, "proxy", "example.com", "x", "@v", m.Version.Version+".zip")
	idle := time.Now().Add(-2 * maxIdle)
	for _, name := range []string{left, zip} {
		if err := os.Chtimes(name, idle, idle); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Proxy().Offer(m); err != nil { // offered again: in use
		t.Fatal(err)
	}
	c.prune(time.Now())
	if exists(left) || !exists(fresh) || !exists(zip) {
		t.Errorf("killed build's rest %v, running build's directory %v, used module %v; want false, true, true", exists(left), exists(fresh), exists(zip))
	}
	if err := os.Chtimes(zip, idle, idle); err != nil {
		t.Fatal(err)
	}
	c.prune(time.Now())
	if exists(zip) {
		t.Error("an idle module stays")
	}
	if err := c.Proxy().Offer(m); err != nil || !exists(zip) {
		t.Errorf("a pruned module does not come back (%v)", err)
	}
}

func TestAFileThatIsRefusedAtItsEndIsNeverThere(t *testing.T) {
	dir := t.TempDir()
	target := filepath.Join(dir, "out")
	if err := os.WriteFile(target, []byte("before"), 0o755); err != nil {
		t.Fatal(err)
	}
	source := filepath.Join(dir, "in")
	if err := os.WriteFile(source, []byte("damaged"), 0o755); err != nil {
		t.Fatal(err)
	}
	refused := errors.New("refused")
	if _, err := Publish(source, target, func(string) error { return refused }); !errors.Is(err, refused) {
		t.Errorf("content that is refused is published (%v)", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(target); err != nil || string(got) != "before" || len(entries) != 2 {
		t.Errorf("the directory holds %d files, and the target %q (%v)", len(entries), got, err)
	}
}

func TestPruningLooksAtEverythingOnceAnHour(t *testing.T) {
	dir := t.TempDir()
	c := New(dir)
	rest := filepath.Join(dir, "scratch", "build-killed")
	leave := func() {
		t.Helper()
		idle := time.Now().Add(-2 * maxIdle)
		if err := os.MkdirAll(rest, 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(rest, idle, idle); err != nil {
			t.Fatal(err)
		}
	}
	leave()
	if c.PruneSometimes(time.Now()); exists(rest) {
		t.Error("the first build left a killed build's rest")
	}
	leave()
	if c.PruneSometimes(time.Now()); !exists(rest) {
		t.Error("the next build looked at everything again")
	}
	if c.PruneSometimes(time.Now().Add(2 * time.Hour)); exists(rest) {
		t.Error("two hours later the rest is still there")
	}
}
