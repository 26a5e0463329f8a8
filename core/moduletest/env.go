// Package moduletest is for the authors of modules: fakes of what the agent gives to a module, destinations to deliver to, lines
// that are as nasty as lines get, and contract checks (TestAdapter, TestTransport, TestLogRouter, TestProcessor, TestHTTPHandler)
// that say whether a module keeps the promises on which the agent is built. It uses the standard library and core only.
package moduletest

import (
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gliderlabs/logspout-builder/core"
)

// NewEnv makes the Env of a module under test: vars are its environment (nil for none), its log goes to the test's, stdin is
// empty, and there are no other modules; set Env.Modules to a Modules for some.
func NewEnv(tb testing.TB, vars core.Vars) core.Env {
	tb.Helper()
	if vars == nil {
		vars = core.Vars{}
	}
	w := &testLog{t: tb}
	tb.Cleanup(w.close)
	return core.Env{
		Vars:    vars,
		Logger:  slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Modules: &Modules{},
		Stdin:   strings.NewReader(""),
	}
}

// testLog writes to a test's log as long as the test runs.
type testLog struct {
	mu sync.Mutex
	t  testing.TB
}

func (l *testLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.t != nil {
		l.t.Log(strings.TrimSuffix(string(p), "\n"))
	}
	return len(p), nil
}

func (l *testLog) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.t = nil
}

// Modules is a core.Modules of what is put into it.
type Modules struct {
	Adapters   map[string]core.AdapterFactory
	Transports map[string]core.AdapterTransport
	// Others are the names at the other extension points.
	Others map[string][]string
}

// AdapterFactory implements core.Modules.
func (m *Modules) AdapterFactory(name string) (core.AdapterFactory, bool) {
	f, ok := m.Adapters[name]
	return f, ok
}

// AdapterTransport implements core.Modules.
func (m *Modules) AdapterTransport(name string) (core.AdapterTransport, bool) {
	t, ok := m.Transports[name]
	return t, ok
}

// Names implements core.Modules.
func (m *Modules) Names(extensionPoint string) []string {
	switch extensionPoint {
	case "AdapterFactory":
		return slices.Sorted(maps.Keys(m.Adapters))
	case "AdapterTransport":
		return slices.Sorted(maps.Keys(m.Transports))
	}
	return slices.Sorted(slices.Values(m.Others[extensionPoint]))
}

var (
	_ core.Modules = (*Modules)(nil)
	_ io.Writer    = (*testLog)(nil)
)
