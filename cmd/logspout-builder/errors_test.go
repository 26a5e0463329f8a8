package main

import (
	"bytes"
	"cmp"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/goproxytest"
	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "write the golden messages anew")

// secret is what no output may have in it. It stands in addresses, netrc files and routes of testdata/errors.
const secret = "hunter2"

// TestWhatIsWrongIsToldAsTheTableHasIt runs the rows of testdata/errors. A row is a directory of files: cmd has the command line, with its
// environment in lines before it, and want the exit code and all that the user sees. -update writes want.
//
// The go command is the real one, modules come from the fake proxy of testdata/proxy, and rows share the caches.
func TestWhatIsWrongIsToldAsTheTableHasIt(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the messages of the operating system differ there")
	}
	table := newErrorTable(t)
	files, err := filepath.Glob(filepath.Join("testdata", "errors", "*.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for i, f := range archive.Files {
			name, ok := strings.CutSuffix(f.Name, "/want")
			if !ok {
				continue
			}
			rows++
			t.Run(name, func(t *testing.T) {
				got := table.run(t, archive, name)
				if *update {
					archive.Files[i].Data = []byte(got)
					return
				}
				if diff := gocmp.Diff(string(f.Data), got); diff != "" {
					t.Errorf("-want +got (-update writes it):\n%s", diff)
				}
			})
		}
		if *update {
			if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	if rows < 40 {
		t.Errorf("the table has %d rows", rows)
	}
}

// errorTable is what the rows share.
type errorTable struct {
	builder   string            // the builder's directory, and nothing else in it
	variables map[string]string // of cmd and of the environment
	environ   []string
	fixed     *strings.Replacer // places of this machine, in output
}

func newErrorTable(t *testing.T) *errorTable {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	if err := os.Symlink(self, filepath.Join(bin, "logspout-builder")); err != nil {
		t.Fatal(err)
	}
	goCommand, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	env := goEnv(t)
	fake := goproxytest.NewTestServer(t, filepath.Join("testdata", "proxy"), "")
	denies := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("WWW-Authenticate", `Basic realm="private"`)
		http.Error(w, "who are you?", http.StatusUnauthorized)
	}))
	t.Cleanup(denies.Close)
	cache, modCache, work, full := t.TempDir(), t.TempDir(), t.TempDir(), t.TempDir()
	machine := "file://" + filepath.ToSlash(filepath.Join(env["GOMODCACHE"], "cache", "download"))
	table := &errorTable{
		builder: filepath.Join(bin, "logspout-builder"),
		variables: map[string]string{
			"FAKE_PROXY": fake.URL, "CACHED_MODULES": machine, "DENIES": denies.URL, "DENIES_HOST": strings.TrimPrefix(denies.URL, "http://"),
			"BUILDER": bin, "FULL": full, "GO_DIR": filepath.Dir(goCommand), "PATH": os.Getenv("PATH"),
		},
		environ: []string{
			"PATH=" + bin + string(os.PathListSeparator) + os.Getenv("PATH"), "HOME=" + work, "GORACE=" + noRaceSleep,
			"GOROOT=" + env["GOROOT"], "GOCACHE=" + env["GOCACHE"], "GOMODCACHE=" + modCache, "GOFLAGS=-modcacherw", "GOENV=off", "GOTOOLCHAIN=local",
			"GOSUMDB=off", "GOPROXY=" + machine + "," + fake.URL, "LOGSPOUT_BUILDER_CACHE=" + cache,
			"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull,
		},
		fixed: strings.NewReplacer(fake.URL, "$FAKE_PROXY", denies.URL, "$DENIES", strings.TrimPrefix(denies.URL, "http://"), "$DENIES_HOST", machine, "$CACHED_MODULES", modCache, "$GOMODCACHE", cache, "$CACHE", full, "$FULL",
			bin, "$BUILDER", goCommand, "$GO", env["GOROOT"], "$GOROOT", runtime.GOOS+"/"+runtime.GOARCH, "PLATFORM", runtime.GOOS+"_"+runtime.GOARCH, "PLATFORM"),
	}
	return table
}

