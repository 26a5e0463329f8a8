package docker_test

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gliderlabs/logspout-builder/core"
	"github.com/gliderlabs/logspout-builder/core/moduletest"
)

// fakeEngine speaks as much of the engine's API as the log router uses, and fails as engines do.
type fakeEngine struct {
	*httptest.Server
	version string // of the API

	mu         sync.Mutex
	changed    chan struct{} // closed and made anew at each change
	containers map[string]*fakeContainer
	events     []map[string]any
	down       bool // every request is cut
}

type fakeContainer struct {
	running, listed bool
	inspect         int           // status of an inspection
	started         string        // its newest run
	describe        chan struct{} // when not nil: an inspection is answered once it is closed
	records         []record
	requests        int // for the log
	tty, autoRemove bool
	logDriver       string
	// serve answers a request for the log instead of the engine's own way; false lets it.
	serve func(w http.ResponseWriter, request int) bool

	// What those who attach to it get, see attach_test.go.
	attachStatus       int    // of the answer; 0 lets them
	printed            []byte // as it is sent
	ended              bool
	attached, detached int // how often it was attached to; how often that was given up before the end
}

type record struct {
	stream byte
	nanos  int64
	text   string
}

func newFakeEngine(tb testing.TB) *fakeEngine {
	tb.Helper()
	f := &fakeEngine{version: "1.52", changed: make(chan struct{}), containers: map[string]*fakeContainer{}}
	mux := http.NewServeMux()
	mux.HandleFunc("/_ping", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Api-Version", f.version) })
	mux.HandleFunc("/{v}/info", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]any{"SystemTime": time.Now().Format(time.RFC3339Nano)})
	})
	mux.HandleFunc("/{v}/events", f.serveEvents)
	mux.HandleFunc("/{v}/containers/json", f.serveList)
	mux.HandleFunc("/{v}/containers/{id}/json", f.serveInspect)
	mux.HandleFunc("/{v}/containers/{id}/logs", f.serveLogs)
	mux.HandleFunc("POST /{v}/containers/{id}/attach", f.serveAttach)
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		down := f.down
		f.mu.Unlock()
		if down {
			panic(http.ErrAbortHandler)
		}
		mux.ServeHTTP(w, r)
	}))
	tb.Cleanup(func() {
		f.CloseClientConnections()
		f.Close()
	})
	return f
}

func (f *fakeEngine) vars(vars core.Vars) core.Vars {
	all := core.Vars{"DOCKER_HOST": "tcp://" + f.Listener.Addr().String()}
	maps.Copy(all, vars)
	return all
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// update changes the engine's state.
func (f *fakeEngine) update(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
	close(f.changed)
	f.changed = make(chan struct{})
}

// run starts a container in the way of API 1.52, which tells Action and Actor alone.
func (f *fakeEngine) run(id string, c *fakeContainer) *fakeContainer {
	c.running, c.listed = true, true
	f.update(func() { f.containers[id] = c })
	f.event("start", id)
	return c
}

func (f *fakeEngine) event(action, id string) {
	f.update(func() {
		f.events = append(f.events, map[string]any{
			"Type": "container", "Action": action, "timeNano": time.Now().UnixNano(),
			"Actor": map[string]any{"ID": id, "Attributes": map[string]string{"name": "name-" + id, "image": "img", "team": "blue"}},
		})
	})
}

// end stops a container.
func (f *fakeEngine) end(id string) {
	f.update(func() { f.containers[id].running = false })
	f.event("die", id)
}

func (f *fakeEngine) write(c *fakeContainer, records ...record) {
	f.update(func() { c.records = append(c.records, records...) })
}

func (f *fakeEngine) requests(c *fakeContainer) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return c.requests
}

