package docker_test

import (
	"encoding/binary"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gliderlabs/logspout-builder/core"
)

func (f *fakeEngine) serveAttach(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	c := f.containers[r.PathValue("id")]
	status := http.StatusNotFound
	if c != nil {
		status = c.attachStatus
	}
	f.mu.Unlock()
	if c != nil {
		f.update(func() { c.attached++ })
	}
	if status != 0 {
		answer(w, status, map[string]any{"message": "not to be attached to"})
		return
	}
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		_, _ = io.Copy(io.Discard, conn)
	}()
	defer func() {
		_ = conn.Close()
		<-closed
	}()
	_, _ = io.WriteString(conn, "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
	for next := 0; ; {
		f.mu.Lock()
		printed, ended, changed := c.printed[next:], c.ended, f.changed
		next = len(c.printed)
		f.mu.Unlock()
		_, _ = conn.Write(printed)
		if ended {
			return
		}
		select {
		case <-changed:
		case <-closed:
			f.update(func() { c.detached++ })
			return
		}
	}
}

// out is what a container writes to stdout at once, err what it writes to stderr, as who has attached gets them.
func out(text string) []byte { return framed(1, text) }
func err(text string) []byte { return framed(2, text) }

func framed(stream byte, text string) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{stream, 0, 0, 0}, uint32(len(text))), text...)
}

// create makes a container that does not run, and waits until it is attached to; when it is to be.
func (f *fakeEngine) create(t *testing.T, id string, c *fakeContainer, attached bool) {
	t.Helper()
	c.listed = true
	f.update(func() { f.containers[id] = c })
	f.event("create", id)
	if attached && !eventually(func() bool { return f.count(&c.attached) > 0 }) {
		t.Fatal("the new container is not attached to")
	}
}

func (f *fakeEngine) count(n *int) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return *n
}

// live starts a container that was created, and ends it once it has printed.
func (f *fakeEngine) live(id string, c *fakeContainer, printed ...[]byte) {
	f.update(func() {
		c.running = true
		c.printed = append(c.printed, slices.Concat(printed...)...)
	})
	f.event("start", id)
	f.update(func() { c.running, c.ended = false, true })
	f.event("die", id)
}

// Answers to a request for the log of a container that removes itself.
func logNotFound(w http.ResponseWriter, _ int) bool {
	answer(w, http.StatusNotFound, map[string]any{"message": "No such container"})
	return true
}

func logNoSuchFile(w http.ResponseWriter, request int) bool {
	if request > 1 {
		return logNotFound(w, request)
	}
	answer(w, http.StatusInternalServerError, map[string]any{"message": "open a-json.log: no such file or directory"})
	return true
}

// logThenError gives so many lines, then the engine's word that the file is not there.
func logThenError(records ...record) func(http.ResponseWriter, int) bool {
	return func(w http.ResponseWriter, request int) bool {
		if request > 1 {
			return logNotFound(w, request)
		}
		for _, rec := range records {
			writeRecord(w, rec)
		}
		_, _ = w.Write(framed(3, "Error grabbing logs: open a-json.log: no such file or directory"))
		return true
	}
}

