// Package httpstream streams logs live at GET /logs, as text, JSON lines or WebSocket.
package httpstream

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/gliderlabs/logspout-builder/core"
)

// A client that takes nothing for so long is gone: nothing is kept for it, and nobody waits for it.
const writeTime = 15 * time.Second

// lateText is the last thing that a client reads that did not keep up.
const lateText = "logspout: this reader fell behind and lines were dropped for it; connect again for what comes from now on"

// forms is what a client is told that asks for something else.
const forms = `there are:
  /logs                 every container
  /logs/id:<prefix>     containers whose id begins so
  /logs/name:<glob>     containers with such a name
each with ?sources=stdout,stderr and ?colors=off
`

type handler struct {
	logs      core.Tap
	origins   []string // of pages that may open a WebSocket, beside this server's own
	writeTime time.Duration
}

// encoder makes what is sent of messages. It belongs to one client.
type encoder interface {
	contentType() string
	append(dst []byte, batch []core.Message) []byte
	// appendNotice appends a text of the forwarder's own.
	appendNotice(dst []byte, text string) []byte
}

// New makes the handler of /logs, /logs/id:<prefix> and /logs/name:<glob>.
func New(env core.Env) (http.Handler, error) {
	h := &handler{logs: env.Logs, writeTime: writeTime}
	for origin := range strings.SplitSeq(env.Vars["LOGSPOUT_HTTP_ORIGINS"], ",") {
		if origin = strings.TrimSpace(origin); origin != "" {
			h.origins = append(h.origins, origin)
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /logs", h.serve)
	mux.HandleFunc("GET /logs/{selector...}", h.serve)
	return mux, nil
}

func (h *handler) serve(w http.ResponseWriter, r *http.Request) {
	filter, several, ok := parseSelector(r.PathValue("selector"))
	if !ok {
		http.Error(w, "not found; "+forms, http.StatusNotFound)
		return
	}
	query := r.URL.Query()
	for _, name := range []string{"source", "sources"} {
		for source := range strings.SplitSeq(query.Get(name), ",") {
			if source != "" {
				filter.Sources = append(filter.Sources, source)
			}
		}
	}
	if err := filter.Check(); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		h.serveWebSocket(w, r, filter)
		return
	}
	var e encoder = &text{several: several, colors: query.Get("colors") != "off", verbatim: query.Get("escape") == "off"}
	if strings.Contains(r.Header.Get("Accept"), "application/json") {
		e = &jsonLines{}
	}
	h.serveStream(w, r, filter, e)
}

// parseSelector reads what stands behind /logs/. several is whether lines of more than one container may come.
func parseSelector(s string) (filter *core.Filter, several, ok bool) {
	if s == "" {
		return &core.Filter{}, true, true
	}
	predicate, value, _ := strings.Cut(s, ":")
	switch {
	case value == "":
	case predicate == "id":
		return &core.Filter{ID: value}, false, true
	case predicate == "name":
		return &core.Filter{Name: value}, strings.ContainsAny(value, "*?[,!"), true
	}
	return nil, false, false
}

// serveStream writes lines until the client goes, the forwarder stops, or the client is late.
func (h *handler) serveStream(w http.ResponseWriter, r *http.Request, filter *core.Filter, e encoder) {
	header := w.Header()
	header.Set("Content-Type", e.contentType())
	header.Set("Cache-Control", "no-store")
	header.Set("X-Accel-Buffering", "no") // a proxy that collects before it passes on shows nothing for long
	header.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return
	}
	control := http.NewResponseController(w)
	_ = control.Flush() // the client learns that it is connected; an error shows at the first write
	var buffer []byte
	send := func(b []byte) error {
		if err := control.SetWriteDeadline(time.Now().Add(h.writeTime)); err != nil {
			return err
		}
		if _, err := w.Write(b); err != nil {
			return err
		}
		return control.Flush()
	}
	err := h.logs.Follow(r.Context(), filter, func(batch []core.Message) error {
		buffer = e.append(buffer[:0], batch)
		return send(buffer)
	})
	if errors.Is(err, core.ErrLate) {
		_ = send(e.appendNotice(nil, lateText)) // may well fail: the client was slow
	}
	_ = control.SetWriteDeadline(time.Now().Add(h.writeTime)) // for what ends the answer
}

var _ core.HTTPHandler = New