func (f *fakeEngine) serveEvents(w http.ResponseWriter, r *http.Request) {
	since := nanosOf(r.FormValue("since"))
	for next := 0; ; {
		f.mu.Lock()
		events, changed := f.events[min(next, len(f.events)):], f.changed
		next = len(f.events)
		f.mu.Unlock()
		for _, e := range events {
			if e["timeNano"].(int64) >= since {
				_ = json.NewEncoder(w).Encode(e)
			}
		}
		_ = http.NewResponseController(w).Flush()
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		}
	}
}

func nanosOf(text string) int64 {
	sec, frac, _ := strings.Cut(text, ".")
	s, _ := strconv.ParseInt(sec, 10, 64)
	n, _ := strconv.ParseInt(frac, 10, 64)
	return s*1e9 + n
}

func (f *fakeEngine) serveList(w http.ResponseWriter, _ *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := []map[string]any{}
	for id, c := range f.containers {
		state := "exited"
		if c.running {
			state = "running"
		}
		if c.listed {
			list = append(list, map[string]any{"Id": id, "Names": []string{"/name-" + id}, "Image": "img", "State": state, "Created": 1})
		}
	}
	answer(w, http.StatusOK, list)
}

func (f *fakeEngine) serveInspect(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	f.mu.Lock()
	c := f.containers[id]
	f.mu.Unlock()
	if c != nil && c.describe != nil {
		<-c.describe
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if c == nil || c.inspect != 0 {
		answer(w, http.StatusNotFound, map[string]any{"message": "No such container"})
		return
	}
	answer(w, http.StatusOK, map[string]any{
		"Id": id, "Name": "/name-" + id, "Config": map[string]any{"Image": "img", "Entrypoint": []string{"sh"}, "Tty": c.tty}, "State": map[string]any{"Running": c.running, "Pid": 7, "StartedAt": c.started},
		"HostConfig": map[string]any{"Memory": int64(1) << 40, "AutoRemove": c.autoRemove, "LogConfig": map[string]any{"Type": c.logDriver}},
	})
}

func (f *fakeEngine) serveLogs(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	c := f.containers[r.PathValue("id")]
	if c == nil {
		f.mu.Unlock()
		answer(w, http.StatusNotFound, map[string]any{"message": "No such container"})
		return
	}
	c.requests++
	request, serve := c.requests, c.serve
	f.mu.Unlock()
	if serve != nil && serve(w, request) {
		return
	}
	since, follow := nanosOf(r.FormValue("since")), r.FormValue("follow") == "1"
	_ = http.NewResponseController(w).Flush()
	for next := 0; ; {
		f.mu.Lock()
		records, changed, running := c.records[next:], f.changed, c.running
		next = len(c.records)
		f.mu.Unlock()
		for _, rec := range records {
			if rec.nanos >= since {
				writeRecord(w, rec)
			}
		}
		if !follow || !running {
			return
		}
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		}
	}
}

func writeRecord(w http.ResponseWriter, rec record) {
	text := time.Unix(0, rec.nanos).UTC().Format("2006-01-02T15:04:05.000000000Z07:00") + " " + rec.text
	h := []byte{rec.stream, 0, 0, 0, 0, 0, 0, 0}
	binary.BigEndian.PutUint32(h[4:], uint32(len(text)))
	_, _ = w.Write(append(h, text...))
	_ = http.NewResponseController(w).Flush()
}

// records are numbered lines of stdout, a second apart, from now on.
func records(from, to int) []record {
	var rs []record
	for i := from; i <= to; i++ {
		rs = append(rs, record{1, time.Now().Add(time.Duration(i) * time.Second).UnixNano(), strconv.Itoa(i) + "\n"})
	}
	return rs
}

func TestBrokenStreamIsResumedExactly(t *testing.T) {
	f := newFakeEngine(t)
	r := start(t, f.vars(nil), nil)
	rs := records(1, 50)
	c := &fakeContainer{records: rs}
	c.serve = func(w http.ResponseWriter, request int) bool {
		if request > 6 {
			return false
		}
		// The engine goes away in the middle of a frame. It always begins with the same lines: since is inclusive.
		for _, rec := range rs[max(0, 5*request-9) : 5*request] {
			writeRecord(w, rec)
		}
		_, _ = w.Write([]byte{1, 0, 0, 0, 0, 0, 1, 0, '2'})
		panic(http.ErrAbortHandler)
	}
	f.run("a", c)
	r.wants(t, "a", "stdout", numbered("", 1, 50))
	if r.Counted("stream_errors")+uint64(len(r.Reported())) == 0 {
		t.Error("no stream broke")
	}
}

