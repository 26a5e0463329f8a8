package docker_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	"go.uber.org/goleak"

	"github.com/gliderlabs/logspout-builder/core"
	"github.com/gliderlabs/logspout-builder/core/moduletest"
	"github.com/gliderlabs/logspout-builder/modules/routers/docker"
	"github.com/gliderlabs/logspout-builder/test/engine"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// own makes the log router read only the containers of this test process: others use the engine at the same time.
func own(vars core.Vars) core.Vars {
	all := core.Vars{"INCLUDE_LABELS": engine.Label + ":" + strconv.Itoa(os.Getpid()), "DOCKER_HOST": os.Getenv("DOCKER_HOST")}
	maps.Copy(all, vars)
	return all
}

// router is a log router that runs.
type router struct {
	*moduletest.Intake
	stop func() // returns when Run has returned
}

// start runs the log router, and waits until it follows the engine.
func start(t *testing.T, vars core.Vars, positions map[string]string) *router {
	t.Helper()
	in := moduletest.NewIntake(moduletest.NewEnv(t, vars))
	for k, v := range positions {
		in.SetPosition(k, v)
	}
	r := launch(t, in)
	in.WaitFor(t, "the engine", func() bool { return slices.Contains(in.Reported(), nil) })
	return r
}

// launch runs the log router.
func launch(t *testing.T, in *moduletest.Intake) *router {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- docker.New().Run(ctx, in) }()
	stop := sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("Run: %v", err)
			}
		case <-time.After(10 * time.Second):
			t.Error("Run did not return")
		}
		in.Check(t)
	})
	t.Cleanup(stop)
	return &router{in, stop}
}

// wants waits until a container's source has given as many lines as want, a moment longer for more, and compares.
func (r *router) wants(t *testing.T, id, source string, want []string) {
	t.Helper()
	ok := eventually(func() bool { return len(r.Lines(id, source)) >= len(want) })
	got := r.Lines(id, source)
	if !ok || !slices.Equal(got, want) {
		t.Fatalf("%s of %.12s: got %d lines %s, want %d; first difference at %d", source, id, len(got), brief(got), len(want), difference(got, want))
	}
}

func eventually(done func() bool) bool {
	for deadline := time.Now().Add(time.Minute); !done(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			return false
		}
	}
	return true
}

func difference(a, b []string) int {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	return i
}

func brief(lines []string) string {
	if len(lines) > 12 {
		return fmt.Sprintf("%.40q...%.40q", lines[:6], lines[len(lines)-6:])
	}
	return fmt.Sprintf("%.60q", lines)
}

func numbered(prefix string, from, to int) []string {
	var lines []string
	for i := from; i <= to; i++ {
		lines = append(lines, prefix+strconv.Itoa(i))
	}
	return lines
}

func TestContainersThatLiveForMillisecondsAreReadWhole(t *testing.T) {
	e := engine.New(t)
	r := start(t, own(nil), nil)
	const containers = 160
	ids := make([]string, containers)
	for i := range ids {
		last := "three\n"
		if i%2 == 0 {
			last = "three" // Engine 20.10 leaves it out of a log that is followed
		}
		ids[i] = e.Create(t, engine.Container{AutoRemove: true, Cmd: []string{"sh", "-c", "echo one; echo two >&2; printf '" + last + "'"}, Env: []string{"N=" + strconv.Itoa(i)}})
	}
	var wg sync.WaitGroup
	slots := make(chan struct{}, 32)
	for _, id := range ids { // in this order: the log router has had a moment to attach to each, as "docker run" leaves it
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			if _, err := e.ContainerStart(t.Context(), id, client.ContainerStartOptions{}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, id := range ids {
		r.wants(t, id, "stdout", []string{"one", "three"})
		r.wants(t, id, "stderr", []string{"two"})
	}
	t.Logf("%d lines were not in the logs", r.Counted("caught_lines"))
	for i, id := range ids {
		for _, m := range r.Messages() {
			if m.Container.ID == id && m.Container.Getenv("N") != strconv.Itoa(i) {
				t.Fatalf("container %d is known without its environment: %+v", i, m.Container)
			}
		}
	}
	// Each once the engine has removed it, which takes it a while. A busy engine fails to remove some ("directory not empty", as it reads
	// the log at that moment), and keeps them dead until somebody asks again.
	kept := func() []string {
		forgotten := r.Forgotten()
		rest := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return slices.Contains(forgotten, id) })
		for _, id := range rest {
			if in, err := e.ContainerInspect(t.Context(), id, client.ContainerInspectOptions{}); err == nil && in.Container.State.Dead {
				_, _ = e.ContainerRemove(t.Context(), id, client.ContainerRemoveOptions{Force: true})
			}
		}
		return rest
	}
	if !eventually(func() bool { return len(kept()) == 0 }) {
		t.Errorf("positions of removed containers are kept: %.12q; %d silent streams", kept(), r.Counted("silent_streams"))
	}
}

