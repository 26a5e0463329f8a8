// Package health answers GET /health: 200 while logs are read and delivered, 503 with the reasons otherwise.
package health

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/gliderlabs/logspout-builder/core"
)

// report is the answer to a client that accepts JSON.
type report struct {
	Status   string   `json:"status"` // "ok" or "unhealthy"
	Problems []string `json:"problems"`
}

// New makes the handler of GET and HEAD /health. It needs no token, so it shows no more than Status.Problems.
func New(env core.Env) (http.Handler, error) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, r *http.Request) {
		answer(w, r, env.Status().Problems)
	})
	return mux, nil
}

func answer(w http.ResponseWriter, r *http.Request, problems []string) {
	code, result := http.StatusOK, report{Status: "ok", Problems: []string{}}
	if len(problems) > 0 {
		code, result = http.StatusServiceUnavailable, report{Status: "unhealthy", Problems: problems}
	}
	var body []byte
	header := w.Header()
	if strings.Contains(r.Header.Get("Accept"), "application/json") {
		header.Set("Content-Type", "application/json")
		body, _ = json.MarshalIndent(result, "", "  ") //nolint:errchkjson // strings only
	} else {
		header.Set("Content-Type", "text/plain; charset=utf-8")
		body = []byte(result.Status)
		for _, p := range problems {
			body = append(body, "\n- "+strings.ReplaceAll(p, "\n", "\n  ")...)
		}
	}
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(code)
	_, _ = w.Write(append(body, '\n')) // a client that has gone needs no answer
}

var _ core.HTTPHandler = New