func TestStreamThatEndsAtOnceIsNotReopenedInAHotLoop(t *testing.T) {
	f := newFakeEngine(t)
	r := start(t, f.vars(nil), nil)
	c := f.run("a", &fakeContainer{
		records: records(1, 3),
		serve:   func(_ http.ResponseWriter, request int) bool { return request < 8 }, // ends, with nothing
	})
	time.Sleep(time.Second)
	if n := f.requests(c); n > 14 {
		t.Errorf("%d requests within a second", n)
	}
	r.wants(t, "a", "stdout", numbered("", 1, 3))
	if r.Counted("streams_ended_early") == 0 {
		t.Error("not counted")
	}
}

func TestLineOfTheNextRunIsNotCutWhereTheLogOfTheFormerIsRead(t *testing.T) {
	f := newFakeEngine(t)
	r := start(t, f.vars(nil), nil)
	rs := records(1, 1)
	at := rs[0].nanos + 1
	c := &fakeContainer{records: rs, started: "1"}
	died := make(chan struct{})
	c.serve = func(w http.ResponseWriter, request int) bool {
		switch request {
		case 1: // the first run, to its end
			writeRecord(w, rs[0])
			<-died
			time.Sleep(200 * time.Millisecond) // the event is on its way
		case 2: // the second has begun, which is not told yet
			f.update(func() {
				c.running, c.started = true, "2"
				c.records = append(c.records, record{1, at, "be"})
			})
			writeRecord(w, rs[0])
			writeRecord(w, record{1, at, "be"})
		default:
			return false
		}
		return true
	}
	f.run("a", c)
	eventually(func() bool { return f.requests(c) == 1 })
	f.end("a")
	close(died)
	eventually(func() bool { return f.requests(c) > 2 })
	f.write(c, record{1, at, "gun\n"})
	f.event("start", "a")
	r.wants(t, "a", "stdout", []string{"1", "begun"})
}

func TestLastLineWithoutLineFeedStaysWhereTheLogGoesMeanwhile(t *testing.T) {
	f := newFakeEngine(t)
	r := start(t, f.vars(nil), nil)
	c := &fakeContainer{records: append(records(1, 1), record{1, time.Now().Add(time.Minute).UnixNano(), "end"})}
	c.serve = func(_ http.ResponseWriter, request int) bool { return request > 2 } // nothing, as where the file is gone
	f.run("a", c)
	eventually(func() bool { return f.requests(c) > 0 })
	f.end("a")
	r.wants(t, "a", "stdout", []string{"1", "end"})
}

func TestSilentStreamIsOpenedAnew(t *testing.T) {
	f := newFakeEngine(t)
	r := start(t, f.vars(core.Vars{"INACTIVITY_TIMEOUT": "100ms"}), nil)
	release := make(chan struct{})
	defer close(release)
	f.run("a", &fakeContainer{
		records: records(1, 3),
		serve: func(w http.ResponseWriter, request int) bool {
			if request == 1 { // a proxy that died
				_ = http.NewResponseController(w).Flush()
				<-release
			}
			return request == 1
		},
	})
	r.wants(t, "a", "stdout", numbered("", 1, 3))
	if r.Counted("silent_streams") == 0 {
		t.Error("not counted")
	}
}

