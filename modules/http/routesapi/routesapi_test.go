package routesapi

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gliderlabs/logspout-builder/core"
	"github.com/gliderlabs/logspout-builder/core/moduletest"
)

// table is a route table without routes that run.
type table struct {
	mu      sync.Mutex
	routes  []*core.Route
	failure error
}

func (t *table) Routes() []*core.Route {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.SortedFunc(slices.Values(t.routes), func(a, b *core.Route) int { return cmp.Compare(a.ID, b.ID) })
}

func (t *table) AddRoute(_ context.Context, r *core.Route) (*core.Route, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.failure != nil {
		return nil, t.failure
	}
	added := *r
	if added.ID == "" {
		added.ID = fmt.Sprintf("made-%d", len(t.routes))
	}
	problems := []error{added.Validate()}
	if added.Adapter == "nope" {
		problems = append(problems, &core.UnknownError{Kind: "adapter", Name: "nope", Have: []string{"raw"}})
	}
	if err := errors.Join(problems...); err != nil {
		return nil, &core.RouteError{Route: added.String(), Err: err}
	}
	t.routes = append(t.routes, &added)
	return &added, nil
}

func (t *table) RemoveRoute(_ context.Context, id string) (bool, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	before := len(t.routes)
	t.routes = slices.DeleteFunc(t.routes, func(r *core.Route) bool { return r.ID == id })
	return len(t.routes) < before, t.failure
}

func start(t *testing.T) (*table, http.Handler) {
	t.Helper()
	routes := &table{}
	env := moduletest.NewEnv(t, nil)
	env.Routes = routes
	h, err := New(env)
	if err != nil {
		t.Fatal(err)
	}
	return routes, h
}

func ask(h http.Handler, method, path, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestRouteIsAddedShownListedAndRemoved(t *testing.T) {
	routes, h := start(t)
	if w := ask(h, "GET", "/routes", ""); w.Code != 200 || w.Body.String() != "[]\n" {
		t.Errorf("no routes: %d %q", w.Code, w.Body)
	}
	w := ask(h, "POST", "/routes", `{"id":"web","adapter":"syslog+tcp","address":"logs:514","options":{"append_tag":".x"},
		"filter_id":"ab","filter_name":"web_*","filter_sources":["stdout"],"filter_labels":["a:b"]}`)
	if w.Code != http.StatusCreated || w.Header().Get("Location") != "/routes/web" || w.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("add: %d %v %s", w.Code, w.Header(), w.Body)
	}
	var shown map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &shown); err != nil {
		t.Fatal(err)
	}
	for field, want := range map[string]string{
		"id": "web", "adapter": "syslog+tcp", "address": "logs:514", "filter_id": "ab", "filter_name": "web_*",
		"filter_sources": "[stdout]", "filter_labels": "[a:b]", "options": "map[append_tag:.x]",
	} {
		if got := fmt.Sprint(shown[field]); got != want {
			t.Errorf("%s: %q, want %q", field, got, want)
		}
	}
	if r := routes.Routes()[0]; r.Filter.ID != "ab" || r.Options["append_tag"] != ".x" {
		t.Errorf("added %+v", r)
	}
	if got := ask(h, "GET", "/routes/web", ""); got.Code != 200 || got.Body.String() != w.Body.String() {
		t.Errorf("show: %d %s", got.Code, got.Body)
	}
	if got := ask(h, "GET", "/routes", ""); !strings.Contains(got.Body.String(), `"id": "web"`) || !strings.HasPrefix(got.Body.String(), "[") {
		t.Errorf("list: %s", got.Body)
	}
	if got := ask(h, "DELETE", "/routes/web", ""); got.Code != 200 || len(routes.Routes()) != 0 {
		t.Errorf("remove: %d", got.Code)
	}
	for _, method := range []string{"GET", "DELETE"} {
		if got := ask(h, method, "/routes/web", ""); got.Code != http.StatusNotFound {
			t.Errorf("%s of a route that is gone: %d", method, got.Code)
		}
	}
}

