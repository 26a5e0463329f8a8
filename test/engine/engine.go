// Package engine runs test containers on a real Docker Engine. No image registry is needed: the image is a static busybox.
package engine

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
)

// Label is on every test container, with the process that made it as its value.
const Label = "logspout-test"

// Engine is the local engine and an image with busybox in it.
type Engine struct {
	*client.Client
	Image string
	owner string
}

// Container is what to run.
type Container struct {
	Name       string   // "" is a name made by the engine
	Cmd        []string // of busybox: {"sh", "-c", "echo hello"}
	Env        []string
	Labels     map[string]string
	Tty        bool
	Stdin      bool // open until who attaches to it closes it, as with "docker run -i"
	AutoRemove bool
	LogConfig  container.LogConfig // the zero value is json-file with the engine's defaults
}

var (
	imageLock  sync.Mutex   //nolint:gochecknoglobals // one image for all tests of a process
	imageUsers int          //nolint:gochecknoglobals // likewise
	containers atomic.Int64 //nolint:gochecknoglobals // makes names differ
)

// New gives the local engine. Where none answers, or there is no static busybox, the test is skipped, or fails when CI is set.
func New(tb testing.TB) *Engine {
	tb.Helper()
	cli, err := client.New(client.FromEnv)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = cli.Close() })
	if _, err := cli.Ping(tb.Context(), client.PingOptions{}); err != nil {
		unavailable(tb, "no Docker Engine answers: %v", err)
	}
	busybox, err := os.ReadFile("/bin/busybox")
	if err != nil || bytes.Contains(busybox, []byte("/ld-linux")) {
		unavailable(tb, "/bin/busybox is no static busybox (Debian: busybox-static)")
	}
	e := &Engine{Client: cli, Image: fmt.Sprintf("logspout-test:%d", os.Getpid()), owner: strconv.Itoa(os.Getpid())}
	e.importImage(tb, busybox)
	return e
}

func unavailable(tb testing.TB, format string, args ...any) {
	tb.Helper()
	if os.Getenv("CI") != "" {
		tb.Fatalf(format, args...)
	}
	tb.Skipf(format, args...)
}

// importImage makes the image once a process, and removes it when the last test that uses it ends.
func (e *Engine) importImage(tb testing.TB, busybox []byte) {
	tb.Helper()
	imageLock.Lock()
	defer imageLock.Unlock()
	if imageUsers == 0 {
		var layer bytes.Buffer
		w := tar.NewWriter(&layer)
		for _, dir := range []string{"bin/", "tmp/"} {
			_ = w.WriteHeader(&tar.Header{Name: dir, Mode: 0o777, Typeflag: tar.TypeDir})
		}
		_ = w.WriteHeader(&tar.Header{Name: "bin/busybox", Mode: 0o755, Size: int64(len(busybox)), Typeflag: tar.TypeReg})
		_, _ = w.Write(busybox)
		for _, name := range []string{"sh", "sleep", "echo", "seq", "cat", "head", "tr", "printf", "kill", "usleep", "date", "yes"} {
			_ = w.WriteHeader(&tar.Header{Name: "bin/" + name, Linkname: "busybox", Mode: 0o777, Typeflag: tar.TypeSymlink})
		}
		if err := w.Close(); err != nil {
			tb.Fatal(err)
		}
		r, err := e.ImageImport(tb.Context(), client.ImageImportSource{Source: &layer, SourceName: "-"}, e.Image, client.ImageImportOptions{})
		if err != nil {
			tb.Fatalf("import image: %v", err)
		}
		_, err = io.Copy(io.Discard, r)
		_ = r.Close()
		if err != nil {
			tb.Fatalf("import image: %v", err)
		}
	}
	imageUsers++
	tb.Cleanup(func() {
		imageLock.Lock()
		defer imageLock.Unlock()
		if imageUsers--; imageUsers == 0 {
			ctx, cancel := cleanupContext()
			defer cancel()
			if _, err := e.ImageRemove(ctx, e.Image, client.ImageRemoveOptions{Force: true}); err != nil && !errdefs.IsNotFound(err) {
				tb.Errorf("remove image: %v", err)
			}
		}
	})
}

// Create makes a container that is removed at the end of the test, and returns its id.
func (e *Engine) Create(tb testing.TB, c Container) string {
	tb.Helper()
	if c.Name == "" {
		c.Name = fmt.Sprintf("logspout-test-%s-%d", e.owner, containers.Add(1))
	}
	labels := map[string]string{Label: e.owner}
	maps.Copy(labels, c.Labels)
	if c.LogConfig.Type == "" {
		c.LogConfig.Type = "json-file"
	}
	made, err := e.ContainerCreate(tb.Context(), client.ContainerCreateOptions{
		Name:       c.Name,
		Config:     &container.Config{Image: e.Image, Cmd: c.Cmd, Env: c.Env, Labels: labels, Tty: c.Tty, OpenStdin: c.Stdin, StdinOnce: c.Stdin, AttachStdin: c.Stdin},
		HostConfig: &container.HostConfig{AutoRemove: c.AutoRemove, LogConfig: c.LogConfig, NetworkMode: "none"},
	})
	if err != nil {
		tb.Fatalf("create container %s: %v", c.Name, err)
	}
	tb.Cleanup(func() {
		ctx, cancel := cleanupContext()
		defer cancel()
		if _, err := e.ContainerRemove(ctx, made.ID, client.ContainerRemoveOptions{Force: true}); err != nil &&
			!errdefs.IsNotFound(err) && !strings.Contains(err.Error(), "already in progress") {
			tb.Errorf("remove container %s: %v", c.Name, err)
		}
	})
	return made.ID
}

// Run makes and starts a container, and returns its id.
func (e *Engine) Run(tb testing.TB, c Container) string {
	tb.Helper()
	id := e.Create(tb, c)
	e.Start(tb, id)
	return id
}

// Start starts a container that does not run.
func (e *Engine) Start(tb testing.TB, id string) {
	tb.Helper()
	if _, err := e.ContainerStart(tb.Context(), id, client.ContainerStartOptions{}); err != nil {
		tb.Fatalf("start container: %v", err)
	}
}

// WaitExit waits until the container does not run and returns its exit code.
func (e *Engine) WaitExit(tb testing.TB, id string) int {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), time.Minute)
	defer cancel()
	w := e.ContainerWait(ctx, id, client.ContainerWaitOptions{Condition: container.WaitConditionNotRunning})
	select {
	case r := <-w.Result:
		return int(r.StatusCode)
	case err := <-w.Error:
		tb.Fatalf("wait for container: %v", err)
		return -1
	}
}

// cleanupContext outlives the test, whose own context has ended when its clean-up runs.
func cleanupContext() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), 30*time.Second)
}
