package agent

import (
	"bufio"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"time"
)

const (
	maxBody    = 1 << 20 // bytes of a request
	maxHeader  = 64 << 10
	bodyTime   = 30 * time.Second
	headerTime = 10 * time.Second
	idleTime   = 2 * time.Minute
)

// server is the HTTP side. A nil server serves nothing.
type server struct {
	log      *slog.Logger
	listener net.Listener
	handler  http.Handler

	server *http.Server
	cancel context.CancelFunc
	done   chan struct{}
}

// listen takes the port, where this binary has anything to serve.
func (f *forwarder) listen(ctx context.Context) (*server, error) {
	if len(f.handlers) == 0 {
		return nil, nil //nolint:nilnil // a nil server is one that serves nothing
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", f.config.httpAddress)
	if err != nil {
		return nil, fmt.Errorf("HTTP server: %w: choose another PORT (0 takes a free one) or HTTP_BIND_ADDRESS", err)
	}
	return &server{log: f.log, listener: listener, handler: newMount(f)}, nil
}

// abandon gives back the port of a server that was not started.
func (s *server) abandon() {
	if s != nil {
		_ = s.listener.Close()
	}
}

// serve answers requests until shutdown.
func (s *server) serve(ctx context.Context) {
	if s == nil {
		return
	}
	ctx, s.cancel = context.WithCancel(ctx)
	s.server = &http.Server{
		Handler: s.handler, ReadHeaderTimeout: headerTime, IdleTimeout: idleTime, MaxHeaderBytes: maxHeader,
		BaseContext: func(net.Listener) context.Context { return ctx },
		ErrorLog:    slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	s.done = make(chan struct{})
	s.log.InfoContext(ctx, "http listening", "address", s.listener.Addr().String())
	go func() {
		defer close(s.done)
		if err := s.server.Serve(s.listener); err != nil && !errors.Is(err, http.ErrServerClosed) {
			s.log.ErrorContext(ctx, "http server ended", "error", err)
		}
	}()
}

// shutdown ends streams, lets other requests end within the grace, and closes.
func (s *server) shutdown(stopping *stop) {
	if s == nil {
		return
	}
	s.cancel()
	ctx, cancel := stopping.until(atWork)
	defer cancel()
	if err := s.server.Shutdown(ctx); err != nil {
		s.log.Warn("http requests were cut off", "error", err)
		_ = s.server.Close()
	}
	<-s.done
}

// mount gives each request to the handler that the first part of its path names, behind the token.
type mount struct {
	log      *slog.Logger
	handlers map[string]http.Handler
	token    [sha256.Size]byte
	hasToken bool
	open     bool
}

func newMount(f *forwarder) *mount {
	return &mount{
		log: f.log, handlers: f.handlers, open: f.config.httpOpen,
		hasToken: f.config.token != "", token: sha256.Sum256([]byte(f.config.token)),
	}
}

// ServeHTTP implements http.Handler.
func (m *mount) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	watched := &responseWriter{ResponseWriter: w}
	defer func() {
		value := recover()
		switch value {
		case nil:
			return
		case http.ErrAbortHandler:
			panic(value)
		}
		m.log.ErrorContext(r.Context(), "http handler panicked", "path", r.URL.Path, "panic", fmt.Sprint(value), "stack", string(debug.Stack()))
		if watched.begun {
			panic(http.ErrAbortHandler) // the client must see that its answer is cut short
		}
		http.Error(watched, "internal error, see the log of the forwarder", http.StatusInternalServerError)
	}()
	name, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if name != "health" && name != "metrics" && !m.allowed(watched, r) {
		return
	}
	handler, ok := m.handlers[name]
	if !ok {
		var have []string
		for _, known := range sortedNames(m.handlers) {
			have = append(have, "/"+known)
		}
		http.Error(watched, "not found; this binary serves: "+strings.Join(have, " "), http.StatusNotFound)
		return
	}
	if r.ContentLength != 0 {
		r.Body = http.MaxBytesReader(watched, r.Body, maxBody)
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTime))
	}
	handler.ServeHTTP(watched, r)
}

// allowed checks the token, and refuses with a text that says what to do.
func (m *mount) allowed(w http.ResponseWriter, r *http.Request) bool {
	if m.open {
		return true
	}
	w.Header().Set("Connection", "close") // nobody waits for the body of a request that is refused
	if !m.hasToken {
		http.Error(w, "closed: start the forwarder with LOGSPOUT_TOKEN=<secret> and send the header \"Authorization: Bearer <secret>\", "+
			"or with LOGSPOUT_HTTP_OPEN=true to let everyone in who reaches this port", http.StatusForbidden)
		return false
	}
	scheme, given, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	sum := sha256.Sum256([]byte(strings.TrimSpace(given)))
	if strings.EqualFold(scheme, "Bearer") && subtle.ConstantTimeCompare(sum[:], m.token[:]) == 1 {
		w.Header().Del("Connection")
		return true
	}
	w.Header().Set("WWW-Authenticate", `Bearer realm="logspout"`)
	http.Error(w, "unauthorized: send the header \"Authorization: Bearer <secret>\" with the secret of LOGSPOUT_TOKEN", http.StatusUnauthorized)
	return false
}

// responseWriter notes whether an answer has begun.
type responseWriter struct {
	http.ResponseWriter
	begun bool
}

// WriteHeader implements http.ResponseWriter.
func (w *responseWriter) WriteHeader(code int) {
	w.begun = w.begun || code >= http.StatusOK || code == http.StatusSwitchingProtocols
	w.ResponseWriter.WriteHeader(code)
}

// Write implements http.ResponseWriter.
func (w *responseWriter) Write(p []byte) (int, error) {
	w.begun = true
	return w.ResponseWriter.Write(p)
}

// Flush implements http.Flusher.
func (w *responseWriter) Flush() {
	w.begun = true
	_ = http.NewResponseController(w.ResponseWriter).Flush()
}

// Hijack implements http.Hijacker.
func (w *responseWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffer, err := http.NewResponseController(w.ResponseWriter).Hijack()
	w.begun = w.begun || err == nil
	return conn, buffer, err
}

// Unwrap lets http.ResponseController find what else the writer can do.
func (w *responseWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

var (
	_ http.Flusher  = (*responseWriter)(nil)
	_ http.Hijacker = (*responseWriter)(nil)
)
