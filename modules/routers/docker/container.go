package docker

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/gliderlabs/logspout-builder/core"
)

// parseInspect makes a container of the engine's description, and tells whether it runs.
func parseInspect(raw json.RawMessage) (c *core.Container, now state, err error) {
	var d struct {
		ID, Name, Image string
		Created         string
		Config          struct {
			Hostname, Image string
			Labels          map[string]string
			Env             []string
			Cmd, Entrypoint texts
			Tty             bool
		}
		State struct {
			Pid       int
			Running   bool
			StartedAt string
		}
		HostConfig, NetworkSettings map[string]any
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	if err := decoder.Decode(&d); err != nil {
		return nil, state{}, fmt.Errorf("read the engine's description of a container: %w", err)
	}
	c = &core.Container{
		ID: d.ID, Name: slashed(d.Name), Image: d.Image,
		Config: core.Config{
			Hostname: d.Config.Hostname, Image: d.Config.Image, Labels: d.Config.Labels, Env: d.Config.Env,
			Cmd: d.Config.Cmd, Entrypoint: d.Config.Entrypoint, Tty: d.Config.Tty,
		},
		State:      core.State{Pid: d.State.Pid},
		HostConfig: d.HostConfig, NetworkSettings: d.NetworkSettings,
	}
	c.Created, _ = time.Parse(time.RFC3339Nano, d.Created)
	return c, state{d.State.StartedAt, d.State.Running}, nil
}

// state is whether a container runs, and which of its runs is the newest.
type state struct {
	started string // as the engine writes it
	running bool
}

// texts is a list of strings that Podman writes as one string.
type texts []string

// UnmarshalJSON implements json.Unmarshaler.
func (t *texts) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		*t = make([]string, 1)
		return json.Unmarshal(b, &(*t)[0])
	}
	return json.Unmarshal(b, (*[]string)(t))
}

// eventContainer is what an event tells of a container: its labels stand among the event's own attributes.
func eventContainer(id string, attributes map[string]string) *core.Container {
	labels := make(map[string]string, len(attributes))
	for k, v := range attributes {
		switch k {
		case "name", "image", "exitCode", "execDuration", "signal", "oldName":
		default:
			labels[k] = v
		}
	}
	return &core.Container{
		ID: id, Name: slashed(attributes["name"]),
		Config: core.Config{Hostname: shortID(id), Image: attributes["image"], Labels: labels},
	}
}

// listContainer is what a list tells of a container.
func listContainer(s *summary) *core.Container {
	return &core.Container{
		ID: s.id, Name: s.name, Image: s.imageID, Created: s.created,
		Config: core.Config{Hostname: shortID(s.id), Image: s.image, Labels: s.labels},
	}
}

// renamed is a copy with another name.
func renamed(c *core.Container, name string) *core.Container {
	d := *c
	d.Name = slashed(name)
	return &d
}

func slashed(name string) string {
	if name == "" || strings.HasPrefix(name, "/") {
		return name
	}
	return "/" + name
}

// shortID is the host name that the engine gives a container without one of its own.
func shortID(id string) string { return id[:min(len(id), 12)] }
