package syslog

import (
	"strconv"
	"strings"
	"time"

	"github.com/gliderlabs/logspout-builder/core"
	"github.com/gliderlabs/logspout-builder/core/render"
)

// Message is what a SYSLOG_* template sees: the message's own fields and these methods.
type Message struct {
	*core.Message
	host     string
	facility int // -1: user for a container's output, daemon for everything else
}

// Priority is facility and severity as RFC 5424 section 6.2.1 codes them: 14 for stdout, 11 for stderr, 30 for other sources, unless
// the route names a facility.
func (m *Message) Priority() int {
	const user, daemon, failure, info = 1, 3, 3, 6
	facility, severity := daemon, info
	switch m.Source {
	case "stdout":
		facility = user
	case "stderr":
		facility, severity = user, failure
	}
	if m.facility >= 0 {
		facility = m.facility
	}
	return facility*8 + severity
}

// Hostname is the host's name where /etc/host_hostname gives one, else the container's.
func (m *Message) Hostname() string {
	if m.host != "" {
		return m.host
	}
	return m.Container.Config.Hostname
}

// Timestamp is the engine's time of the line, to the second (RFC 3339).
func (m *Message) Timestamp() string { return m.Time.Format(time.RFC3339) }

// ContainerName is the container's name without the leading slash.
func (m *Message) ContainerName() string { return m.Container.BareName() }

// ContainerNameSplitN splits the container's name at sep into at most n parts.
func (m *Message) ContainerNameSplitN(sep string, n int) []string {
	return strings.SplitN(m.ContainerName(), sep, n)
}

// templateOptions make the methods as fast as the fields.
func templateOptions() render.Options[*Message] {
	return render.Options[*Message]{
		Message: func(m *Message) *core.Message { return m.Message },
		Fields: map[string]func([]byte, *Message) []byte{
			".Priority":      func(dst []byte, m *Message) []byte { return strconv.AppendInt(dst, int64(m.Priority()), 10) },
			".Hostname":      func(dst []byte, m *Message) []byte { return append(dst, m.Hostname()...) },
			".Timestamp":     func(dst []byte, m *Message) []byte { return m.Time.AppendFormat(dst, time.RFC3339) },
			".ContainerName": func(dst []byte, m *Message) []byte { return append(dst, m.ContainerName()...) },
		},
	}
}
