package agent

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gliderlabs/logspout-builder/core"
)

// withRoutes gives the binary a directory of routes.
func (b *binary) withRoutes(t *testing.T) (dir string) {
	t.Helper()
	b.env["ROUTESPATH"] = t.TempDir()
	return b.env["ROUTESPATH"]
}

func TestRouteThatIsAddedDeliversWhatComesFromNowOnAndIsThereAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBinary(t)
		dir := b.withRoutes(t)
		b.sink("first")
		s := b.sink("net")
		feed := b.feed("feed")
		r := b.start(t, "first://x")
		feed <- numbered("", 0, 10)
		synctest.Wait()
		given := &core.Route{Adapter: "net", Address: "x", Password: "hunter22", Options: map[string]string{"a": "b"}}
		added, err := r.table.AddRoute(t.Context(), given)
		if err != nil {
			t.Fatal(err)
		}
		given.Options["a"] = "changed"
		added.Options["a"] = "changed"
		if !core.ValidRouteID(added.ID) || len(r.table.Routes()) != 2 {
			t.Errorf("id %q, routes %v", added.ID, r.table.Routes())
		}
		feed <- numbered("", 10, 20)
		synctest.Wait()
		wantLines(t, s, numbered("", 10, 20))
		if err := r.wait(); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, added.ID+".json")
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("file of the route: %v %v, want mode 0600", info, err)
		}

		feed = b.feed("feed")
		r = b.start(t, "first://x")
		feed <- numbered("", 20, 30)
		synctest.Wait()
		wantLines(t, s, numbered("", 10, 30))
		specs := r.table.Routes()
		if len(specs) != 2 {
			t.Fatalf("routes %v", specs)
		}
		for _, spec := range specs {
			if spec.ID == added.ID && (spec.Password != "hunter22" || spec.Options["a"] != "b") {
				t.Errorf("the route came back as %+v", spec)
			}
		}
		if ok, err := r.table.RemoveRoute(t.Context(), added.ID); !ok || err != nil {
			t.Errorf("remove: %v %v", ok, err)
		}
		if entries, _ := os.ReadDir(dir); len(entries) != 0 {
			t.Errorf("left behind: %v", entries)
		}
		feed <- numbered("", 30, 40)
		synctest.Wait()
		wantLines(t, s, numbered("", 10, 30))
		if ok, err := r.table.RemoveRoute(t.Context(), added.ID); ok || err != nil {
			t.Errorf("removed twice: %v %v", ok, err)
		}
		if err := r.wait(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestRouteThatCannotBeIsRefusedAndLeavesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBinary(t)
		dir := b.withRoutes(t)
		b.sink("net")
		b.adapter("panics", func(core.Env, *core.Route) (core.Adapter, error) { panic("oops") })
		b.feed("feed")
		r := b.start(t, "net://x")
		synctest.Wait()
		taken := r.table.Routes()[0].ID
		for name, route := range map[string]*core.Route{
			"id out of the directory": {ID: "../x", Adapter: "net"},
			"hidden id":               {ID: ".x", Adapter: "net"},
			"id that is taken":        {ID: taken, Adapter: "net"},
			"unknown adapter":         {ID: "x", Adapter: "nett"},
			"malformed scheme":        {ID: "x", Adapter: "net+"},
			"no adapter":              {ID: "x"},
			"malformed filter":        {ID: "x", Adapter: "net", Filter: core.Filter{Name: "["}},
			"bad option":              {ID: "x", Adapter: "net", Options: map[string]string{"full": "perhaps"}},
			"factory that panics":     {ID: "x", Adapter: "panics"},
		} {
			_, err := r.table.AddRoute(t.Context(), route)
			if _, ok := errors.AsType[*core.RouteError](err); !ok {
				t.Errorf("%s: error %v, want a RouteError", name, err)
			}
		}
		if entries, _ := os.ReadDir(dir); len(entries) != 0 || len(r.table.Routes()) != 1 {
			t.Errorf("left behind: %v, %v", entries, r.table.Routes())
		}
		if err := r.wait(); err != nil {
			t.Fatal(err)
		}
		if _, err := r.table.AddRoute(t.Context(), &core.Route{Adapter: "net"}); err == nil {
			t.Error("a route was added after the stop")
		}
	})
}