func TestWholeRouteMayComeAsURI(t *testing.T) {
	routes, h := start(t)
	w := ask(h, "POST", "/routes", `{"uri":"kafka://ops:hunter2@b1:9092,b2:9092/logs?filter.name=web&token=hunter2","id":"k"}`)
	if w.Code != http.StatusCreated {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	r := routes.Routes()[0]
	if r.ID != "k" || r.Address != "b1:9092,b2:9092" || r.Path != "/logs" || r.Name != "web" || r.Password != "hunter2" {
		t.Errorf("added %+v", r)
	}
	for _, path := range []string{"/routes", "/routes/k"} {
		if got := ask(h, "GET", path, "").Body.String(); strings.Contains(got, "hunter2") {
			t.Errorf("%s shows a secret: %s", path, got)
		}
	}
	if strings.Contains(w.Body.String(), "hunter2") {
		t.Errorf("the answer shows a secret: %s", w.Body)
	}
}

func TestVariablesInAURIAreNotExpanded(t *testing.T) {
	routes, h := start(t)
	ask(h, "POST", "/routes", `{"uri":"raw+udp://$HOME:1"}`)
	if r := routes.Routes(); len(r) != 1 || r[0].Address != "$HOME:1" {
		t.Errorf("added %v", r)
	}
}

func TestBadRoutesAreRefusedWithEveryReason(t *testing.T) {
	for body, want := range map[string][]string{
		``:                                    {"want one JSON object"},
		`[]`:                                  {"want one JSON object"},
		`null`:                                {"want one JSON object"},
		`{"adapter":"raw"} {}`:                {"want one JSON object"},
		`{"adaptr":"raw","x":1}`:              {`unknown field \"adaptr\"; did you mean \"adapter\"?`, `unknown field \"x\"`},
		`{"adapter":7}`:                       {`field \"adapter\": want a string, found number`},
		`{"adapter":"raw","options":{"a":1}}`: {`field \"options\": want an object of strings`},
		`{"adapter":"raw","filter_sources":"stdout"}`: {`field \"filter_sources\": want an array of strings`},
		`{"id":"../x","adapter":"nope"}`:              {`id \"../x\"`, `unknown adapter \"nope\"`},
		`{"adapter":"raw","address":"u:hunter2@h:1"}`: {"want host:port alone"},
		`{"uri":"raw"}`:                            {"no scheme"},
		`{"uri":"raw://h:1","address":"h:2"}`:      {"holds the whole route"},
		`{"uri":"raw://h:1,raw://h:2"}`:            {"several routes"},
		`{"adapter":"raw","filter_labels":[":x"]}`: {"has no label name"},
	} {
		routes, h := start(t)
		w := ask(h, "POST", "/routes", body)
		if w.Code != http.StatusBadRequest || len(routes.Routes()) != 0 {
			t.Errorf("%s: %d %s", body, w.Code, w.Body)
		}
		for _, text := range want {
			if !strings.Contains(w.Body.String(), text) {
				t.Errorf("%s: %s is not in %s", body, text, w.Body)
			}
		}
		if strings.Contains(w.Body.String(), "hunter2") {
			t.Errorf("%s: the answer shows a secret: %s", body, w.Body)
		}
		var got problem
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || len(got.Problems) != len(want) {
			t.Errorf("%s: problems %q, want %d", body, got.Problems, len(want))
		}
	}
}

func TestBodyIsBounded(t *testing.T) {
	_, h := start(t)
	if w := ask(h, "POST", "/routes", `{"address":"`+strings.Repeat("x", 65<<10)+`"}`); w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}

func TestOtherMethodsNameTheAllowedOnes(t *testing.T) {
	_, h := start(t)
	for path, allow := range map[string]string{"/routes": "GET, HEAD, POST", "/routes/x": "DELETE, GET, HEAD"} {
		if w := ask(h, "PUT", path, "{}"); w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != allow {
			t.Errorf("%s: %d, Allow %q", path, w.Code, w.Header().Get("Allow"))
		}
	}
}

func TestForeignPagesCannotAddRoutes(t *testing.T) {
	routes, h := start(t)
	w := ask(h, "POST", "/routes", `{"uri":"raw+tcp://evil:1"}`, "Origin", "https://evil.example.com", "Sec-Fetch-Site", "cross-site")
	if w.Code != http.StatusForbidden || len(routes.Routes()) != 0 {
		t.Errorf("got %d", w.Code)
	}
	if w := ask(h, "POST", "/routes", `{"uri":"raw+tcp://h:1"}`, "Content-Type", "application/x-www-form-urlencoded"); w.Code != http.StatusCreated {
		t.Errorf("curl -d: got %d %s", w.Code, w.Body)
	}
}

func TestTroubleOfTheServerIsNotTheClients(t *testing.T) {
	routes, h := start(t)
	routes.routes = []*core.Route{{ID: "a", Adapter: "raw"}}
	routes.failure = errors.New("disk full")
	if w := ask(h, "POST", "/routes", `{"uri":"raw://h:1"}`); w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "disk full") {
		t.Errorf("add: %d %s", w.Code, w.Body)
	}
	if w := ask(h, "DELETE", "/routes/a", ""); w.Code != http.StatusServiceUnavailable {
		t.Errorf("remove: %d %s", w.Code, w.Body)
	}
}

func FuzzBodyNeverPanicsAndRefusalsHaveReasons(f *testing.F) {
	f.Add(`{"uri":"raw+tcp://h:1"}`)
	f.Add(`{"adapter":"raw","options":{"a":1}}`)
	f.Add(`{"filter_labels":[{}]}`)
	f.Fuzz(func(t *testing.T, body string) {
		route, err := decode(strings.NewReader(body))
		if (route == nil) == (err == nil) || err != nil && strings.TrimSpace(err.Error()) == "" {
			t.Errorf("%v, %v", route, err)
		}
	})
}

func TestRoutesKeepsTheContractOfHandlers(t *testing.T) {
	moduletest.TestHTTPHandler(t, moduletest.HTTPHandlerSuite{
		Handler: New, Name: "routes", Paths: []string{"", "/a"},
		Env: func(tb testing.TB) core.Env {
			tb.Helper()
			e := moduletest.NewEnv(tb, nil)
			e.Routes = &table{routes: []*core.Route{{ID: "a", Adapter: "raw"}}}
			return e
		},
	})
}
