package moduletest

import (
	"fmt"
	"strings"
	"time"

	"github.com/gliderlabs/logspout-builder/core"
)

// Epoch is the time of the first sample line.
func Epoch() time.Time { return time.Date(2020, 1, 2, 3, 4, 5, 678901234, time.UTC) }

// NewContainer makes a harmless container with that name (without the slash); its id is made of the name.
func NewContainer(name string) *core.Container {
	id := fmt.Sprintf("%x", name)
	id = (id + strings.Repeat("0123456789abcdef", 4))[:64]
	return &core.Container{
		ID:      id,
		Name:    "/" + name,
		Image:   "sha256:" + strings.Repeat("ab", 32),
		Created: Epoch().Add(-time.Hour),
		Config: core.Config{
			Hostname: id[:12],
			Image:    "example/" + name + ":1.0",
			Labels:   map[string]string{"com.example.app": name},
			Env:      []string{"PATH=/bin", "SECRET=hunter2"},
			Cmd:      []string{"serve"},
		},
		State:           core.State{Pid: 4242},
		HostConfig:      map[string]any{"NetworkMode": "bridge"},
		NetworkSettings: map[string]any{"IPAddress": "172.17.0.2"},
	}
}

// HostileContainers have names, hostnames, images and labels as someone would choose them who wants to break a forwarder: empty,
// very long, with control characters, line feeds, quotes, template and terminal sequences, invalid UTF-8.
func HostileContainers() []*core.Container {
	var containers []*core.Container
	for i, s := range []string{
		"",
		strings.Repeat("x", 5000),
		"a\nb\r\nc\x00d\x1b[31me\x7f",
		`"]\ '}{{.Container}} <14>1 $HOME %s %n`,
		"\xff\xfe\xc0\x80",
		"../../etc/passwd",
		"名前 \u202e\u2028 ",
	} {
		c := NewContainer(fmt.Sprint("hostile", i))
		c.Name = "/" + s
		c.Image = s
		c.Config.Hostname = s
		c.Config.Image = s
		c.Config.Labels = map[string]string{s: s, "com.example.app": s}
		c.Config.Env = []string{s, "A=" + s}
		c.Config.Cmd = []string{s}
		c.HostConfig, c.NetworkSettings = nil, nil
		containers = append(containers, c)
	}
	return append(containers, &core.Container{ID: "bare"}) // and one of which nothing is known
}

// HostileData are lines that every module has to cope with: empty, white space, NULs, control characters, line feeds inside, invalid UTF-8,
// syslog and JSON and template look-alikes, 40 KiB and 1 MiB.
func HostileData() []string {
	return []string{
		"",
		" ",
		"\x00",
		"a\x00b\x00",
		"tab\tbell\abackspace\bescape\x1b[2Jdelete\x7f",
		"line\nfeed", "carriage\rreturn", "\r\n", "\n",
		"\xff\xfe invalid \xc3\x28 UTF-8 \xed\xa0\x80",
		"\ufeffbyte order mark, \u2028 separator, \U0001f600, \u202eright to left",
		"<14>1 2020-01-02T03:04:05Z host tag 1 - - a second record?",
		"12 <14>1 x",
		`{"log":"json","n":1}`, `"`, `\`, `]`, "}",
		"{{.Container.Name}} ${HOME} $(id) %s%n",
		strings.Repeat("40 KiB of words ", 40<<10/16),
		strings.Repeat("1 MiB of characters\xc3\xa9 ", 1<<20/22+1),
	}
}

// HostileMessages are HostileData from each of HostileContainers in turn, and from an ordinary one.
func HostileMessages() []core.Message {
	containers := append(HostileContainers(), NewContainer("web"))
	data := HostileData()
	messages := make([]core.Message, 0, len(data)+len(containers))
	for i, d := range data {
		messages = append(messages, message(containers[i%len(containers)], len(messages), d))
	}
	for _, c := range containers {
		messages = append(messages, message(c, len(messages), "a plain line"))
	}
	return messages
}

// Messages are n ordinary lines "line 1" ... "line n" of one container, a millisecond apart, with offsets from 1.
func Messages(n int) []core.Message {
	web := NewContainer("web")
	messages := make([]core.Message, 0, n)
	for i := range n {
		messages = append(messages, message(web, i, fmt.Sprintf("line %d", i+1)))
	}
	return messages
}

func message(c *core.Container, i int, data string) core.Message {
	return core.Message{
		Container: c,
		Source:    []string{"stdout", "stderr"}[i/7%2],
		Data:      data,
		Time:      Epoch().Add(time.Duration(i) * time.Millisecond),
		Offset:    uint64(i) + 1, //nolint:gosec // not negative
	}
}
