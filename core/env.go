package core

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sort"
	"strconv"
	"strings"
	"time"
)

// Env is what a module may know of the process it runs in. The agent makes it; a module keeps what it needs of it.
type Env struct {
	// Vars is the process's environment, read once, over the defaults baked into the binary.
	Vars Vars
	// Logger is the module's own: it already carries the module's or route's name.
	Logger *slog.Logger
	// Modules finds other modules of this binary by name.
	Modules Modules
	// Hostname is the host's name: the content of /etc/host_hostname where that is not empty, else "".
	// A syslog record then carries it instead of the container's.
	Hostname string
	// Stdin is the process's standard input.
	Stdin io.Reader
	// Routes, Logs and Status are the running agent, for HTTP handlers and jobs; nil for other modules.
	Routes RouteTable
	Logs   Tap
	Status func() Status
}

// Modules finds other modules of this binary by name; a module never imports another. A false ok means that the binary
// was built without it.
type Modules interface {
	AdapterFactory(name string) (factory AdapterFactory, ok bool)
	AdapterTransport(name string) (transport AdapterTransport, ok bool)
	// Names lists what this binary has at an extension point ("AdapterFactory", "AdapterTransport", ...), sorted.
	Names(extensionPoint string) []string
}

// RouteTable is the agent's set of routes.
type RouteTable interface {
	// Routes are the routes, sorted by id.
	Routes() []*Route
	// AddRoute checks, persists where a routes directory is there, and starts a route; it delivers what comes from now on. An
	// empty id is filled in. The error of a route that cannot be is a *RouteError.
	AddRoute(ctx context.Context, route *Route) (*Route, error)
	// RemoveRoute stops a route and forgets it; false when there is none with that id. It never waits for the destination
	// longer than ctx.
	RemoveRoute(ctx context.Context, id string) (bool, error)
}

// Tap gives live readers of everything that is appended.
type Tap interface {
	// Follow calls send with the messages that filter wants, from now on, until ctx ends (nil), send returns an error (that
	// error), or the reader has fallen so far behind that lines were dropped for it (ErrLate). It blocks; it slows nothing down.
	Follow(ctx context.Context, filter *Filter, send func([]Message) error) error
}

// Vars are environment variables by name.
type Vars map[string]string

// ParseVars makes Vars of "NAME=value" strings; a later one wins.
func ParseVars(environ []string) Vars {
	v := make(Vars, len(environ))
	for _, kv := range environ {
		if name, value, ok := strings.Cut(kv, "="); ok && name != "" {
			v[name] = value
		}
	}
	return v
}

// Get is the value of the first of names that is set and not empty, "" when none is.
func (v Vars) Get(names ...string) string {
	for _, n := range names {
		if s := v[n]; s != "" {
			return s
		}
	}
	return ""
}

// Or is the variable's value, or def when it is not set or empty.
func (v Vars) Or(name, def string) string {
	if s := v[name]; s != "" {
		return s
	}
	return def
}

// Bool is the variable as a truth value (1 t true yes on, 0 f false no off; case does not count), def when it is not set or empty.
func (v Vars) Bool(name string, def bool) (bool, error) {
	s := v[name]
	if s == "" {
		return def, nil
	}
	b, err := ParseBool(s)
	if err != nil {
		return def, fmt.Errorf("%s=%q: %w", name, s, err)
	}
	return b, nil
}

// Int is the variable as a whole number from lo to hi, def when it is not set or empty.
func (v Vars) Int(name string, def, lo, hi int) (int, error) {
	s := v[name]
	if s == "" {
		return def, nil
	}
	n, err := strconv.Atoi(strings.TrimSpace(s))
	if err != nil || n < lo || n > hi {
		return def, fmt.Errorf("%s=%q: want a whole number from %d to %d", name, s, lo, hi)
	}
	return n, nil
}

// Duration is the variable as a span of time ("500ms", "10s"; a bare number is seconds), def when it is not set or empty.
func (v Vars) Duration(name string, def time.Duration) (time.Duration, error) {
	s := v[name]
	if s == "" {
		return def, nil
	}
	d, err := ParseDuration(s)
	if err != nil {
		return def, fmt.Errorf("%s=%q: %w", name, s, err)
	}
	return d, nil
}

// Size is the variable as a number of bytes ("32MiB", "1g", "1048576"), def when it is not set or empty.
func (v Vars) Size(name string, def int64) (int64, error) {
	s := v[name]
	if s == "" {
		return def, nil
	}
	n, err := ParseSize(s)
	if err != nil {
		return def, fmt.Errorf("%s=%q: %w", name, s, err)
	}
	return n, nil
}

// Names are the names of the variables, sorted.
func (v Vars) Names() []string {
	names := make([]string, 0, len(v))
	for n := range v {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

// ParseBool reads a truth value as people write it.
func ParseBool(s string) (bool, error) {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "1", "t", "true", "y", "yes", "on":
		return true, nil
	case "0", "f", "false", "n", "no", "off":
		return false, nil
	}
	return false, errors.New("want true or false")
}

// ParseDuration reads a span of time that is not negative; a bare number is seconds.
func ParseDuration(s string) (time.Duration, error) {
	s = strings.TrimSpace(s)
	if n, err := strconv.ParseUint(s, 10, 31); err == nil {
		return time.Duration(n) * time.Second, nil
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return 0, errors.New("want a duration such as 500ms, 10s or 1m30s")
	}
	return d, nil
}

// ParseSize reads a number of bytes: a whole number with an optional unit k, m, g (powers of 1024; "KiB", "MB", ... are the same).
func ParseSize(s string) (int64, error) {
	t := strings.ToLower(strings.TrimSpace(s))
	number := strings.TrimRight(t, "kmgib")
	shift, known := map[string]int{
		"": 0, "b": 0, "k": 10, "kb": 10, "kib": 10, "m": 20, "mb": 20, "mib": 20, "g": 30, "gb": 30, "gib": 30,
	}[t[len(number):]]
	n, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
	if err != nil || !known || n < 0 || n > 1<<62>>shift {
		return 0, errors.New("want a number of bytes such as 1048576, 512k, 32MiB or 1g")
	}
	return n << shift, nil
}