func TestRouteThatIsStuckCanBeRemoved(t *testing.T) {
	for name, deliver := range map[string]func(ctx context.Context, released <-chan struct{}) error{
		"refuses":              func(context.Context, <-chan struct{}) error { return errDown },
		"hangs":                func(ctx context.Context, _ <-chan struct{}) error { <-ctx.Done(); return ctx.Err() },
		"ignores cancellation": func(_ context.Context, released <-chan struct{}) error { <-released; return nil },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBinary(t)
				released := make(chan struct{})
				s := b.sink("net")
				s.deliver = func(ctx context.Context, _ []core.Message) error { return deliver(ctx, released) }
				feed := b.feed("feed")
				r := b.start(t, "net://x?full=block")
				feed <- numbered("", 0, 10)
				synctest.Wait()
				start := time.Now()
				if ok, err := r.table.RemoveRoute(t.Context(), r.table.Routes()[0].ID); !ok || err != nil {
					t.Errorf("remove: %v %v", ok, err)
				}
				if took := time.Since(start); took > 5*time.Second {
					t.Errorf("it took %s", took)
				}
				if q := r.journal.Status().Lines; q != 0 {
					t.Errorf("the journal still holds %d lines", q)
				}
				close(released)
				if err := r.wait(); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				if s.closed != 1 {
					t.Errorf("the adapter was closed %d times", s.closed)
				}
			})
		})
	}
}

