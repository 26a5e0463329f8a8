// Package gotool runs the go command, and the binaries it made: where it is found, its settings, the hermetic environment of its processes,
// the platforms it builds for, and the passwords that what it says must not show.
package gotool

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"go/version"
	"io"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Tool runs the go command, and the binaries it made. Every process of the builder starts here, with an environment made of
// a short list: what a build says depends on the plan and not on what happens to be exported.
type Tool struct {
	Path string   // of the go command
	env  []string // sorted, one value a name
	// Settings is what the go command answers with; it decides the bytes of a binary.
	Settings Settings
	// Warnings are what successful go commands warned of: a retracted or deprecated version.
	Warnings []string
	// Secrets are those of the user's environment; what Run returns of stderr has them hidden.
	Secrets Secrets
}

// passed are the variables that go processes get from the user's environment: where things are, and how to reach the network.
//
//nolint:gochecknoglobals // constant
var passed = []string{
	"PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "TMP", "TEMP", "XDG_CACHE_HOME", "XDG_CONFIG_HOME",
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy",
	"SSL_CERT_FILE", "SSL_CERT_DIR", "NETRC", "SSH_AUTH_SOCK", "SSH_AGENT_PID", "GIT_SSH", "GIT_SSH_COMMAND", "GIT_ASKPASS", "SSH_ASKPASS",
	"GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM", "GIT_SSL_CAINFO",
	"GOENV", "GOROOT", "GOPATH", "GOMODCACHE", "GOCACHE", "GOTMPDIR", "GOTOOLCHAIN", "GOTELEMETRY", "GOTELEMETRYDIR",
	"GOPROXY", "GONOPROXY", "GOPRIVATE", "GOSUMDB", "GONOSUMDB", "GOINSECURE", "GOVCS", "GOAUTH", "GOFIPS140",
	"GOGC", "GOMEMLIMIT", "GOOS", "GOARCH", "GO386", "GOAMD64", "GOARM", "GOARM64", "GOMIPS", "GOMIPS64", "GOPPC64", "GORISCV64",
	"APPDATA", "LOCALAPPDATA", "USERPROFILE", "SYSTEMROOT", "SystemRoot", "SYSTEMDRIVE", "ComSpec", "COMSPEC", "PATHEXT", "ProgramData",
}

// Find finds the go command and asks it for its settings. GOFLAGS of the user are checked, and only those are kept that
// do not decide what a binary is made of: that is the manifest's business.
func Find(ctx context.Context, environ []string) (*Tool, error) { return FindIn(ctx, environ, nil) }

// FindIn is Find with a memory of what the go command answered before, which saves its start; nil is none.
func FindIn(ctx context.Context, environ []string, memory Memory) (*Tool, error) {
	path, err := exec.LookPath("go")
	if err != nil {
		return nil, errors.New("no go command in PATH: install Go 1.26 or newer (https://go.dev/dl) and put its bin directory into PATH")
	}
	g := &Tool{Path: path, env: baseEnvironment(environ), Secrets: NewSecrets(environ)}
	if err := g.ask(ctx, environ, memory); err != nil {
		return nil, err
	}
	if found := g.Settings.GOVERSION; tooOld(found) {
		// With GOTOOLCHAIN=auto the go command gets a newer one by itself, once a go.mod asks for that: the settings are to be its settings.
		if from := g.Settings.GOTOOLCHAIN; from == "auto" || from == "path" {
			g.env = withEnv(g.env, "GOTOOLCHAIN=go"+leastGo+".0+"+from)
			if err := g.ask(ctx, environ, memory); err != nil {
				return nil, err
			}
		}
		if tooOld(g.Settings.GOVERSION) {
			return nil, fmt.Errorf("%s (%s) is too old: want Go %s or newer\nnext: install it (https://go.dev/dl) and put its bin directory first in PATH%s",
				found, path, leastGo, map[bool]string{true: ", or let the go command get it: GOTOOLCHAIN=auto"}[g.Settings.GOTOOLCHAIN == "local"])
		}
	}
	if _, err := ParsePlatform(g.Settings.GOOS + "/" + g.Settings.GOARCH); err != nil {
		return nil, fmt.Errorf("GOOS and GOARCH: %w\nnext: 'go tool dist list' lists the pairs", err)
	}
	g.env = withEnv(g.env, "GOFLAGS="+g.Settings.GOFLAGS)
	return g, nil
}

// leastGo is the first Go version that builds the core.
const leastGo = "1.26"

func tooOld(goVersion string) bool {
	return version.IsValid(goVersion) && version.Compare(goVersion, "go"+leastGo) < 0
}

// collectAt makes go commands, compilers and linkers collect garbage a quarter as often as Go programs do by themselves, where the user's
// environment does not say: they end before it pays. Linking what is compiled takes 7 % less of the processors, compiling everything a fifth less.
const collectAt = "400"

// baseEnvironment is the hermetic environment of every go process.
func baseEnvironment(environ []string) []string {
	env := []string{"GOGC=" + collectAt}
	for _, kv := range environ {
		if name, _, _ := strings.Cut(kv, "="); slices.Contains(passed, name) {
			env = withEnv(env, kv)
		}
	}
	return withEnv(env, "GO111MODULE=on", "GOWORK=off", "CGO_ENABLED=0", "GOEXPERIMENT=", "LC_ALL=C", "GIT_TERMINAL_PROMPT=0", "GCM_INTERACTIVE=never")
}

