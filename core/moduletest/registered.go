package moduletest

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gliderlabs/logspout-builder/core"
)

// AddressMark stands in a route of Registered for the address of a destination that the checks start.
const AddressMark = "{address}"

// Registered says what TestRegistered needs to know. `logspout-builder test` makes it.
type Registered struct {
	// Package is the import path of the package whose registrations are checked.
	Package string
	// Routes are URIs of routes through the package's adapters and processors, with {address} where a destination of the checks is to stand. An
	// adapter without one gets "NAME://{address}", a processor "NAME+raw://localhost:1".
	Routes []string
	// Network is what a transport connects by: "tcp" ("" is the same), "udp", "tls" or "unix".
	Network string
	// Vars is the environment.
	Vars core.Vars
	// Skip are extension points that are not checked.
	Skip []string
}

// TestRegistered checks whatever a linked package registers with the contract checks of its kind, as far as they go without knowing what it
// is for: an adapter's destination takes everything over TCP and answers HTTP requests with 200, a log router has nothing to read. The
// package's own tests, which know more, call the suites themselves.
func TestRegistered(t *testing.T, r Registered) {
	t.Helper()
	checked := 0
	of := func(point, name, pkg string, run func(t *testing.T)) {
		if pkg == r.Package && !slices.Contains(r.Skip, point) {
			checked++
			t.Run(point+" "+name, run)
		}
	}
	for name, f := range core.AdapterFactories.All() {
		of("AdapterFactory", name, core.AdapterFactories.Package(name), func(t *testing.T) { t.Helper(); r.testAdapter(t, name, f) })
	}
	for name, x := range core.AdapterTransports.All() {
		of("AdapterTransport", name, core.AdapterTransports.Package(name), func(t *testing.T) { t.Helper(); r.testTransport(t, x) })
	}
	for name, h := range core.HTTPHandlers.All() {
		of("HTTPHandler", name, core.HTTPHandlers.Package(name), func(t *testing.T) {
			t.Helper()
			TestHTTPHandler(t, HTTPHandlerSuite{Handler: h, Name: name, Env: r.env, Paths: []string{""}})
		})
	}
	for name, j := range core.Jobs.All() {
		of("Job", name, core.Jobs.Package(name), func(t *testing.T) {
			t.Helper()
			TestJob(t, JobSuite{Job: func(testing.TB) core.Job { return j }, Env: r.env})
		})
	}
	for name, l := range core.LogRouters.All() {
		of("LogRouter", name, core.LogRouters.Package(name), func(t *testing.T) { t.Helper(); r.testLogRouter(t, l) })
	}
	for name, p := range core.Processors.All() {
		of("Processor", name, core.Processors.Package(name), func(t *testing.T) { t.Helper(); r.testProcessor(t, name, p) })
	}
	if checked == 0 && len(r.Skip) == 0 {
		t.Errorf("%s registers nothing", r.Package)
	}
}

// env has what the package may find in a binary: the other modules that are linked, and an agent with a route.
func (r Registered) env(tb testing.TB) core.Env {
	tb.Helper()
	env := NewEnv(tb, r.Vars)
	route := parseRoute(tb, "raw+tcp://logs.example.com:5000")
	env.Modules = &Modules{Adapters: core.AdapterFactories.All(), Transports: core.AdapterTransports.All()}
	env.Routes, env.Logs = &agentOf{route}, &agentOf{route}
	env.Status = func() core.Status {
		return core.Status{Name: "logspout", Started: Epoch(), Routes: []core.RouteStatus{{Route: route}}}
	}
	return env
}

// agentOf is an agent with one route that never changes, to which no line comes.
type agentOf struct{ route *core.Route }

func (a *agentOf) Routes() []*core.Route { return []*core.Route{a.route} }

func (*agentOf) AddRoute(_ context.Context, r *core.Route) (*core.Route, error) { return r, nil }

func (*agentOf) RemoveRoute(context.Context, string) (bool, error) { return false, nil }

func (*agentOf) Follow(ctx context.Context, _ *core.Filter, _ func([]core.Message) error) error {
	<-ctx.Done()
	return nil
}

// route is the first of Routes with a name in its scheme, else fallback.
func (r Registered) route(name, fallback string) string {
	for _, uri := range r.Routes {
		scheme, _, _ := strings.Cut(uri, "://")
		if slices.Contains(strings.Split(strings.ToLower(scheme), "+"), strings.ToLower(name)) {
			return uri
		}
	}
	return fallback
}

func (r Registered) testAdapter(t *testing.T, name string, f core.AdapterFactory) {
	t.Helper()
	uri := r.route(name, name+"://"+AddressMark)
	w := newWitness(t)
	if _, err := f(r.env(t), parseRoute(t, strings.ReplaceAll(uri, AddressMark, w.address))); err != nil {
		t.Fatalf("the factory refuses the route %s: %v\ngive one that it takes: --route '%s://%s?option=value', and --env NAME=VALUE what it needs of the environment", uri, err, name, AddressMark)
	}
	TestAdapter(t, AdapterSuite{
		Factory: f,
		Env:     r.env,
		Destination: func(tb testing.TB) Destination {
			tb.Helper()
			if !strings.Contains(uri, AddressMark) { // the user's own, of which nobody knows what arrives
				return Destination{Route: uri, Arrived: func([]core.Message) error { return nil }}
			}
			w := newWitness(tb)
			return Destination{Route: strings.ReplaceAll(uri, AddressMark, w.address), Arrived: w.saw}
		},
	})
}

