// Package routesapi lists, adds and removes routes while the forwarder runs, at /routes.
package routesapi

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/gliderlabs/logspout-builder/core"
)

const (
	maxBody    = 64 << 10
	removeTime = 5 * time.Second // that a removed route's destination may take to end
)

type api struct {
	routes core.RouteTable
	log    *slog.Logger
}

// New makes the handler of /routes and /routes/ID. Passwords never leave it.
func New(env core.Env) (http.Handler, error) {
	a := &api{routes: env.Routes, log: env.Logger}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /routes", a.list)
	mux.HandleFunc("POST /routes", a.add)
	mux.HandleFunc("GET /routes/{id}", a.show)
	mux.HandleFunc("DELETE /routes/{id}", a.remove)
	// Where the API is open, a page in somebody's browser must not add a route that carries all logs away.
	return http.NewCrossOriginProtection().Handler(mux), nil
}

func (a *api) list(w http.ResponseWriter, _ *http.Request) {
	shown := []*core.Route{}
	for _, r := range a.routes.Routes() {
		shown = append(shown, r.Redacted())
	}
	answer(w, http.StatusOK, shown)
}

func (a *api) show(w http.ResponseWriter, r *http.Request) {
	if route := a.find(r.PathValue("id")); route != nil {
		answer(w, http.StatusOK, route.Redacted())
		return
	}
	notFound(w)
}

func (a *api) add(w http.ResponseWriter, r *http.Request) {
	route, err := decode(http.MaxBytesReader(w, r.Body, maxBody))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		refuse(w, http.StatusRequestEntityTooLarge, errors.New("a route of more than 64 KiB"))
		return
	}
	if err == nil {
		route, err = a.routes.AddRoute(r.Context(), route)
	}
	var wrong *core.RouteError
	switch {
	case err == nil:
		w.Header().Set("Location", "/routes/"+route.ID)
		answer(w, http.StatusCreated, route.Redacted())
	case errors.As(err, &wrong):
		refuse(w, http.StatusBadRequest, wrong.Err)
	default:
		a.log.WarnContext(r.Context(), "route not added", "error", err)
		refuse(w, http.StatusServiceUnavailable, err)
	}
}

func (a *api) remove(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	route := a.find(id)
	if route == nil {
		notFound(w)
		return
	}
	// A client that goes away does not stop the removal half-way.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), removeTime)
	defer cancel()
	removed, err := a.routes.RemoveRoute(ctx, id)
	switch {
	case err != nil:
		a.log.WarnContext(ctx, "route not removed", "route", id, "error", err)
		refuse(w, http.StatusServiceUnavailable, err)
	case !removed: // somebody else was faster
		notFound(w)
	default:
		answer(w, http.StatusOK, route.Redacted())
	}
}

func (a *api) find(id string) *core.Route {
	for _, r := range a.routes.Routes() {
		if r.ID == id {
			return r
		}
	}
	return nil
}

// problem is the answer that is not a route.
type problem struct {
	Problems []string `json:"problems"`
}

func notFound(w http.ResponseWriter) {
	answer(w, http.StatusNotFound, problem{[]string{"no route with that id; GET /routes lists them"}})
}

// refuse answers with every problem that err joins.
func refuse(w http.ResponseWriter, code int, err error) {
	answer(w, code, problem{strings.Split(err.Error(), "\n")})
}

func answer(w http.ResponseWriter, code int, value any) {
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(code)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(value) // a client that has gone needs no answer
}

var _ core.HTTPHandler = New
