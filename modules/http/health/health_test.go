package health

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/gliderlabs/logspout-builder/core"
	"github.com/gliderlabs/logspout-builder/core/moduletest"
)

func ask(t *testing.T, method, path, accept string, problems ...string) *httptest.ResponseRecorder {
	t.Helper()
	h, err := New(core.Env{Status: func() core.Status { return core.Status{Problems: problems} }})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(method, path, nil)
	if accept != "" {
		r.Header.Set("Accept", accept)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestHealthyProcessAnswersOK(t *testing.T) {
	if w := ask(t, "GET", "/health", ""); w.Code != 200 || w.Body.String() != "ok\n" {
		t.Errorf("got %d %q", w.Code, w.Body)
	}
	if w := ask(t, "HEAD", "/health", ""); w.Code != 200 {
		t.Errorf("HEAD: got %d", w.Code)
	}
}

func TestUnhealthyProcessNamesEveryReason(t *testing.T) {
	problems := []string{"docker: engine does not answer", "route a: nothing delivered for 2m"}
	w := ask(t, "GET", "/health", "", problems...)
	if want := "unhealthy\n- " + strings.Join(problems, "\n- ") + "\n"; w.Code != 503 || w.Body.String() != want {
		t.Errorf("got %d %q, want 503 %q", w.Code, w.Body, want)
	}
	w = ask(t, "GET", "/health", "application/json", problems...)
	var got report
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if w.Code != 503 || got.Status != "unhealthy" || !slices.Equal(got.Problems, problems) {
		t.Errorf("got %d %+v", w.Code, got)
	}
}

func TestHealthyProcessAnswersJSONWithAnEmptyList(t *testing.T) {
	w := ask(t, "GET", "/health", "application/json")
	if want := "{\n  \"status\": \"ok\",\n  \"problems\": []\n}\n"; w.Body.String() != want {
		t.Errorf("got %q, want %q", w.Body, want)
	}
}

func TestOtherMethodsAndPathsAreRefused(t *testing.T) {
	if w := ask(t, "POST", "/health", ""); w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: got %d, Allow %q", w.Code, w.Header().Get("Allow"))
	}
	if w := ask(t, "GET", "/health/x", ""); w.Code != http.StatusNotFound {
		t.Errorf("/health/x: got %d", w.Code)
	}
}

func TestHealthKeepsTheContractOfHandlers(t *testing.T) {
	moduletest.TestHTTPHandler(t, moduletest.HTTPHandlerSuite{
		Handler: New, Name: "health", Paths: []string{""},
		Env: func(tb testing.TB) core.Env {
			tb.Helper()
			e := moduletest.NewEnv(tb, nil)
			e.Status = func() core.Status { return core.Status{Problems: []string{"x"}} }
			return e
		},
	})
}
