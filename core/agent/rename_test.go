package agent

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestARenamedHandlerSeesThePathsOfItsOwnName(t *testing.T) {
	seen := ""
	handler := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = r.URL.Path })
	for path, want := range map[string]string{"/mylogs": "/logs", "/mylogs/name:a": "/logs/name:a", "/mylogs/": "/logs/"} {
		underOwnName(handler, "mylogs", "logs").ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, path, nil))
		if seen != want {
			t.Errorf("%s is seen as %s, want %s", path, seen, want)
		}
	}
}