func TestAttachingLeavesStdinAlone(t *testing.T) {
	e := engine.New(t)
	r := start(t, own(nil), nil)
	for _, remove := range []bool{false, true} {
		id := e.Create(t, engine.Container{Stdin: true, AutoRemove: remove, Cmd: []string{"cat"}})
		in, err := e.ContainerAttach(t.Context(), id, client.ContainerAttachOptions{Stream: true, Stdin: true})
		if err != nil {
			t.Fatal(err)
		}
		defer in.Close()
		e.Start(t, id)
		if _, err := in.Conn.Write([]byte("one\n")); err != nil {
			t.Fatal(err)
		}
		r.wants(t, id, "stdout", []string{"one"})
		if _, err := in.Conn.Write([]byte("two")); err != nil {
			t.Fatal(err)
		}
		if err := in.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		r.wants(t, id, "stdout", []string{"one", "two"})
	}
}

func TestLongLinesOnBothStreamsAtOnceStayWhole(t *testing.T) {
	e := engine.New(t)
	r := start(t, own(nil), nil)
	id := e.Run(t, engine.Container{Cmd: []string{"sh", "-c", `
		line() { head -c 40960 /dev/zero | tr '\0' $1; echo $2; }
		out() { for i in $(seq 20); do line o $i; done; }
		err() { for i in $(seq 20); do line e $i; done; }
		out & err >&2 & wait`}})
	var stdout, stderr []string
	for i := 1; i <= 20; i++ {
		stdout = append(stdout, strings.Repeat("o", 40960)+strconv.Itoa(i))
		stderr = append(stderr, strings.Repeat("e", 40960)+strconv.Itoa(i))
	}
	r.wants(t, id, "stdout", stdout)
	r.wants(t, id, "stderr", stderr)
}

func TestLastLineWithoutLineFeedArrives(t *testing.T) {
	e := engine.New(t)
	r := start(t, own(nil), nil)
	id := e.Run(t, engine.Container{Cmd: []string{"sh", "-c", "echo first; printf last; printf error >&2"}})
	r.wants(t, id, "stdout", []string{"first", "last"})
	r.wants(t, id, "stderr", []string{"error"})
	e.WaitExit(t, id)
	e.Start(t, id)
	r.wants(t, id, "stdout", []string{"first", "last", "first", "last"})
	r.wants(t, id, "stderr", []string{"error", "error"})
}

func TestTerminalIsReadWhereItIsAllowed(t *testing.T) {
	e := engine.New(t)
	r := start(t, own(core.Vars{"ALLOW_TTY": "true"}), nil)
	refused := start(t, own(nil), nil)
	tty := engine.Container{Tty: true, Cmd: []string{"sh", "-c", "echo one; echo two; head -c 40000 /dev/zero | tr '\\0' x; echo; printf '# '"}}
	id := e.Run(t, tty)
	e.WaitExit(t, id)
	e.Start(t, id)
	other := e.Run(t, engine.Container{Cmd: []string{"echo", "other"}})
	want := []string{"one", "two", strings.Repeat("x", 40000), "# "}
	r.wants(t, id, "stdout", append(want, want...))
	refused.wants(t, other, "stdout", []string{"other"})
	if got := refused.Lines(id, ""); len(got) > 0 {
		t.Errorf("a terminal was read without ALLOW_TTY: %s", brief(got))
	}
}