// keptFlags are the flags of GOFLAGS that builds run with. One that makes the go command run another program is refused: a
// build runs the Go toolchain and nothing else.
func keptFlags(goflags string) (string, error) {
	kept := []string{"-mod=readonly"} // never empty: an empty GOFLAGS would be read from the go command's own file
	for flag := range strings.FieldsSeq(goflags) {
		name, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(flag, "-"), "-"), "=")
		switch {
		case name == "toolexec" || name == "exec" || name == "vettool" || runsPrograms(flag):
			return "", fmt.Errorf("refused: GOFLAGS has -%s, which runs another program during the build; unset it (go env -u GOFLAGS, unset GOFLAGS)", name)
		case name == "modcacherw" || name == "p":
			kept = append(kept, flag)
		}
	}
	return strings.Join(kept, " "), nil
}

// runsPrograms reports whether flags for the linker or compiler make it run a program other than its own.
func runsPrograms(flags string) bool {
	return regexp.MustCompile(`(^|[\s"'=])--?(extld|extldflags|extar|linkmode|toolexec)\b`).MatchString(flags)
}

// warned is what a go command says when it succeeds and something is amiss.
var warned = regexp.MustCompile(`^go: (?:warning: (.+)|module (\S+ is deprecated: .+))`)

// Error is a go command that failed.
type Error struct {
	Args   []string // of the command, "go" left out
	Stderr string   // all of it, secrets hidden
	Err    error
}

// Error is the last lines that the command wrote, and the command.
func (e *Error) Error() string {
	const most = 20
	lines := strings.Split(strings.TrimSpace(e.Stderr), "\n")
	lines = slices.DeleteFunc(lines, func(l string) bool { return strings.HasPrefix(l, "go: downloading ") || strings.TrimSpace(l) == "" })
	if n := len(lines); n > most {
		lines = append([]string{fmt.Sprintf("(%d lines before)", n-most)}, lines[n-most:]...)
	}
	return fmt.Sprintf("  %s\n  (go %s: %v)", strings.Join(lines, "\n  "), e.command(), e.Err)
}

// command is the command's beginning, as far as it tells what was done.
func (e *Error) command() string {
	const most = 8
	if len(e.Args) > most {
		return strings.Join(e.Args[:most], " ") + " ..."
	}
	return strings.Join(e.Args, " ")
}

// Unwrap returns why the process ended.
func (e *Error) Unwrap() error { return e.Err }

// Run executes the go command in dir and returns what it wrote to stdout. When ctx ends, the command and all that it started
// are killed. Its error is a *Error, or ctx's.
func (g *Tool) Run(ctx context.Context, dir string, extra []string, args ...string) ([]byte, error) {
	stdout, stderr, err := g.execute(ctx, dir, withEnv(g.env, extra...), g.Path, args...)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, &Error{Args: args, Stderr: g.Secrets.HideAll(stderr), Err: err}
	}
	for line := range strings.Lines(stderr) {
		if m := warned.FindStringSubmatch(line); m != nil {
			g.Warnings = append(g.Warnings, g.Secrets.HideAll(strings.TrimSpace(m[1]+m[2])))
		}
	}
	return stdout, nil
}

// Stream executes the go command in dir and passes on what it writes as it comes. When ctx ends, the command and all that it started are
// killed.
func (g *Tool) Stream(ctx context.Context, dir string, extra []string, stdout, stderr io.Writer, args ...string) error {
	cmd := exec.CommandContext(ctx, g.Path, args...)
	cmd.Dir = dir
	cmd.Env = withEnv(g.env, extra...)
	cmd.Stdout, cmd.Stderr = stdout, stderr
	cmd.WaitDelay = 5 * time.Second
	killWholeGroup(cmd)
	return cmd.Run()
}

// RunBinary executes a binary that was just built, with nothing of the user's environment.
func (g *Tool) RunBinary(ctx context.Context, binary string, args ...string) (stdout []byte, stderr string, err error) {
	env := []string{"GOTRACEBACK=single"}
	if root, ok := lookup(g.env, "SYSTEMROOT"); ok { // Windows processes need it
		env = []string{"SYSTEMROOT=" + root}
	}
	return g.execute(ctx, "", env, binary, args...)
}

func (g *Tool) execute(ctx context.Context, dir string, env []string, path string, args ...string) (out []byte, errOut string, err error) {
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir = dir
	cmd.Env = env
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.WaitDelay = 5 * time.Second
	killWholeGroup(cmd)
	err = cmd.Run()
	return stdout.Bytes(), stderr.String(), err
}

// Environ is the environment that Run gives go commands, "NAME=value", with extra variables.
func (g *Tool) Environ(extra ...string) []string { return withEnv(g.env, extra...) }

// withEnv is env with other variables, each name once, sorted.
func withEnv(env []string, variables ...string) []string {
	out := slices.Clone(env)
	for _, kv := range variables {
		name, _, _ := strings.Cut(kv, "=")
		out = slices.DeleteFunc(out, func(old string) bool { return strings.HasPrefix(old, name+"=") })
		out = append(out, kv)
	}
	slices.Sort(out)
	return out
}

// lookup is the last value of a variable.
func lookup(env []string, name string) (value string, ok bool) {
	for _, kv := range env {
		if v, found := strings.CutPrefix(kv, name+"="); found {
			value, ok = v, true
		}
	}
	return value, ok
}
