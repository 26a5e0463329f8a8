package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// setUp gives a manifest of what the demo needs without an engine, and a directory for what is temporary.
func setUp(t *testing.T) (manifest, temporary string) {
	t.Helper()
	manifest, temporary = filepath.Join(t.TempDir(), "logspout.yaml"), t.TempDir()
	if err := os.WriteFile(manifest, []byte("name: demo\nversion: \"1\"\nmodules: [kafka, stdin]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", temporary)
	return manifest, temporary
}

func checkNothingIsLeft(t *testing.T, temporary string) {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(temporary, "logspout-demo-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %q, %v", left, err)
	}
}

func TestDemoDeliversStandardInputAndLeavesNothing(t *testing.T) {
	builder := filepath.Join(t.TempDir(), "logspout-builder")
	if out, err := exec.Command("go", "build", "-o", builder, "github.com/gliderlabs/logspout-builder/cmd/logspout-builder").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	manifest, temporary := setUp(t)
	var stdout, stderr bytes.Buffer
	if err := run(t.Context(), options{builder: builder, manifest: manifest, intake: "stdin", lines: 7, timeout: time.Minute}, &stdout, &stderr); err != nil {
		t.Fatalf("%v\n%s", err, &stderr)
	}
	printed := strings.Split(strings.TrimSpace(stdout.String()), "\n")
	if len(printed) != 21 {
		t.Fatalf("%d records:\n%s", len(printed), &stdout)
	}
	for i, got := range printed {
		if want := fmt.Sprintf("stdin stdin | line %d of 21 from standard input", i+1); !strings.HasSuffix(got, want) {
			t.Errorf("record %d: %q, want %q", i, got, want)
		}
	}
	if !strings.Contains(stderr.String(), "==> lines in 21, delivered 21, missing 0, twice 0; binary ") {
		t.Errorf("no summary in\n%s", &stderr)
	}
	checkNothingIsLeft(t, temporary)
}

// script makes an executable that stands for the builder: it writes another one, the forwarder, where -o says.
func script(t *testing.T, forwarder string) string {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("needs a shell")
	}
	path := filepath.Join(t.TempDir(), "builder")
	text := "#!/bin/sh\ncat > \"$5logspout\" <<'END'\n#!/bin/sh\n" + forwarder + "\nEND\nchmod +x \"$5logspout\"\necho \"$5logspout\"\n"
	if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestForwarderThatFailsEndsTheDemoWithItsLog(t *testing.T) {
	manifest, temporary := setUp(t)
	o := options{builder: script(t, "echo something is wrong >&2; exit 3"), manifest: manifest, intake: "stdin", lines: 1, timeout: time.Minute}
	err := run(t.Context(), o, &bytes.Buffer{}, &bytes.Buffer{})
	if err == nil || !strings.Contains(err.Error(), "exit status 3") || !strings.Contains(err.Error(), "something is wrong") {
		t.Errorf("got %v", err)
	}
	checkNothingIsLeft(t, temporary)
}

func TestLinesThatDoNotArriveEndTheDemoWithAnError(t *testing.T) {
	manifest, temporary := setUp(t)
	o := options{builder: script(t, "exec sleep 60"), manifest: manifest, intake: "stdin", lines: 1, timeout: 200 * time.Millisecond}
	err := run(t.Context(), o, &bytes.Buffer{}, &bytes.Buffer{})
	if err == nil || !strings.Contains(err.Error(), "not all lines arrived within 200ms") || !strings.Contains(err.Error(), "3 lines missing") {
		t.Errorf("got %v", err)
	}
	checkNothingIsLeft(t, temporary)
}

func TestInterruptedDemoLeavesNothing(t *testing.T) {
	manifest, temporary := setUp(t)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(300*time.Millisecond, cancel)
	o := options{builder: script(t, "exec sleep 60"), manifest: manifest, intake: "stdin", lines: 1, timeout: time.Minute}
	if err := run(ctx, o, &bytes.Buffer{}, &bytes.Buffer{}); err == nil {
		t.Error("no error")
	}
	checkNothingIsLeft(t, temporary)
}

func TestTallyCountsWhatIsMissingAndWhatCameTwice(t *testing.T) {
	a, b := line{"c", "stdout", "a"}, line{"c", "stdout", "b"}
	counted := &tally{missing: map[line]int{a: 2, b: 1}}
	for _, l := range []line{a, a, a} {
		counted.count(l)
	}
	if counted.delivered != 3 || counted.twice != 1 || len(counted.missing) != 1 || counted.err() == nil {
		t.Errorf("got %+v", counted)
	}
	counted = &tally{missing: map[line]int{a: 1}}
	counted.count(a)
	if err := counted.err(); err != nil {
		t.Error(err)
	}
}

func TestReadinessIsFoundInTheLog(t *testing.T) {
	l := forwarderLog{ready: make(chan struct{})}
	for _, part := range []string{"not json\n{\"msg\":\"other\"}\n{\"msg\":\"http ", "listening\"}", strings.Repeat("x", maxLog), "\n"} {
		select {
		case <-l.ready:
			t.Fatal("too early")
		default:
		}
		l.Write([]byte(part))
		if part == "listening\"}" {
			l.Write([]byte("\n"))
			break
		}
	}
	select {
	case <-l.ready:
	default:
		t.Error("not found")
	}
	l.Write(bytes.Repeat([]byte("y"), 2*maxLog))
	if len(l.tail()) > maxLog {
		t.Errorf("%d bytes are kept", len(l.tail()))
	}
}
