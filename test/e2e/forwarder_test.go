// Package e2e runs the whole way: the builder makes a binary, the binary reads a real engine's containers, and real peers get
// every line.
package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gliderlabs/logspout-builder/test/engine"
)

var (
	buildOnce sync.Once
	built     string
	errBuild  error
)

// TestMain removes the binary that the tests share.
func TestMain(m *testing.M) {
	code := m.Run()
	if built != "" {
		_ = os.RemoveAll(filepath.Dir(built))
	}
	os.Exit(code)
}

// binary is a logspout with the standard set, kafka and stdin, made by the builder as a user would make it.
func binary(t *testing.T) string {
	t.Helper()
	buildOnce.Do(func() {
		dir, err := os.MkdirTemp("", "logspout-e2e-") //nolint:usetesting // outlives the test that happens to be first
		if err != nil {
			errBuild = err
			return
		}
		built = filepath.Join(dir, "logspout")
		builder := filepath.Join(dir, "logspout-builder")
		if out, err := exec.Command("go", "build", "-o", builder, "../../cmd/logspout-builder").CombinedOutput(); err != nil {
			errBuild = fmt.Errorf("build the builder: %w\n%s", err, out)
			return
		}
		cmd := exec.Command(builder, "build", "--with", "kafka", "--with", "stdin", "-o", built)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			errBuild = fmt.Errorf("build logspout: %w\n%s", err, out)
		}
	})
	if errBuild != nil {
		t.Fatal(errBuild)
	}
	return built
}

// forwarder is a running logspout.
type forwarder struct {
	t    *testing.T
	cmd  *exec.Cmd
	log  *logBuffer
	URL  string // of its HTTP server
	done chan error
}

// start starts a logspout with these routes, and environment over a few defaults. It ends with the test.
func start(t *testing.T, env map[string]string, routes ...string) *forwarder {
	t.Helper()
	f := &forwarder{t: t, cmd: exec.Command(binary(t), routes...), log: &logBuffer{}, done: make(chan error, 1)}
	settings := map[string]string{
		"PATH": os.Getenv("PATH"), "PORT": "0", "HTTP_BIND_ADDRESS": "127.0.0.1", "LOG_ROUTERS": "docker",
		"ROUTESPATH": filepath.Join(t.TempDir(), "none"), "DOCKER_HOST": os.Getenv("DOCKER_HOST"),
		// Other packages' tests use the engine at the same time: what their containers print would fill this journal.
		"INCLUDE_LABELS": engine.Label + ":" + strconv.Itoa(os.Getpid()),
	}
	maps.Copy(settings, env)
	for k, v := range settings {
		f.cmd.Env = append(f.cmd.Env, k+"="+v)
	}
	f.cmd.Stderr = f.log
	if err := f.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { f.done <- f.cmd.Wait() }()
	t.Cleanup(func() {
		f.kill()
		if t.Failed() {
			t.Logf("the forwarder's log:\n%s", f.log)
		}
	})
	address := regexp.MustCompile(`msg="http listening".* address=(\S+)`)
	wait(t, 20*time.Second, "the forwarder to listen", func() bool {
		if m := address.FindStringSubmatch(f.log.String()); m != nil {
			f.URL = "http://" + m[1]
		}
		return f.URL != ""
	})
	wait(t, 20*time.Second, "the forwarder to be healthy", func() bool {
		code, _ := f.get("/health", "")
		return code == http.StatusOK
	})
	return f
}

// stop ends the forwarder by SIGTERM and waits for it.
func (f *forwarder) stop() {
	f.t.Helper()
	_ = f.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-f.done:
		f.done <- err
		if err != nil {
			f.t.Errorf("the forwarder ended with %v\n%s", err, f.log)
		}
	case <-time.After(20 * time.Second):
		f.t.Fatalf("the forwarder does not stop\n%s", f.log)
	}
}

// kill ends the forwarder as kill -9 does.
func (f *forwarder) kill() {
	_ = f.cmd.Process.Kill()
	f.done <- <-f.done
}

// alive fails the test when the forwarder has ended.
func (f *forwarder) alive() {
	f.t.Helper()
	select {
	case err := <-f.done:
		f.done <- err
		f.t.Fatalf("the forwarder ended: %v\n%s", err, f.log)
	default:
	}
}

// get asks the forwarder's HTTP server.
func (f *forwarder) get(path, token string) (status int, body string) {
	f.t.Helper()
	req, err := http.NewRequestWithContext(f.t.Context(), http.MethodGet, f.URL+path, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	data, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(data)
}

// metric adds up the samples of a metric whose line contains label.
func (f *forwarder) metric(name, label string) (sum float64) {
	f.t.Helper()
	_, body := f.get("/metrics", "")
	for line := range strings.Lines(body) {
		if strings.HasPrefix(line, name) && strings.Contains(line, label) {
			var v float64
			if i := strings.LastIndexByte(strings.TrimSpace(line), ' '); json.Unmarshal([]byte(strings.TrimSpace(line)[i+1:]), &v) == nil {
				sum += v
			}
		}
	}
	return sum
}

// logBuffer keeps what a process writes.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// wait polls until done holds; at the deadline the test fails.
func wait(t *testing.T, within time.Duration, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(within); !done(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %v for %s", within, what)
		}
	}
}