func TestRenameHoldsForTheLinesAfterIt(t *testing.T) {
	e := engine.New(t)
	r := start(t, own(nil), nil)
	id := e.Run(t, engine.Container{Cmd: []string{"sh", "-c", "echo before; while true; do echo tick; usleep 20000; done"}})
	r.wants(t, id, "stdout", r.await(t, id, "before"))
	name := "logspout-test-renamed-" + id[:12]
	if _, err := e.ContainerRename(t.Context(), id, client.ContainerRenameOptions{NewName: name}); err != nil {
		t.Fatal(err)
	}
	r.WaitFor(t, "a line with the new name", func() bool {
		m := r.Messages()
		return m[len(m)-1].Container.Name == "/"+name
	})
	if m := r.Messages()[0]; m.Data != "before" || m.Container.Name == "/"+name || m.Container.Config.Labels[engine.Label] == "" {
		t.Errorf("first message is %q of %+v", m.Data, m.Container)
	}
}

// await waits for a line and returns all lines of its container so far.
func (r *router) await(t *testing.T, id, line string) []string {
	t.Helper()
	r.WaitFor(t, line, func() bool { return slices.Contains(r.Lines(id, ""), line) })
	return r.Lines(id, "stdout")
}

func TestRestartedContainerRepeatsNothing(t *testing.T) {
	e := engine.New(t)
	r := start(t, own(nil), nil)
	id := e.Create(t, engine.Container{Cmd: []string{"sh", "-c", "seq 6; printf end"}})
	var want []string
	for range 15 {
		e.Start(t, id)
		e.WaitExit(t, id)
		want = append(append(want, numbered("", 1, 6)...), "end")
	}
	r.wants(t, id, "stdout", want)
}

