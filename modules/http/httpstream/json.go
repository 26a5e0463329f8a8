package httpstream

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/gliderlabs/logspout-builder/core"
)

// jsonLines writes one JSON object a line.
type jsonLines struct {
	last      *core.Container
	container []byte // of last
	buffer    bytes.Buffer
}

// message and container have the names that Logspout's stream has always had. What may hold secrets, the container's environment and
// command, is left out.
type message struct {
	Source string
	Data   string
	Time   time.Time
}

type container struct {
	ID      string `json:"Id"`
	Name    string
	Image   string
	Created time.Time
	Config  struct {
		Hostname string
		Image    string
		Labels   map[string]string
		Tty      bool
	}
	State core.State
}

func (j *jsonLines) contentType() string { return "application/json" }

func (j *jsonLines) append(dst []byte, batch []core.Message) []byte {
	for i := range batch {
		dst = append(j.object(dst, &batch[i]), '\n')
	}
	return dst
}

func (j *jsonLines) appendNotice(dst []byte, text string) []byte {
	return append(append(append(dst, `{"Error":`...), j.encode(text)...), "}\n"...)
}

// object appends one message without a line feed.
func (j *jsonLines) object(dst []byte, m *core.Message) []byte {
	if m.Container != j.last {
		c := m.Container
		shown := container{ID: c.ID, Name: c.Name, Image: c.Image, Created: c.Created, State: c.State}
		shown.Config.Hostname, shown.Config.Image, shown.Config.Labels, shown.Config.Tty = c.Config.Hostname, c.Config.Image, c.Config.Labels, c.Config.Tty
		j.last, j.container = c, append(j.container[:0], j.encode(shown)...)
	}
	dst = append(append(dst, `{"Container":`...), j.container...)
	dst = append(dst, ',')
	return append(dst, j.encode(message{m.Source, m.Data, m.Time})[1:]...) // without its brace
}

// encode is valid until it is called again.
func (j *jsonLines) encode(value any) []byte {
	j.buffer.Reset()
	encoder := json.NewEncoder(&j.buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil { // a time beyond the year 9999: nothing else here can fail
		return []byte(`{"Error":"not to be shown as JSON"}`)
	}
	return bytes.TrimSuffix(j.buffer.Bytes(), []byte("\n"))
}