func TestWhatTheLogOfARemovedContainerDidNotGiveIsCaught(t *testing.T) {
	five := records(1, 5)
	five[3].stream = 2
	all := [][]byte{out("1\n2\n"), out("3\n"), err("4\n"), out("5\n")}
	odd := []string{"1", "2", "3", "5"}
	long := strings.Repeat("x", 20000)
	for name, c := range map[string]struct {
		serve          func(http.ResponseWriter, int) bool
		records        []record // of the log, where serve lets it
		printed        [][]byte
		stdout, stderr []string
		caught         uint64
	}{
		"the log is gone":        {serve: logNotFound, printed: all, stdout: odd, stderr: []string{"4"}, caught: 5},
		"the log's file is gone": {serve: logNoSuchFile, printed: all, stdout: odd, stderr: []string{"4"}, caught: 5},
		"the log gives an error": {serve: logThenError(), printed: all, stdout: odd, stderr: []string{"4"}, caught: 5},
		"the log gives all":      {records: five, printed: all, stdout: odd, stderr: []string{"4"}},
		"the log gives the first lines": {
			serve: logThenError(five[:2]...), printed: all,
			stdout: odd, stderr: []string{"4"}, caught: 3,
		},
		"the log gives one stream": {
			serve: logThenError(five[3]), printed: all,
			stdout: odd, stderr: []string{"4"}, caught: 4,
		},
		"a last line without its end": {
			serve: logThenError(five[0]), printed: [][]byte{out("1\n"), err("oh"), out("prom"), out("pt")},
			stdout: []string{"1", "prompt"}, stderr: []string{"oh"}, caught: 2,
		},
		"a last line without its end that the log gives": {
			records: []record{five[0], {1, five[1].nanos, "prompt"}}, printed: [][]byte{out("1\n"), out("prompt")},
			stdout: []string{"1", "prompt"},
		},
		"the log gives the first part of a long line": {
			serve: logThenError(five[0], record{1, five[1].nanos, long[:16384]}), printed: [][]byte{out("1\n" + long[:10000]), out(long[10000:] + "\n")},
			stdout: []string{"1", long}, caught: 1,
		},
		"bytes that json-file replaces": {
			serve: logThenError(record{1, five[0].nanos, "\ufffd\ufffda\n"}), printed: [][]byte{out("\xff\xfea\n"), out("b\n")},
			stdout: []string{"\ufffd\ufffda", "b"}, caught: 1,
		},
		"the same line again and again": {
			serve: logThenError(record{1, five[0].nanos, "x\n"}, record{1, five[1].nanos, "x\n"}), printed: [][]byte{out("x\nx\nx\nx\n")},
			stdout: []string{"x", "x", "x", "x"}, caught: 2,
		},
		"attached to after its first lines, which the log gave": {
			serve: logThenError(five[0], five[1]), printed: [][]byte{out("3\n"), err("4\n"), out("5\n")},
			stdout: []string{"1", "2"}, stderr: []string{"4"}, caught: 1,
		},
		"attached to late, and the log gives all": {records: five, printed: all[2:], stdout: odd, stderr: []string{"4"}},
		"it prints nothing":                       {serve: logNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeEngine(t)
			r := start(t, f.vars(nil), nil)
			a := &fakeContainer{autoRemove: true, serve: c.serve, records: c.records}
			f.create(t, "a", a, true)
			f.live("a", a, c.printed...)
			r.wants(t, "a", "stdout", c.stdout)
			r.wants(t, "a", "stderr", c.stderr)
			f.update(func() { delete(f.containers, "a") })
			f.event("destroy", "a")
			r.WaitFor(t, "the position to be forgotten", func() bool { return slices.Contains(r.Forgotten(), "a") })
			r.stop()
			r.wants(t, "a", "stdout", c.stdout)
			r.wants(t, "a", "stderr", c.stderr)
			if n := r.Counted("caught_lines"); n != c.caught {
				t.Errorf("%d lines counted as caught, want %d", n, c.caught)
			}
			last := map[string]int64{}
			for _, m := range r.Messages() {
				if m.Time.UnixNano() < last[m.Source] {
					t.Errorf("%s %.20q is older than the line before", m.Source, m.Data)
				}
				last[m.Source] = m.Time.UnixNano()
			}
		})
	}
}

func TestWhatATerminalPrintsIsCaughtWhereItIsAllowed(t *testing.T) {
	f := newFakeEngine(t)
	allowed, other := start(t, f.vars(core.Vars{"ALLOW_TTY": "true"}), nil), start(t, f.vars(nil), nil)
	c := &fakeContainer{autoRemove: true, tty: true, serve: logNotFound}
	f.create(t, "a", c, true)
	f.live("a", c, []byte("one\r\ntwo\r"), []byte("\n# "))
	allowed.wants(t, "a", "stdout", []string{"one", "two", "# "})
	b := &fakeContainer{records: records(1, 1)}
	f.run("b", b)
	other.wants(t, "b", "stdout", []string{"1"})
	other.stop()
	if got := other.Lines("a", ""); len(got) > 0 {
		t.Errorf("a terminal was read without ALLOW_TTY: %q", got)
	}
}

