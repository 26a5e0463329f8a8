package moduletest

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gliderlabs/logspout-builder/core"
)

// HTTPHandlerSuite says what TestHTTPHandler needs to know of a handler.
type HTTPHandlerSuite struct {
	Handler core.HTTPHandler
	// Name is what it is registered under: it answers at /Name and below.
	Name string
	// Env is the handler's, with what it uses of Routes, Logs and Status; nil is NewEnv(tb, nil).
	Env func(tb testing.TB) core.Env
	// Paths are paths below the name that it answers ("", "/id:abc").
	Paths []string
}

// TestHTTPHandler checks what the agent expects of a core.HTTPHandler: each expectation is a subtest with its name.
func TestHTTPHandler(t *testing.T, s HTTPHandlerSuite) {
	t.Helper()
	runChecks(t, s.checks())
}

func (s HTTPHandlerSuite) checks() []check {
	return []check{
		{"it answers at its paths", s.answers},
		{"whatever is asked, it neither panics nor fails", s.copes},
		{"a request ends when its client is gone", s.endsWithClient},
	}
}

func (s HTTPHandlerSuite) handler(tb testing.TB) http.Handler {
	tb.Helper()
	env := NewEnv(tb, nil)
	if s.Env != nil {
		env = s.Env(tb)
	}
	h, err := s.Handler(env)
	if err != nil {
		tb.Fatalf("handler: %v", err)
	}
	return h
}

// ask makes one request whose client goes away after a moment.
func (s HTTPHandlerSuite) ask(tb testing.TB, h http.Handler, method, path, body string) int {
	tb.Helper()
	w := httptest.NewRecorder()
	within(tb, patience, method+" "+path, func() {
		ctx, cancel := context.WithTimeout(tb.Context(), 50*time.Millisecond)
		defer cancel()
		r := httptest.NewRequestWithContext(ctx, method, "http://localhost/", strings.NewReader(body))
		r.URL.Path = path
		r.RequestURI = r.URL.RequestURI()
		h.ServeHTTP(w, r)
	})
	return w.Code
}

func (s HTTPHandlerSuite) answers(tb testing.TB) {
	tb.Helper()
	h := s.handler(tb)
	for _, path := range s.Paths {
		if code := s.ask(tb, h, http.MethodGet, "/"+s.Name+path, ""); code == http.StatusNotFound || code >= 400 && code != http.StatusServiceUnavailable {
			tb.Errorf("GET /%s%s: status %d", s.Name, path, code)
		}
	}
}

func (s HTTPHandlerSuite) copes(tb testing.TB) {
	tb.Helper()
	h := s.handler(tb)
	paths := []string{"", "/", "//", "/..", "/../../etc/passwd", "/%", "/\x00", "/\xff", "/a:b", "/:", "/" + strings.Repeat("x", 9000), "/name:[", "/\r\nX: y"}
	methods := []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete, "BREW"}
	bodies := []string{"", "{", "null", "[]", `{"id":"../x"}`, "\x00\xff", strings.Repeat("[", 20000)}
	for i, path := range paths {
		for k, method := range methods {
			path := "/" + s.Name + path
			if code := s.ask(tb, h, method, path, bodies[(i+k)%len(bodies)]); code >= 500 && code != http.StatusServiceUnavailable && code != http.StatusNotImplemented {
				tb.Errorf("%s %.60q: status %d", method, path, code)
			}
		}
	}
}

func (s HTTPHandlerSuite) endsWithClient(tb testing.TB) {
	tb.Helper()
	h := s.handler(tb)
	for _, path := range s.Paths {
		within(tb, promptly, fmt.Sprintf("GET /%s%s of a client that is gone", s.Name, path), func() {
			r := httptest.NewRequestWithContext(ended(tb), http.MethodGet, "/"+s.Name+path, nil)
			h.ServeHTTP(httptest.NewRecorder(), r)
		})
	}
}