func (r Registered) testTransport(t *testing.T, x core.AdapterTransport) {
	t.Helper()
	network := r.Network
	if network == "" {
		network = "tcp"
	}
	TestTransport(t, TransportSuite{Transport: x, Network: network, Options: func(*Sink) map[string]string {
		options := map[string]string{}
		for _, uri := range r.Routes {
			maps.Copy(options, parseRoute(t, strings.ReplaceAll(uri, AddressMark, "localhost:1")).Options)
		}
		return options
	}})
}

// testLogRouter checks what can be checked of a log router without knowing what it reads.
func (r Registered) testLogRouter(t *testing.T, l core.LogRouter) {
	t.Helper()
	s := LogRouterSuite{Source: func(tb testing.TB) Source { tb.Helper(); return Source{Router: l, Env: r.env(tb)} }}
	if checker, ok := l.(core.Checker); ok {
		if err := checker.Check(r.env(t)); err != nil {
			t.Fatalf("Check: %v\ngive it the environment that it needs: --env NAME=VALUE", err)
		}
	}
	runChecks(t, []check{
		{"it has a name", s.hasName},
		{"Run returns when its context ends, and then appends nothing", s.runHonoursContext},
		{"Run leaves nothing behind", s.runLeavesNothing},
	})
}

func (r Registered) testProcessor(t *testing.T, name string, p core.Processor) {
	t.Helper()
	uri := r.route(name, name+"+raw://localhost:1")
	uri = strings.ReplaceAll(uri, AddressMark, "localhost:1")
	if _, err := p(r.env(t), parseRoute(t, uri)); err != nil {
		t.Fatalf("the processor refuses the route %s: %v\ngive one that it takes: --route '%s+raw://%s?option=value', and --env NAME=VALUE what it needs of the environment", uri, err, name, AddressMark)
	}
	TestProcessor(t, ProcessorSuite{Processor: p, Env: r.env, Route: uri})
}

// witness is a server that takes whatever comes by TCP, and answers what is an HTTP request with 200.
type witness struct {
	address string

	mu   sync.Mutex
	came bytes.Buffer
}

// write notes what came.
func (w *witness) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.came.Write(p)
}

func newWitness(tb testing.TB) *witness {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // returns at once
	if err != nil {
		tb.Fatal(err)
	}
	w := &witness{address: listener.Addr().String()}
	requests := &handedOver{address: listener.Addr(), conns: make(chan net.Conn), closed: make(chan struct{})}
	server := &http.Server{Handler: http.HandlerFunc(w.serve), ReadHeaderTimeout: patience}
	var all sync.WaitGroup
	open := map[net.Conn]bool{}
	var mu sync.Mutex
	all.Go(func() { _ = server.Serve(requests) })
	all.Go(func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open[c] = true
			mu.Unlock()
			all.Go(func() { w.take(c, requests) })
		}
	})
	tb.Cleanup(func() {
		_ = listener.Close()
		_ = server.Close()
		mu.Lock()
		for c := range open {
			_ = c.Close()
		}
		mu.Unlock()
		all.Wait()
	})
	return w
}

// take hands an HTTP connection to the server and reads any other to its end.
func (w *witness) take(c net.Conn, requests *handedOver) {
	r := bufio.NewReader(c)
	first, err := r.Peek(8)
	method, _, isHTTP := strings.Cut(string(first), " ")
	if err == nil && isHTTP && slices.Contains([]string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}, method) {
		if requests.give(&peeked{Conn: c, r: r}) {
			return
		}
	}
	_, _ = io.Copy(w, r)
	_ = c.Close()
}

func (w *witness) serve(_ http.ResponseWriter, r *http.Request) {
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		if unpacked, err := gzip.NewReader(body); err == nil {
			body = unpacked
		}
	}
	_, _ = io.Copy(w, body)
}

// saw returns nil when the ordinary ones of the lines that were sent have come, in this order.
func (w *witness) saw(sent []core.Message) error {
	w.mu.Lock()
	rest := slices.Clone(w.came.Bytes())
	w.mu.Unlock()
	for _, m := range sent {
		if !strings.HasPrefix(m.Data, "line ") && m.Data != "a plain line" {
			continue // who knows how it is written
		}
		i := bytes.Index(rest, []byte(m.Data))
		if i < 0 {
			return fmt.Errorf("%q has not come to the destination in its order, as text; where the adapter writes it otherwise, name a destination that reads it: --route with a host and port of its own, or a test that calls moduletest.TestAdapter", m.Data)
		}
		rest = rest[i+len(m.Data):]
	}
	return nil
}

// peeked is a connection of which the first bytes have been read.
type peeked struct {
	net.Conn
	r *bufio.Reader
}

func (p *peeked) Read(b []byte) (int, error) { return p.r.Read(b) }

// handedOver is a listener whose connections others have accepted.
type handedOver struct {
	address net.Addr
	conns   chan net.Conn
	once    sync.Once
	closed  chan struct{}
}

func (h *handedOver) give(c net.Conn) bool {
	select {
	case h.conns <- c:
		return true
	case <-h.closed:
		return false
	case <-time.After(patience):
		return false
	}
}

func (h *handedOver) Accept() (net.Conn, error) {
	select {
	case c := <-h.conns:
		return c, nil
	case <-h.closed:
		return nil, errors.New("closed")
	}
}

func (h *handedOver) Close() error {
	h.once.Do(func() { close(h.closed) })
	return nil
}

func (h *handedOver) Addr() net.Addr { return h.address }

var (
	_ core.RouteTable = (*agentOf)(nil)
	_ core.Tap        = (*agentOf)(nil)
	_ net.Listener    = (*handedOver)(nil)
)
