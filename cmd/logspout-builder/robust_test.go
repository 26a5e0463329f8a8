package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// builderIn is a command line of the builder itself in a directory with a cache: the test's binary, by the builder's name.
func builderIn(t *testing.T, dir, cache string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "logspout-builder")
	if err := os.Symlink(self, link); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(link, args...)
	cmd.Args[0] = "logspout-builder"
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "LOGSPOUT_BUILDER_CACHE="+cache, "GOPROXY=off")
	return cmd
}

func smallManifest(t *testing.T, dir string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "logspout.yaml"), []byte("modules: [stdin, health]\n"), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestParallelBuildsFromAnEmptyCacheGiveTheSameBytes(t *testing.T) {
	cache := t.TempDir()
	outputs := make([][]byte, 3)
	var wg sync.WaitGroup
	for i := range outputs {
		dir := t.TempDir()
		smallManifest(t, dir)
		cmd := builderIn(t, dir, cache, "build")
		wg.Go(func() {
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
				return
			}
			var err error
			if outputs[i], err = os.ReadFile(filepath.Join(dir, "logspout")); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, data := range outputs {
		if len(data) == 0 || !bytes.Equal(data, outputs[0]) {
			t.Errorf("binaries of %d and %d bytes differ", len(data), len(outputs[0]))
		}
	}
}

func TestKilledBuildsLeaveNoHalfOfAFileAndACacheThatWorks(t *testing.T) {
	dir, cache := t.TempDir(), t.TempDir()
	smallManifest(t, dir)
	binary := filepath.Join(dir, "logspout")
	for _, after := range []int{5, 40, 150, 400, 700, 1000} {
		cmd := builderIn(t, dir, cache, "build")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(time.Duration(after)*time.Millisecond, func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait()
		timer.Stop()
		if _, err := os.Stat(binary); err == nil {
			if out, err := exec.Command(binary, "modules").CombinedOutput(); err != nil {
				t.Fatalf("a build killed after %d ms left a binary that does not run: %v %s", after, err, out)
			}
		}
	}
	if out, err := builderIn(t, dir, cache, "build").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if out, err := exec.Command(binary, "modules").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

func TestNoProxyIsAskedForWhatTheBuilderCarries(t *testing.T) {
	var mu sync.Mutex
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, r.URL.Path)
		http.NotFound(w, r)
	}))
	defer server.Close()
	dir := t.TempDir()
	smallManifest(t, dir)
	for name, text := range map[string]string{
		"go.mod": "module example.com/local\n\ngo 1.26\n\nrequire github.com/gliderlabs/logspout-builder v0.1.0\n",
		"local.go": `package local

import "github.com/gliderlabs/logspout-builder/core"

func open(core.Env, *core.Route) (core.Adapter, error) { return nil, nil }

func init() { core.AdapterFactories.Register(open, "local") }
`,
	} {
		path := filepath.Join(dir, "module", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := builderIn(t, dir, t.TempDir(), "build", "--with", "example.com/local=./module")
	// An empty module cache, and the checksum database in force.
	cmd.Env = append(cmd.Env, "GOPROXY="+server.URL, "GOSUMDB=sum.golang.org", "GOMODCACHE="+t.TempDir(), "GOFLAGS=-modcacherw", "GONOSUMDB=", "GOPRIVATE=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if len(asked) > 0 {
		t.Errorf("the proxy was asked for %q", asked)
	}
}
