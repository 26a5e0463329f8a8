package main

import (
	"bufio"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestWatchRebuildsWhatChangedAndRunsItUntilItIsStopped(t *testing.T) {
	const source = `package watched

import "github.com/gliderlabs/logspout-builder/core"

func open(core.Env, *core.Route) (core.Adapter, error) { return nil, nil }

func init() { core.AdapterFactories.Register(open, "first") }
`
	dir, cache := t.TempDir(), t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("go.mod", "module example.com/watched\n\ngo 1.26\n")
	write("watched.go", source)
	write("small.yaml", "modules: [stdin]\n")
	cmd := builderIn(t, dir, cache, "run", "-f", "small.yaml", "--with", ".", "--watch", "--", "modules")
	out, in := io.Pipe()
	cmd.Stdout, cmd.Stderr = in, in
	lines := make(chan string, 1000)
	go func() {
		defer close(lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			lines <- s.Text()
		}
	}()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var said []string
	awaits := func(text string) {
		t.Helper()
		timeout := time.After(30 * time.Second)
		for {
			select {
			case line, ok := <-lines:
				if said = append(said, line); !ok {
					t.Fatalf("ended before %q:\n%s", text, strings.Join(said, "\n"))
				}
				if strings.Contains(line, text) {
					return
				}
			case <-timeout:
				_ = cmd.Process.Kill()
				t.Fatalf("waited for %q:\n%s", text, strings.Join(said, "\n"))
			}
		}
	}
	awaits("first")
	awaits("the binary ended with exit code 0; waiting for a change")
	write("watched.go", strings.Replace(source, "return nil, nil", "return", 1))
	awaits("build failed: --with .: example.com/watched: does not compile: watched.go:5")
	write("small.yaml", "module: [stdin]\n")
	awaits("unknown key")
	write("small.yaml", "modules: [stdin]\n")
	write("watched.go", strings.Replace(source, "first", "second", 1))
	awaits("second")
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	go func() { // the pipe is read to its end
		for range lines {
		}
	}()
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v\n%s", err, strings.Join(said, "\n"))
	}
	_ = in.Close()
	if left, err := os.ReadDir(filepath.Join(cache, "scratch")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
