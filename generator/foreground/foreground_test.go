//go:build unix

package foreground

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bench is a runner whose binary is a shell script: the content of a file that is watched.
type bench struct {
	Runner
	t       *testing.T
	source  string
	signals chan os.Signal

	mu   sync.Mutex
	said bytes.Buffer // by the binary and to the user
}

func newBench(t *testing.T, script string) *bench {
	t.Helper()
	b := &bench{t: t, source: filepath.Join(t.TempDir(), "source"), signals: make(chan os.Signal, 1)}
	b.write(script)
	b.Runner = Runner{
		Dir: t.TempDir(), Interval: 20 * time.Millisecond, Name: "binary", Stdin: strings.NewReader("input\n"), Stdout: b, Stderr: b, Signals: b.signals,
		Environ: []string{"PATH=" + os.Getenv("PATH"), "GREETING=hello"},
		Tell:    func(line string) { _, _ = fmt.Fprintln(b, "watch:", line) },
		Build:   b.build,
	}
	return b
}

func (b *bench) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.said.Write(p)
}

func (b *bench) write(script string) {
	b.t.Helper()
	if err := os.WriteFile(b.source, []byte(script), 0o600); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) build(_ context.Context, path string) (Built, error) {
	built := Built{Watch: []string{b.source}}
	script, err := os.ReadFile(b.source)
	if err != nil {
		return built, err
	}
	if strings.HasPrefix(string(script), "broken") {
		return built, errors.New("it does not compile")
	}
	built.SHA256 = string(script)
	return built, os.WriteFile(path, append([]byte("#!/bin/sh\n"), script...), 0o700)
}

// awaits waits until a text was said, and forgets all before it.
func (b *bench) awaits(text string) {
	b.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; {
		b.mu.Lock()
		i := strings.Index(b.said.String(), text)
		if i >= 0 {
			b.said.Next(i + len(text))
			b.mu.Unlock()
			return
		}
		said := b.said.String()
		b.mu.Unlock()
		if time.Now().After(deadline) {
			b.t.Fatalf("waited for %q, got %q", text, said)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// result is what Run or Watch returned.
type result struct {
	code int
	err  error
}

func (b *bench) start(ctx context.Context, run func(context.Context) (int, error)) <-chan result {
	done := make(chan result, 1)
	go func() {
		code, err := run(ctx)
		done <- result{code, err}
	}()
	return done
}

const waits = "trap 'echo bye; exit 0' TERM; trap 'echo interrupted; exit 7' INT; echo up; while :; do sleep 0.02; done\n"

func TestTheBinaryHasTheUsersInputEnvironmentAndExitCode(t *testing.T) {
	b := newBench(t, `read line; echo "$GREETING $line $1"; exit 5`)
	b.Args = []string{"uri"}
	code, err := b.Run(t.Context())
	if code != 5 || err != nil || b.said.String() != "hello input uri\n" {
		t.Errorf("exit code %d, %v, said %q", code, err, &b.said)
	}
}

func TestBinaryThatASignalEndedHasTheShellsExitCode(t *testing.T) {
	b := newBench(t, "kill -9 $$")
	if code, err := b.Run(t.Context()); code != 128+9 || err != nil {
		t.Errorf("exit code %d, %v", code, err)
	}
}

func TestSignalsArePassedOnAndTheBinaryIsWaitedFor(t *testing.T) {
	for _, c := range []struct {
		name string
		end  func(b *bench, cancel func())
		says string
		code int
	}{
		{"terminate", func(b *bench, cancel func()) { cancel(); b.signals <- syscall.SIGTERM }, "bye", 0},
		{"hang up", func(b *bench, _ func()) { b.signals <- syscall.SIGHUP }, "bye", 0},
		{"interrupt", func(b *bench, cancel func()) { cancel(); b.signals <- os.Interrupt }, "interrupted", 7},
		{"the context alone", func(_ *bench, cancel func()) { cancel() }, "bye", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			b := newBench(t, waits)
			done := b.start(ctx, b.Run)
			b.awaits("up\n")
			c.end(b, cancel)
			b.awaits(c.says + "\n")
			if r := <-done; r.code != c.code || r.err != nil {
				t.Errorf("exit code %d, %v, want %d", r.code, r.err, c.code)
			}
		})
	}
}

func TestTheTerminalsInterruptIsNotSentTwice(t *testing.T) {
	b := newBench(t, waits)
	b.Terminal = true
	done := b.start(t.Context(), b.Run)
	b.awaits("up\n")
	b.signals <- os.Interrupt // of which the terminal's binary has got its own
	select {
	case r := <-done:
		t.Errorf("the binary has ended: %+v", r)
	case <-time.After(50 * time.Millisecond):
	}
	b.signals <- syscall.SIGTERM
	<-done
}

func TestChangeStartsTheNewBinaryAndABrokenOneLeavesTheOldAlone(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	b := newBench(t, waits)
	done := b.start(ctx, b.Watch)
	b.awaits("up\n")
	b.write("broken")
	b.awaits("watch: build failed: it does not compile\nwatch: the binary built before runs on\n")
	b.write(waits)
	b.awaits("watch: the binary is the same: it runs on\n")
	b.write("echo second; exit 3\n")
	b.awaits("watch: restart\nbye\nsecond\nwatch: the binary ended with exit code 3; waiting for a change\n")
	b.write("# third\n" + waits)
	b.awaits("up\n")
	left, err := os.ReadDir(b.Dir)
	if err != nil || len(left) != 1 {
		t.Errorf("binaries that nobody runs are left: %v, %v", left, err)
	}
	cancel()
	b.awaits("bye\n")
	if r := <-done; r.code != 0 || r.err != nil {
		t.Errorf("%+v", r)
	}
}

func TestFirstBuildThatFailsIsTriedAgainWhenSomethingChanges(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	b := newBench(t, "broken")
	done := b.start(ctx, b.Watch)
	b.awaits("watch: build failed: it does not compile\n")
	b.write(waits)
	b.awaits("up\n")
	b.signals <- syscall.SIGTERM
	if r := <-done; r.code != 0 || r.err != nil {
		t.Errorf("%+v", r)
	}
	b = newBench(t, "broken")
	if _, err := b.Run(t.Context()); err == nil {
		t.Error("Run takes a build that failed for one that did not")
	}
}

func TestWhatIsHiddenDoesNotCount(t *testing.T) {
	dir := t.TempDir()
	add := func(name string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	add("a.go")
	before := fingerprint([]string{dir})
	add(".git/index")
	add(".a.go.swp")
	if fingerprint([]string{dir}) != before {
		t.Error("a hidden file counts")
	}
	add("below/b.go")
	if fingerprint([]string{dir}) == before {
		t.Error("a new file does not count")
	}
}
