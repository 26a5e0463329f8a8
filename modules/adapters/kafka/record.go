package kafka

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/gliderlabs/logspout-builder/core"
	"github.com/gliderlabs/logspout-builder/core/render"
)

// Names of the record headers.
const (
	headerContainerID    = "container_id"
	headerContainerName  = "container_name"
	headerContainerImage = "container_image"
	headerSource         = "source"
	headerKey            = "dedupe_key" // core.Message.Key: the same whenever the line is read or sent again
)

// recordOverhead is more than what a record takes in a batch beside its key, value and headers (KIP-98, message format v2).
const recordOverhead = 40

// record makes the Kafka record of a line: the container's id is the key, so that its lines stay in one partition, in order.
func (a *Adapter) record(m *core.Message) (*kgo.Record, error) {
	value, err := a.appendValue(make([]byte, 0, len(m.Data)), m) // never nil: that would be a tombstone
	if err != nil {
		return nil, err
	}
	r := &kgo.Record{Topic: a.topic, Key: []byte(m.Container.ID), Value: value, Timestamp: m.Time}
	if a.headers {
		r.Headers = []kgo.RecordHeader{
			{Key: headerContainerID, Value: r.Key},
			{Key: headerContainerName, Value: []byte(m.Container.BareName())},
			{Key: headerContainerImage, Value: []byte(m.Container.Config.Image)},
			{Key: headerSource, Value: []byte(m.Source)},
			{Key: headerKey, Value: m.AppendKey(nil)},
		}
	}
	return r, nil
}

// size is an upper bound of what a record takes in a batch.
func size(r *kgo.Record) int {
	n := recordOverhead + len(r.Key) + len(r.Value)
	for _, h := range r.Headers {
		n += 10 + len(h.Key) + len(h.Value)
	}
	return n
}

// parseFormat gives the function that makes a record's value: of the option format, else of KAFKA_TEMPLATE, else the line as it is.
func parseFormat(env core.Env, route *core.Route) (func([]byte, *core.Message) ([]byte, error), error) {
	name, format := "option format", route.Option("format", "")
	if format == "" {
		name, format = "KAFKA_TEMPLATE", env.Vars.Or("KAFKA_TEMPLATE", "raw")
	}
	switch {
	case format == "raw":
		return appendRaw, nil
	case format == "json":
		return appendJSON, nil
	case !strings.Contains(format, "{{"):
		return nil, fmt.Errorf("%s: %q: want raw, json or a template such as {{toJSON .Data}}", name, format)
	}
	t, err := render.New(name, format, render.Options[*core.Message]{Backslashes: true})
	if err != nil {
		return nil, err
	}
	return t.Append, nil
}

func appendRaw(dst []byte, m *core.Message) ([]byte, error) { return append(dst, m.Data...), nil }

// line is the value with format=json. The container's environment and command are left out: they hold secrets.
type line struct {
	Time           time.Time         `json:"time"`
	ContainerID    string            `json:"container_id"`
	ContainerName  string            `json:"container_name"`
	ContainerImage string            `json:"container_image"`
	Hostname       string            `json:"hostname"`
	Labels         map[string]string `json:"labels,omitempty"`
	Source         string            `json:"source"`
	Data           string            `json:"data"`
}

func appendJSON(dst []byte, m *core.Message) ([]byte, error) {
	c := m.Container
	b, err := json.Marshal(line{m.Time, c.ID, c.BareName(), c.Config.Image, c.Config.Hostname, c.Config.Labels, m.Source, m.Data})
	return append(dst, b...), err
}