func TestDriverThatCannotBeReadIsAskedOnce(t *testing.T) {
	f := newFakeEngine(t)
	r := start(t, f.vars(nil), nil)
	c := f.run("a", &fakeContainer{serve: func(w http.ResponseWriter, _ int) bool {
		answer(w, http.StatusNotImplemented, map[string]any{"message": "configured logging driver does not support reading"})
		return true
	}})
	r.WaitFor(t, "the count", func() bool { return r.Counted("unreadable_containers") == 1 })
	f.event("start", "a")
	other := &fakeContainer{records: records(1, 1)}
	f.run("b", other)
	r.wants(t, "b", "stdout", []string{"1"})
	if n := f.requests(c); n != 1 {
		t.Errorf("%d requests", n)
	}
}

func TestContainerRemovedBeforeItIsInspectedIsReadWithWhatTheEventTold(t *testing.T) {
	f := newFakeEngine(t)
	r := start(t, f.vars(nil), nil)
	f.run("a", &fakeContainer{records: records(1, 2), inspect: http.StatusNotFound})
	r.wants(t, "a", "stdout", numbered("", 1, 2))
	m := r.Messages()[0]
	if m.Container.Name != "/name-a" || m.Container.Config.Image != "img" || m.Container.Config.Labels["team"] != "blue" {
		t.Errorf("container is %+v", m.Container)
	}
	f.update(func() { f.containers["a"].running, f.containers["a"].listed = false, false })
	f.event("remove", "a") // as Podman says it
	r.WaitFor(t, "the position to be forgotten", func() bool { return slices.Contains(r.Forgotten(), "a") })
}

func TestEngineThatIsDownIsWaitedForAndResumedExactly(t *testing.T) {
	f := newFakeEngine(t)
	f.down = true
	c := &fakeContainer{running: true, listed: true}
	f.containers["a"] = c
	r := launch(t, moduletest.NewIntake(moduletest.NewEnv(t, f.vars(nil))))
	r.WaitFor(t, "a report", func() bool { return len(r.Reported()) > 0 })
	if err := r.Reported()[0]; err == nil || errors.Is(err, http.ErrAbortHandler) {
		t.Errorf("reported %v", err)
	}
	for round := range 4 {
		f.update(func() { f.down = false })
		f.write(c, records(10*round+1, 10*round+5)...)
		r.wants(t, "a", "stdout", numbered("", 1, 10*round+5)[:min(10*round+5, len(c.records))])
		f.update(func() { f.down = true })
		f.CloseClientConnections()
		f.write(c, records(10*round+6, 10*round+10)...)
	}
}

func TestStartAndEndWhileEventsAreLostIsFoundByTheList(t *testing.T) {
	f := newFakeEngine(t)
	r := start(t, f.vars(nil), nil)
	c := f.run("a", &fakeContainer{})
	f.write(c, records(1, 1)...)
	r.wants(t, "a", "stdout", []string{"1"})
	f.end("a")
	// Without an event: it ran again, and another one came and went.
	f.update(func() {
		f.down = true
		f.events = nil
	})
	f.CloseClientConnections()
	f.write(c, records(2, 3)...)
	f.update(func() { f.down = false })
	r.wants(t, "a", "stdout", numbered("", 1, 3))
	if got := fmt.Sprint(r.Lines("", "")); got != "[1 2 3]" {
		t.Errorf("got %s", got)
	}
}

func TestPositionsOfContainersThatWentLongAgoAreForgotten(t *testing.T) {
	f := newFakeEngine(t)
	f.containers["stopped"] = &fakeContainer{listed: true}
	long, now := "1 1000 1000.1 0.0", fmt.Sprintf("1 %d 0.0 0.0", time.Now().UnixNano())
	r := start(t, f.vars(nil), map[string]string{"gone": long, "gone-lately": now, "stopped": long, "damaged": "x"})
	r.WaitFor(t, "positions to be forgotten", func() bool { return len(r.Forgotten()) >= 2 })
	f.run("a", &fakeContainer{records: records(1, 3)})
	r.wants(t, "a", "stdout", numbered("", 1, 3))
	if got := r.Forgotten(); !slices.Equal(got, []string{"damaged", "gone"}) {
		t.Errorf("forgotten: %q", got)
	}
}