func TestRemovalDoesNotWaitForADestinationThatIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBinary(t)
		s := b.sink("net")
		tried := false
		s.deliver = func(ctx context.Context, _ []core.Message) error {
			if !tried {
				tried = true
				return errDown
			}
			<-ctx.Done() // the second try, which gets no answer
			return ctx.Err()
		}
		feed := b.feed("feed")
		r := b.start(t, "net://x")
		feed <- numbered("", 0, 10)
		time.Sleep(time.Minute)
		synctest.Wait()
		start := time.Now()
		if ok, err := r.table.RemoveRoute(t.Context(), r.table.Routes()[0].ID); !ok || err != nil {
			t.Errorf("remove: %v %v", ok, err)
		}
		if took := time.Since(start); took > 0 {
			t.Errorf("it took %s", took)
		}
		if err := r.wait(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestRemovalLetsTheDeliveryUnderWayEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBinary(t)
		s := b.sink("net")
		s.deliver = func(ctx context.Context, _ []core.Message) error { pause(ctx, time.Second); return ctx.Err() }
		feed := b.feed("feed")
		r := b.start(t, "net://x")
		feed <- numbered("", 0, 10)
		synctest.Wait()
		if ok, err := r.table.RemoveRoute(t.Context(), r.table.Routes()[0].ID); !ok || err != nil {
			t.Errorf("remove: %v %v", ok, err)
		}
		wantLines(t, s, numbered("", 0, 10))
		if err := r.wait(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestBadPersistedRouteIsToldOfByNameAndSkipped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBinary(t)
		dir := b.withRoutes(t)
		s := b.sink("net")
		write := func(name, content string) {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		write("broken.json", "{")
		write("empty.json", "")
		write("unknown.json", `{"adapter":"nett","address":"x"}`)
		write("glob.json", `{"adapter":"net","address":"x","filter_name":"["}`)
		write("bad id.json", `{"adapter":"net","address":"x"}`)
		write("renamed.json", `{"id":"other","filter_sources":["stdout"],"adapter":"net","address":"x","options":null}`)
		write(".route-123", "{")
		write("readme.txt", "not a route")
		if err := os.Mkdir(filepath.Join(dir, "dir.json"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("/dev/zero", filepath.Join(dir, "endless.json")); err != nil {
			t.Fatal(err)
		}
		feed := b.feed("feed")
		r := b.start(t)
		feed <- numbered("", 0, 10)
		synctest.Wait()
		wantLines(t, s, numbered("", 0, 10))
		if specs := r.table.Routes(); len(specs) != 1 || specs[0].ID != "renamed" {
			t.Errorf("routes %v, want the good one under its file's name", specs)
		}
		if err := r.wait(); err != nil {
			t.Fatal(err)
		}
		log := b.stderr.String()
		for _, name := range []string{"broken", "empty", "unknown", "glob", "bad id", "dir", "endless"} {
			if !strings.Contains(log, name) {
				t.Errorf("the log does not name %s", name)
			}
		}
		if n := strings.Count(log, "skipped"); n != 7 {
			t.Errorf("%d routes skipped, want 7", n)
		}
	})
}

func TestPersistedRouteIsReadableAsLogspoutWroteIt(t *testing.T) {
	dir := t.TempDir()
	text := `{"id":"abc","filter_id":"12","filter_name":"*_db","filter_sources":["stdout","stderr"],` +
		`"filter_labels":["app:web*"],"adapter":"syslog+tcp","address":"h:514","options":{"append_tag":".x"}}`
	if err := os.WriteFile(filepath.Join(dir, "abc.json"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	routes, problems := loadRoutes(dir)
	if len(problems) != 0 || len(routes) != 1 {
		t.Fatalf("%v %v", routes, problems)
	}
	r := routes[0]
	if r.ID != "abc" || r.Filter.ID != "12" || r.Name != "*_db" || len(r.Sources) != 2 || r.Labels[0] != "app:web*" ||
		r.Adapter != "syslog+tcp" || r.Address != "h:514" || r.Options["append_tag"] != ".x" {
		t.Errorf("read %+v", r)
	}
	if err := saveRoute(dir, r); err != nil {
		t.Fatal(err)
	}
	var back map[string]any
	data, err := os.ReadFile(filepath.Join(dir, "abc.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &back); err != nil || back["filter_name"] != "*_db" || back["id"] != "abc" {
		t.Errorf("written %s: %v", data, err)
	}
}

func TestLiveReaderGetsWhatItsFilterWantsAndIsDroppedWhenLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBinary(t)
		b.env["LOGSPOUT_JOURNAL_MEMORY"] = "1MiB"
		feed := b.feed("feed")
		r := b.start(t)
		logs := &tap{r.journal}
		ctx, cancel := context.WithCancel(t.Context())
		var got []string
		ended := make(chan error)
		go func() {
			ended <- logs.Follow(ctx, &core.Filter{Sources: []string{"stdout"}}, func(batch []core.Message) error {
				got = append(got, texts(batch)...)
				return nil
			})
		}()
		late := make(chan error)
		hold := make(chan struct{})
		go func() {
			late <- logs.Follow(ctx, nil, func([]core.Message) error { <-hold; return nil })
		}()
		failing := make(chan error)
		go func() { failing <- logs.Follow(ctx, nil, func([]core.Message) error { return errDown }) }()
		synctest.Wait()
		mixed := numbered("", 0, 10)
		for i := range mixed {
			if i%2 == 1 {
				mixed[i].Source = "stderr"
			}
		}
		feed <- mixed
		synctest.Wait()
		if strings.Join(got, "") != "02468" {
			t.Errorf("got %q", got)
		}
		if err := <-failing; !errors.Is(err, errDown) {
			t.Errorf("a reader whose send fails got %v", err)
		}
		for i := range 200 {
			feed <- numbered("x", 100*i, 100*i+100)
			synctest.Wait()
		}
		close(hold)
		if err := <-late; !errors.Is(err, core.ErrLate) {
			t.Errorf("the late reader got %v", err)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the reader that left got %v", err)
		}
		if len(got) != 5+20000 {
			t.Errorf("the good reader got %d lines", len(got))
		}
		if err := r.wait(); err != nil {
			t.Fatal(err)
		}
	})
}
