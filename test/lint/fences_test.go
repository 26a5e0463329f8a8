// Package lint shows that every fence of the design holds: each rule of .golangci.yml is seen failing once.
package lint

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const module = "github.com/gliderlabs/logspout-builder"

// linter is the golangci-lint of `make test`; without it there is nothing to run.
func linter(t *testing.T) string {
	t.Helper()
	path := os.Getenv("GOLANGCI_LINT")
	if path == "" {
		if os.Getenv("CI") != "" {
			t.Fatal("GOLANGCI_LINT is not set: run the tests by `make test`")
		}
		t.Skip("GOLANGCI_LINT is not set: `make test` builds the linter and sets it")
	}
	return path
}

func TestEveryFenceOfTheDesignHolds(t *testing.T) {
	t.Parallel()
	golangci := linter(t)
	for _, fence := range []struct {
		name string
		file string // where the offence stands
		body string // package clause and offence
		want string // a part of the linter's message
	}{
		{"core imports the standard library only", "core/a.go", `package core; import _ "` + module + `/core/journal"`, "core-is-stdlib-only"},
		{"the agent knows no module", "core/agent/a.go", `package agent; import _ "` + module + `/modules/adapters/raw"`, "modules are linked in by the generated main"},
		{"the runtime knows no builder", "core/agent/a.go", `package agent; import _ "` + module + `/generator"`, "the runtime never imports the builder"},
		{"the agent opens no sockets of its own", "core/agent/a.go", `package agent; import _ "` + module + `/core/stream"`, "sockets are the adapters' business"},
		{"a module does not know the agent", "modules/adapters/raw/a.go", `package raw; import _ "` + module + `/core/agent"`, "a module imports core, never the runtime"},
		{"a module does not know the journal", "modules/adapters/raw/a.go", `package raw; import _ "` + module + `/core/journal"`, "a module imports core, never the journal"},
		{"a module does not know another", "modules/adapters/raw/a.go", `package raw; import _ "` + module + `/modules/transports/tcp"`, "modules do not import each other"},
		{"a module does not know the builder", "modules/adapters/raw/a.go", `package raw; import _ "` + module + `/generator"`, "the runtime never imports the builder"},
		{"the builder does not link core", "generator/a.go", `package generator; import _ "` + module + `/core"`, "it never links it"},
		{"the builder does not link modules", "generator/image/a.go", `package image; import _ "` + module + `/modules/adapters/raw"`, "it never links them"},
		{"the command does not link core", "cmd/logspout-builder/a.go", `package main; import _ "` + module + `/core"`, "it never links it"},
		{"only the generator runs programs", "core/agent/a.go", `package agent; import _ "os/exec"`, "programs are run in generator/"},
		{"log/slog is the only log", "modules/adapters/raw/a.go", `package raw; import _ "log"`, "use log/slog"},
		{"the environment is read in main only", "modules/adapters/raw/a.go", `package raw; import "os"; var _ = os.Getenv("X")`, "the environment is read once"},
		{"only main exits", "core/agent/a.go", `package agent; import "os"; func F() { os.Exit(1) }`, "only main exits"},
		{"nothing prints to where it was not told to", "core/agent/a.go", `package agent; import "fmt"; func F() { fmt.Println() }`, "write to the io.Writer you were given"},
		{"go commands run in gotool.go only", "generator/gotool/a.go", `package gotool; import "os/exec"; var _ = exec.Command("go")`, "generator/gotool"},
		{"a context comes from the caller", "core/agent/a.go", `package agent; import "context"; var _ = context.Background()`, "take the caller's ctx"},
		{"nothing sleeps", "core/agent/a.go", `package agent; import "time"; func F() { time.Sleep(1) }`, "select on ctx.Done()"},
		{"loggers are injected", "core/agent/a.go", `package agent; import "log/slog"; func F() { slog.Info("x") }`, "use the *slog.Logger you were given"},
		{"init stands in register.go only", "modules/adapters/raw/a.go", `package raw; func init() { F() }; func F() {}`, "don't use `init` function"},
		{"no package variables", "core/agent/a.go", `package agent; var Counter int`, "Counter is a global variable"},
	} {
		t.Run(fence.name, func(t *testing.T) {
			t.Parallel()
			out := lint(t, golangci, fence.file, fence.body)
			if !strings.Contains(out, fence.want) {
				t.Errorf("%s\nin %s was not refused with %q:\n%s", fence.body, fence.file, fence.want, out)
			}
		})
	}
}

func TestInitInRegisterIsAllowed(t *testing.T) {
	out := lint(t, linter(t), "modules/adapters/raw/register.go", "package raw; func init() { F() }; func F() {}")
	if strings.Contains(out, "init` function") {
		t.Errorf("init in register.go was refused:\n%s", out)
	}
}

// lint runs the project's own configuration over a small module that holds just the offence and what it imports.
func lint(t *testing.T, golangci, file, body string) string {
	t.Helper()
	dir := t.TempDir()
	config, err := os.ReadFile("../../.golangci.yml")
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, ".golangci.yml", string(config))
	write(t, dir, "go.mod", "module "+module+"\n\ngo 1.26\n")
	for _, pkg := range []string{"core", "core/agent", "core/journal", "core/stream", "generator", "modules/adapters/raw", "modules/transports/tcp"} {
		write(t, dir, pkg+"/package.go", "package "+filepath.Base(pkg)+"\n")
	}
	write(t, dir, file, body)
	cmd := exec.CommandContext(t.Context(), golangci, "run", "--enable-only", "depguard,forbidigo,gochecknoinits,gochecknoglobals",
		"--allow-parallel-runners", "--output.text.path", "stdout", "./"+filepath.Dir(file))
	cmd.Dir = dir
	// A cache of its own: the module path is the real project's, whose results must not be mixed up with these.
	cmd.Env = append(os.Environ(), "GOLANGCI_LINT_CACHE="+t.TempDir(), "GOFLAGS=-mod=mod", "GOPROXY=off")
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, out)
	}
	return string(out)
}

func write(t *testing.T, dir, name, content string) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}
