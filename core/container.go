package core

import (
	"strings"
	"time"
)

// Container is what is known of the origin of a line, whichever intake it came from. Its field paths are those that
// people's templates use. A Container is never written to after it was handed out: a rename or a new inspect makes a new one.
type Container struct {
	// ID is the engine's full id; an intake that knows no containers makes a stable one.
	ID string
	// Name has the engine's leading slash: "/web".
	Name string
	// Image is the image's id ("sha256:..."); its name is Config.Image.
	Image   string
	Created time.Time
	Config  Config
	State   State
	// HostConfig and NetworkSettings are the engine's objects as it gave them, by its own JSON names; numbers are
	// json.Number. They may be nil.
	HostConfig      map[string]any
	NetworkSettings map[string]any
}

// Config is the part of a container's configuration that log routing and templates use.
type Config struct {
	Hostname   string
	Image      string
	Labels     map[string]string
	Env        []string // "NAME=value"
	Cmd        []string
	Entrypoint []string
	Tty        bool
}

// State is the part of a container's state that templates use.
type State struct {
	// Pid is the host's process id of the container's first process, 0 when it does not run.
	Pid int
}

// BareName is the container's name without the engine's leading slash.
func (c *Container) BareName() string { return strings.TrimPrefix(c.Name, "/") }

// ShortID is the first 12 characters of the id, as the engine's own tools print it.
func (c *Container) ShortID() string {
	if len(c.ID) > 12 {
		return c.ID[:12]
	}
	return c.ID
}

// Getenv is the value of a variable in the container's environment, "" when it has none.
func (c *Container) Getenv(name string) string {
	for _, kv := range c.Config.Env {
		if k, v, ok := strings.Cut(kv, "="); ok && k == name {
			return v
		}
	}
	return ""
}