func TestContainersThatNeedNoNetAreLeftAlone(t *testing.T) {
	for name, c := range map[string]*fakeContainer{
		"it stays when it is over": {},
		"it keeps no log":          {autoRemove: true, logDriver: "none"},
		"it has a terminal":        {autoRemove: true, tty: true},
		"it prints too much":       {autoRemove: true, printed: out(strings.Repeat("0123456789abcde\n", 8<<10))},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeEngine(t)
			r := start(t, f.vars(nil), nil)
			c.describe = make(chan struct{})
			f.create(t, "a", c, true)
			close(c.describe)
			if !eventually(func() bool { return f.count(&c.detached) == 1 }) {
				t.Fatal("it is still attached to")
			}
			c.serve = logNotFound
			f.live("a", c, out("not to be caught\n"))
			f.update(func() { delete(f.containers, "a") })
			f.event("destroy", "a")
			r.WaitFor(t, "the position to be forgotten", func() bool { return slices.Contains(r.Forgotten(), "a") })
			if got := r.Lines("a", ""); len(got) > 0 || r.Counted("caught_lines") > 0 {
				t.Errorf("got %s", brief(got))
			}
		})
	}
}

func TestContainersThatAreNotReadAreNotAttachedTo(t *testing.T) {
	for name, vars := range map[string]core.Vars{"switched off": {"ATTACH_NEW": "false"}, "excluded": {"EXCLUDE_LABELS": "team:blue"}} {
		t.Run(name, func(t *testing.T) {
			f := newFakeEngine(t)
			r := start(t, f.vars(vars), nil)
			c := &fakeContainer{autoRemove: true, records: records(1, 2)}
			f.create(t, "a", c, false)
			f.live("a", c)
			f.update(func() { delete(f.containers, "a") })
			f.event("destroy", "a")
			r.WaitFor(t, "the end of the container", func() bool { return slices.Contains(r.Forgotten(), "a") })
			r.stop()
			if n := f.count(&c.attached); n > 0 {
				t.Errorf("attached to %d times", n)
			}
		})
	}
}

func TestAProxyThatForbidsToAttachIsNotAskedForEver(t *testing.T) {
	f := newFakeEngine(t)
	r := start(t, f.vars(nil), nil)
	asked := func(i int) bool {
		id := "c" + strconv.Itoa(i)
		c := &fakeContainer{autoRemove: true, records: records(1, 2), attachStatus: http.StatusForbidden}
		f.create(t, id, c, i == 0)
		f.live(id, c)
		r.wants(t, id, "stdout", []string{"1", "2"})
		return f.count(&c.attached) > 0
	}
	for i := 0; asked(i); i++ { // the answer to the first may still be on its way
		if i == 20 {
			t.Fatal("it is asked again and again")
		}
	}
}

func TestAContainerThatCannotBeAttachedToIsReadFromItsLog(t *testing.T) {
	f := newFakeEngine(t)
	r := start(t, f.vars(nil), nil)
	for i, status := range []int{http.StatusNotFound, http.StatusConflict, http.StatusInternalServerError} {
		id := "c" + strconv.Itoa(i)
		c := &fakeContainer{autoRemove: true, records: records(1, 2), attachStatus: status}
		f.create(t, id, c, true) // which shows that the answer before was not taken for all
		f.live(id, c)
		r.wants(t, id, "stdout", []string{"1", "2"})
	}
}

func TestARestartOfACaughtContainerRepeatsNothing(t *testing.T) {
	f := newFakeEngine(t)
	r := start(t, f.vars(nil), nil)
	c := &fakeContainer{autoRemove: true}
	f.create(t, "a", c, true)
	says := func(records ...record) {
		for _, rec := range records {
			f.update(func() { c.printed = append(c.printed, out(rec.text)...) })
		}
		f.write(c, records...)
	}
	says(records(1, 3)...)
	f.live("a", c)
	r.wants(t, "a", "stdout", numbered("", 1, 3))
	says(records(4, 6)...)
	f.live("a", c)
	r.wants(t, "a", "stdout", numbered("", 1, 6))
	f.update(func() { delete(f.containers, "a") })
	f.event("destroy", "a")
	r.WaitFor(t, "the position to be forgotten", func() bool { return slices.Contains(r.Forgotten(), "a") })
	r.wants(t, "a", "stdout", numbered("", 1, 6))
}

func TestAttachedContainersDoNotHoldUpTheStop(t *testing.T) {
	f := newFakeEngine(t)
	r := start(t, f.vars(nil), nil)
	c := &fakeContainer{autoRemove: true}
	f.create(t, "a", c, true)
	r.stop()
	if !eventually(func() bool { return f.count(&c.detached) == 1 }) {
		t.Error("the connection is still open")
	}
}
