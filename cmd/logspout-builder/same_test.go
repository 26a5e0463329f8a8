package main

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/rogpeppe/go-internal/goproxytest"
)

// writeProject writes a manifest with a module from a proxy and one from a directory, and their lock, made once for all.
func writeProject(t *testing.T, dir, lockText string) {
	t.Helper()
	for name, text := range map[string]string{
		"logspout.yaml": "name: same\nmodules: [stdin, example.com/good, example.com/local=./local]\n",
		"logspout.lock": lockText,
		"local/go.mod":  "module example.com/local\n\ngo 1.26\n\nrequire github.com/gliderlabs/logspout-builder v0.1.0\n",
		"local/local.go": `package local

import "github.com/gliderlabs/logspout-builder/core"

func open(core.Env, *core.Route) (core.Adapter, error) { return nil, nil }

func init() { core.AdapterFactories.Register(open, "local") }
`,
	} {
		if text == "" {
			continue
		}
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestSameManifestAndLockGiveTheSameBytesWhereverTheyAreBuilt builds in two directories that share nothing: another home and user, other caches and
// temporary directories, another locale, the toolchain at another path, for a platform that is not this machine's.
func TestSameManifestAndLockGiveTheSameBytesWhereverTheyAreBuilt(t *testing.T) {
	env := goEnv(t)
	fake := goproxytest.NewTestServer(t, filepath.Join("testdata", "proxy"), "")
	proxy := "GOPROXY=file://" + filepath.ToSlash(filepath.Join(env["GOMODCACHE"], "cache", "download")) + "," + fake.URL
	platform := "linux/amd64"
	if runtime.GOOS+"/"+runtime.GOARCH == platform {
		platform = "linux/arm/v7"
	}
	lockText := ""
	var sums []string
	for i, user := range []string{"alice", "bob"} {
		root := filepath.Join(t.TempDir(), user, strings.Repeat("deep/", i*3))
		dir := filepath.Join(root, "work")
		writeProject(t, dir, lockText)
		tmp := filepath.Join(root, "tmp")
		if err := os.MkdirAll(tmp, 0o700); err != nil {
			t.Fatal(err)
		}
		args := []string{"build", "--platform", platform, "-o", "out"}
		if i > 0 {
			args = append(args, "--locked")
		}
		cmd := builderIn(t, dir, filepath.Join(root, "cache"), args...)
		cmd.Env = append(cmd.Env, proxy, "HOME="+root, "USER="+user, "LOGNAME="+user, "TMPDIR="+tmp, "TZ=Asia/Tokyo", "GOENV=off", "GOSUMDB=off",
			"GOMODCACHE="+filepath.Join(root, "modcache"), "GOFLAGS=-modcacherw", "GOTOOLCHAIN=local", "GOPATH="+filepath.Join(root, "go"),
			"SOURCE_DATE_EPOCH="+strconv.Itoa(i), "CGO_CFLAGS=-O"+strconv.Itoa(i), "GOCACHE="+env["GOCACHE"])
		if i > 0 {
			goroot := filepath.Join(root, "go-is-here")
			if err := os.Symlink(env["GOROOT"], goroot); err != nil {
				t.Fatal(err)
			}
			cmd.Env = append(cmd.Env, "GOAMD64=v3", "GOARM=5", "LANG=tr_TR.UTF-8", "GOROOT="+goroot)
			if !testing.Short() { // all is compiled anew, by half a minute of CPU
				cmd.Env = append(cmd.Env, "GOCACHE="+filepath.Join(root, "gocache"))
			}
		}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		binary, err := os.ReadFile(filepath.Join(dir, "out"))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(binary), root) || strings.Contains(string(binary), env["GOROOT"]+"/src") {
			t.Errorf("a path of %s's machine is in the binary", user)
		}
		sums = append(sums, fmt.Sprintf("%x", sha256.Sum256(binary)))
		written, err := os.ReadFile(filepath.Join(dir, "logspout.lock"))
		if err != nil {
			t.Fatal(err)
		}
		if lockText != "" && lockText != string(written) {
			t.Errorf("the lock differs:\n%s\n%s", lockText, written)
		}
		lockText = string(written)
	}
	if sums[0] != sums[1] {
		t.Errorf("the binaries differ: %s and %s", sums[0], sums[1])
	}
}

func TestLockedBuildWithAWarmModuleCacheAsksNobody(t *testing.T) {
	fake := goproxytest.NewTestServer(t, filepath.Join("testdata", "proxy"), "")
	var asked atomic.Int64
	dead := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		http.Error(w, "gone", http.StatusTeapot)
	}))
	defer dead.Close()
	dir, modCache := t.TempDir(), t.TempDir()
	writeProject(t, dir, "")
	common := []string{"GOMODCACHE=" + modCache, "GOFLAGS=-modcacherw", "GOTOOLCHAIN=local", "GOENV=off", "GOPRIVATE=", "GONOSUMDB="}
	fetch := builderIn(t, dir, t.TempDir(), "fetch")
	fetch.Env = append(append(fetch.Env, common...), "GOPROXY="+fake.URL, "GOSUMDB=off")
	if out, err := fetch.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	locked := builderIn(t, dir, t.TempDir(), "build", "--locked")
	locked.Env = append(append(locked.Env, common...), "GOPROXY="+dead.URL, "GOSUMDB=sum.golang.org "+dead.URL, "HTTPS_PROXY="+dead.URL, "HTTP_PROXY="+dead.URL)
	if out, err := locked.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if n := asked.Load(); n > 0 {
		t.Errorf("%d requests were made", n)
	}
	if out, err := exec.Command(filepath.Join(dir, "same"), "modules").CombinedOutput(); err != nil || !strings.Contains(string(out), "example.com/good") {
		t.Errorf("%v: %s", err, out)
	}
}
