package main

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
)

// source is where the lines come from.
type source struct {
	env   []string  // of the forwarder
	stdin io.Reader // of the forwarder; nil with an engine
	want  []line
	begin func(context.Context) error // called once the forwarder runs
	close func(context.Context) error
}

// printer is the program that the containers run, by import path.
const printer = "github.com/gliderlabs/logspout-builder/examples/kafka/demo/printer"

// label is on all that the demo makes in the engine; its value tells demos that run at the same time apart.
const label = "logspout-demo"

// newSource chooses between containers and standard input.
func newSource(ctx context.Context, o options, dir string, step func(string, ...any)) (*source, error) {
	switch o.intake {
	case "stdin":
		return newStdin(o.lines), nil
	case "auto", "docker":
	default:
		return nil, fmt.Errorf("-intake %q: want auto, docker or stdin", o.intake)
	}
	s, err := newContainers(ctx, o.lines, dir)
	switch {
	case err == nil:
		step("three containers of the local engine, %d lines each", o.lines)
		return s, nil
	case o.intake == "docker" || ctx.Err() != nil:
		return nil, err
	}
	step("no containers (%v): standard input instead", err)
	return newStdin(o.lines), nil
}

func newStdin(lines int) *source {
	s := &source{
		env:   []string{"LOG_ROUTERS=stdin"},
		begin: func(context.Context) error { return nil },
		close: func(context.Context) error { return nil },
	}
	var input strings.Builder
	for i := range 3 * lines {
		text := fmt.Sprintf("line %d of %d from standard input", i+1, 3*lines)
		input.WriteString(text + "\n")
		s.want = append(s.want, line{"stdin", "stdin", text})
	}
	s.stdin = strings.NewReader(input.String())
	return s
}

// engine is the local Docker Engine and what the demo has made in it.
type engine struct {
	*client.Client
	id         string
	image      string
	containers []string
}

// newContainers makes an image and three containers of it, which begin starts.
func newContainers(ctx context.Context, lines int, dir string) (_ *source, err error) {
	cli, err := client.New(client.FromEnv)
	if err != nil {
		return nil, err
	}
	e := &engine{Client: cli, id: strconv.Itoa(os.Getpid())}
	defer func() {
		if err != nil {
			err = errors.Join(err, e.remove(context.WithoutCancel(ctx)))
		}
	}()
	pinging, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if _, err := e.Ping(pinging, client.PingOptions{NegotiateAPIVersion: true}); err != nil {
		return nil, fmt.Errorf("no engine answers: %w", err)
	}
	if err := e.makeImage(ctx, dir); err != nil {
		return nil, err
	}
	s := &source{
		env:   append(inherited("DOCKER_HOST", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "HOME"), "LOG_ROUTERS=docker", "INCLUDE_LABELS="+label+":"+e.id),
		begin: e.startAll,
		close: e.remove,
	}
	for _, role := range []string{"web", "db", "cron"} {
		name := "logspout-demo-" + e.id + "-" + role
		made, err := e.ContainerCreate(ctx, client.ContainerCreateOptions{
			Name:       name,
			Config:     &container.Config{Image: e.image, Cmd: []string{"/printer", role, strconv.Itoa(lines)}, Labels: map[string]string{label: e.id}},
			HostConfig: &container.HostConfig{NetworkMode: "none", LogConfig: container.LogConfig{Type: "json-file"}},
		})
		if err != nil {
			return nil, fmt.Errorf("create container %s: %w", name, err)
		}
		e.containers = append(e.containers, made.ID)
		for i := 1; i <= lines; i++ {
			from := "stdout"
			if i%5 == 0 {
				from = "stderr"
			}
			s.want = append(s.want, line{name, from, fmt.Sprintf("line %d of %d from %s", i, lines, role)})
		}
	}
	return s, nil
}

// makeImage imports an image that holds the printer and nothing else: no registry is needed.
func (e *engine) makeImage(ctx context.Context, dir string) error {
	path := filepath.Join(dir, "printer")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", path, printer)        //nolint:forbidigo // this is a main package
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+runtime.GOARCH) //nolint:forbidigo // likewise
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("compile what the containers run: %w: %s", err, bytes.TrimSpace(out))
	}
	program, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	err = errors.Join(
		w.WriteHeader(&tar.Header{Name: "printer", Mode: 0o755, Size: int64(len(program)), Typeflag: tar.TypeReg}),
		func() error { _, err := w.Write(program); return err }(),
		w.Close(),
	)
	if err != nil {
		return fmt.Errorf("pack image: %w", err)
	}
	e.image = "logspout-demo:" + e.id
	progress, err := e.ImageImport(ctx, client.ImageImportSource{Source: &layer, SourceName: "-"}, e.image, client.ImageImportOptions{})
	if err != nil {
		return fmt.Errorf("import image: %w", err)
	}
	_, err = io.Copy(io.Discard, progress)
	return errors.Join(err, progress.Close())
}

func (e *engine) startAll(ctx context.Context) error {
	for _, id := range e.containers {
		if _, err := e.ContainerStart(ctx, id, client.ContainerStartOptions{}); err != nil {
			return fmt.Errorf("start container: %w", err)
		}
	}
	return nil
}

// remove removes all that was made in the engine, and what may have been made by a request that was interrupted.
func (e *engine) remove(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if e.image == "" { // nothing was asked for
		return e.Close()
	}
	var problems []error
	made, err := e.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: make(client.Filters).Add("label", label+"="+e.id)})
	problems = append(problems, err)
	for _, c := range made.Items {
		if _, err := e.ContainerRemove(ctx, c.ID, client.ContainerRemoveOptions{Force: true}); err != nil {
			problems = append(problems, fmt.Errorf("remove container: %w", err))
		}
	}
	if _, err := e.ImageRemove(ctx, e.image, client.ImageRemoveOptions{Force: true}); err != nil && !errdefs.IsNotFound(err) {
		problems = append(problems, fmt.Errorf("remove image: %w", err))
	}
	return errors.Join(append(problems, e.Close())...)
}