func TestContainersThatAlreadyRunBeginAsAsked(t *testing.T) {
	e := engine.New(t)
	id := e.Run(t, engine.Container{Cmd: []string{"sh", "-c", "seq 10; while [ ! -e /tmp/go ]; do usleep 10000; done; echo new; sleep 1000"}})
	eventually(func() bool { return logged(t, e, id) >= 10 })
	now := start(t, own(nil), nil)
	backlog := start(t, own(core.Vars{"BACKLOG": "true"}), nil)
	tail := start(t, own(core.Vars{"TAIL": "3"}), nil)
	exec, err := e.ExecCreate(t.Context(), id, client.ExecCreateOptions{Cmd: []string{"sh", "-c", ": >/tmp/go"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.ExecStart(t.Context(), exec.ID, client.ExecStartOptions{Detach: true}); err != nil {
		t.Fatal(err)
	}
	for what, row := range map[string]struct {
		router *router
		want   []string
	}{
		"default": {now, []string{"new"}}, "BACKLOG": {backlog, append(numbered("", 1, 10), "new")}, "TAIL": {tail, append(numbered("", 8, 10), "new")},
	} {
		row.router.wants(t, id, "stdout", row.want)
		// The beginning is known before the first line: a crash before any line was delivered does not lose it.
		i := slices.IndexFunc(row.router.Appends(), func(a moduletest.Append) bool { return a.At.Key == id })
		first := row.router.Appends()[i]
		if len(first.Batch) > 0 {
			t.Errorf("%s: the first position comes with %d lines, want one of the beginning, without", what, len(first.Batch))
		}
		again := start(t, own(nil), map[string]string{id: first.At.Value})
		again.wants(t, id, "stdout", row.want)
	}
}

// logged counts the lines that the engine has.
func logged(t *testing.T, e *engine.Engine, id string) int {
	t.Helper()
	body, err := e.ContainerLogs(t.Context(), id, client.ContainerLogsOptions{ShowStdout: true})
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	var n int
	buf := make([]byte, 4096)
	for {
		k, err := body.Read(buf)
		n += strings.Count(string(buf[:k]), "\n")
		if err != nil {
			return n
		}
	}
}

func TestForwarderRestartLosesNothingAndRepeatsNothing(t *testing.T) {
	e := engine.New(t)
	const lines = 4000
	r := start(t, own(nil), nil)
	id := e.Run(t, engine.Container{Cmd: []string{"sh", "-c", fmt.Sprintf("for i in $(seq %d); do echo o$i; echo e$i >&2; done", lines)}})
	ended := e.Run(t, engine.Container{Cmd: []string{"sh", "-c", "echo early"}})
	r.wants(t, ended, "stdout", []string{"early"})
	var stdout, stderr []string
	positions := map[string]string{}
	var late string
	for round := 0; len(stdout) < lines || len(stderr) < lines; round++ {
		if round > 0 {
			r = start(t, own(nil), positions)
		}
		if round == 1 {
			if got := r.await(t, late, "missed"); len(got) != 1 {
				t.Errorf("a container that started while nobody looked: %q", got)
			}
		}
		eventually(func() bool {
			return len(stdout)+len(r.Lines(id, "stdout")) >= min(lines, 500*(round+1)) && len(stderr)+len(r.Lines(id, "stderr")) >= min(lines, 500*(round+1))
		})
		r.stop()
		stdout, stderr = append(stdout, r.Lines(id, "stdout")...), append(stderr, r.Lines(id, "stderr")...)
		positions = r.Positions()
		if round == 0 {
			late = e.Run(t, engine.Container{Cmd: []string{"echo", "missed"}})
			e.WaitExit(t, late)
		}
		if round > 0 && len(r.Lines(ended, "")) > 0 {
			t.Errorf("a container that had been read came again: %q", r.Lines(ended, ""))
		}
		if round > 20 {
			break
		}
	}
	if want := numbered("o", 1, lines); !slices.Equal(stdout, want) {
		t.Errorf("stdout: got %d lines %s, first difference at %d", len(stdout), brief(stdout), difference(stdout, want))
	}
	if want := numbered("e", 1, lines); !slices.Equal(stderr, want) {
		t.Errorf("stderr: got %d lines %s, first difference at %d", len(stderr), brief(stderr), difference(stderr, want))
	}
}

func TestRotationUnderLoadLosesNothingAndRepeatsNothing(t *testing.T) {
	e := engine.New(t)
	r := start(t, own(nil), nil)
	const lines = 30000
	id := e.Run(t, engine.Container{
		// Bursts with pauses: a steady rate that the engine's own reader keeps up with.
		Cmd:       []string{"sh", "-c", fmt.Sprintf("i=0; while [ $i -lt %d ]; do seq $((i+1)) $((i+500)); i=$((i+500)); usleep 50000; done", lines)},
		LogConfig: container.LogConfig{Type: "json-file", Config: map[string]string{"max-size": "600k", "max-file": "3"}},
	})
	r.wants(t, id, "stdout", numbered("", 1, lines))
	t.Logf("%d repeated messages dropped", r.Counted("repeated_lines"))
}

func TestIgnoredContainersAreNotRead(t *testing.T) {
	e := engine.New(t)
	vars := own(core.Vars{"EXCLUDE_LABELS": "quiet;level:Debug"})
	r := start(t, vars, nil)
	say := []string{"echo", "said"}
	var ids []string
	for _, c := range []engine.Container{
		{Cmd: say, Env: []string{"LOGSPOUT=ignore"}},
		{Cmd: say, Labels: map[string]string{"quiet": "TRUE"}},
		{Cmd: say, Labels: map[string]string{"level": "debug"}},
		{Cmd: say, Labels: map[string]string{"quiet": "false", "level": "info"}}, // read
	} {
		ids = append(ids, e.Run(t, c))
	}
	r.wants(t, ids[3], "stdout", []string{"said"})
	for i, id := range ids[:3] {
		e.WaitExit(t, id)
		if got := r.Lines(id, ""); len(got) > 0 {
			t.Errorf("container %d was read: %q", i, got)
		}
	}
}