// run runs a row and gives what its want should be.
func (table *errorTable) run(t *testing.T, archive *txtar.Archive, name string) string {
	t.Helper()
	dir := t.TempDir()
	expand := func(s string) string {
		return os.Expand(s, func(name string) string {
			return cmp.Or(table.variables[name], map[string]string{"WORK": dir}[name], "$"+name)
		})
	}
	var script string
	for _, f := range archive.Files {
		file, ok := strings.CutPrefix(f.Name, name+"/")
		switch {
		case !ok || file == "want":
		case file == "cmd":
			script = string(f.Data)
		default:
			target := filepath.Join(dir, filepath.FromSlash(file))
			mode := os.FileMode(0o644)
			if path.Dir(file) == "bin" {
				mode = 0o755
			}
			if err := errors.Join(os.MkdirAll(filepath.Dir(target), 0o755), os.WriteFile(target, []byte(expand(string(f.Data))), mode)); err != nil {
				t.Fatal(err)
			}
		}
	}
	lines := strings.Split(strings.TrimSpace(script), "\n")
	cmd := exec.Command("/bin/sh", "-c", expand(lines[len(lines)-1]))
	cmd.Dir = dir
	cmd.Env = append(cmd.Env, table.environ...)
	for _, line := range lines[:len(lines)-1] {
		cmd.Env = append(cmd.Env, expand(line))
	}
	before := tree(t, dir)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); cmd.ProcessState == nil {
		t.Fatal(err)
	}
	code := cmd.ProcessState.ExitCode()
	if code != 0 {
		if stdout.Len() > 0 {
			t.Errorf("a failed command has a result: %s", &stdout)
		}
		if after := tree(t, dir); after != before {
			t.Errorf("a failed command left files:\n%s\nwhere there were\n%s", after, before)
		}
	}
	if both := stdout.String() + stderr.String(); strings.Contains(both, secret) {
		t.Errorf("a secret is printed: %s", both)
	}
	out := strings.ReplaceAll(stderr.String(), dir, "$WORK")
	out = table.fixed.Replace(out)
	for _, v := range variesInErrors {
		out = v.pattern.ReplaceAllString(out, v.as)
	}
	return fmt.Sprintf("exit code %d\n%s", code, out)
}

// variesInErrors are parts of messages that differ from run to run, from machine to machine, or with each module that is added.
var variesInErrors = []struct {
	pattern *regexp.Regexp
	as      string
}{
	{regexp.MustCompile(`\(\d[\d.]*m?s\)`), "(TIME)"},
	{regexp.MustCompile(`name, version, modules(, [a-z]+\b)*?(, found|\))`), "name, version, modules, ...$2"},
	{regexp.MustCompile(`build-\d+`), "build-N"},
	{regexp.MustCompile(`/vcs/[0-9a-f]{64}`), "/vcs/HASH"},
	{regexp.MustCompile(`\.(\S+)\.\d+\.tmp`), ".$1.N.tmp"},
	{regexp.MustCompile(`v0\.1\.1-0\.00010101000000-[0-9a-f]{12}`), "CORE"},
	{regexp.MustCompile(`the registry has: [^)]*\)`), "the registry has: ...)"},
	{regexp.MustCompile(`go( ?)1\.26\.\d+`), "go${1}1.26.N"},
	{regexp.MustCompile(`h1:[A-Za-z0-9+/]{40,}=`), "h1:SUM"},
}

// tree lists the files below a directory with their sizes.
func tree(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.Walk(dir, func(name string, info os.FileInfo, err error) error {
		if err == nil && !info.IsDir() {
			fmt.Fprintf(&b, "%s %d\n", strings.TrimPrefix(name, dir), info.Size())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}
