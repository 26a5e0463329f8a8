package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/goproxytest"
	"github.com/rogpeppe/go-internal/testscript"
)

// noRaceSleep keeps the race detector from waiting a second at the end of every process: the builder under test is run hundreds of times.
const noRaceSleep = "atexit_sleep_ms=0"

func TestMain(m *testing.M) {
	_ = os.Setenv("GORACE", noRaceSleep) // for the processes that tests start
	testscript.Main(m, map[string]func(){"logspout-builder": main, "curl": curl})
}

// TestScripts runs testdata/script with the real go command and no network: modules come from the machine's module cache, which
// `go build ./...` fills, and from a fake proxy that serves testdata/proxy.
func TestScripts(t *testing.T) {
	env := goEnv(t)
	fake := goproxytest.NewTestServer(t, filepath.Join("testdata", "proxy"), "")
	builder, err := os.Executable() // the test's binary is the builder when it is called by that name
	if err != nil {
		t.Fatal(err)
	}
	modCache := t.TempDir() // of its own: what the fake proxy serves must not stay on the machine
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireUniqueNames:  true,
		RequireExplicitExec: true,
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"holds": holds, "forwarder": startForwarder},
		Setup: func(e *testscript.Env) error {
			e.Setenv("GORACE", noRaceSleep)
			e.Setenv("HOME", filepath.Join(e.WorkDir, "home"))
			e.Setenv("GOROOT", env["GOROOT"])
			e.Setenv("GOCACHE", env["GOCACHE"])
			e.Setenv("GOMODCACHE", modCache)
			e.Setenv("GOFLAGS", "-modcacherw")
			e.Setenv("GOENV", "off")
			e.Setenv("GOTOOLCHAIN", "local")
			e.Setenv("GOSUMDB", "off")
			e.Setenv("CACHED_MODULES", "file://"+filepath.ToSlash(filepath.Join(env["GOMODCACHE"], "cache", "download")))
			e.Setenv("MACHINE_MODULES", env["GOMODCACHE"])
			e.Setenv("BUILDER", builder)
			e.Setenv("FAKE_PROXY", fake.URL)
			e.Setenv("GOPROXY", e.Getenv("CACHED_MODULES")+","+fake.URL)
			e.Setenv("LOGSPOUT_BUILDER_CACHE", filepath.Join(e.WorkDir, "cache"))
			return nil
		},
	})
}

// holds FILE TEXT: the file has the text in it. grep would print a binary.
func holds(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: holds FILE TEXT")
	}
	if found := strings.Contains(ts.ReadFile(args[0]), args[1]); found == neg {
		ts.Fatalf("%s holds %q: %v", args[0], args[1], found)
	}
}

// goEnv are the settings of the machine's go command.
func goEnv(t *testing.T) map[string]string {
	t.Helper()
	out, err := exec.Command("go", "env", "-json", "GOROOT", "GOCACHE", "GOMODCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	var env map[string]string
	if err := json.Unmarshal(out, &env); err != nil {
		t.Fatal(err)
	}
	for name, value := range env {
		if strings.TrimSpace(value) == "" {
			t.Fatalf("go env %s is empty", name)
		}
	}
	return env
}
