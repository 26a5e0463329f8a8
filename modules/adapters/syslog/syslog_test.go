package syslog_test

import (
	"fmt"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/gliderlabs/logspout-builder/core"
	"github.com/gliderlabs/logspout-builder/core/moduletest"
	"github.com/gliderlabs/logspout-builder/modules/adapters/syslog"
	"github.com/gliderlabs/logspout-builder/modules/transports/tcp"
	"github.com/gliderlabs/logspout-builder/modules/transports/tls"
	"github.com/gliderlabs/logspout-builder/modules/transports/udp"
	"github.com/gliderlabs/logspout-builder/modules/transports/unix"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func environment(tb testing.TB) core.Env {
	tb.Helper()
	env := moduletest.NewEnv(tb, nil)
	env.Modules = &moduletest.Modules{Transports: map[string]core.AdapterTransport{
		"tcp": tcp.Transport{}, "udp": udp.Transport{}, "tls": tls.Transport{}, "unix": unix.Transport{},
	}}
	return env
}

func TestSyslogKeepsTheAdapterContract(t *testing.T) {
	for _, c := range []struct {
		network, options string
		counted          bool
	}{{"tcp", "", false}, {"tls", "&framing=octet-counted", true}, {"unix", "", false}} {
		t.Run(c.network, func(t *testing.T) {
			moduletest.TestAdapter(t, moduletest.AdapterSuite{
				Factory: syslog.New,
				Env:     environment,
				Destination: func(tb testing.TB) moduletest.Destination {
					tb.Helper()
					sink := moduletest.NewSink(tb, c.network)
					options := c.options
					if c.network == "tls" {
						options += "&tls.ca=" + sink.CAFile
					}
					return moduletest.Destination{
						Route:   fmt.Sprintf("syslog+%s://%s?timestamp=us%s", c.network, sink.Address, options),
						Arrived: func(sent []core.Message) error { return arrived(strings.Join(sink.Streams(), ""), c.counted, sent) },
					}
				},
				Invalid: []moduletest.InvalidRoute{
					{URI: "syslog+tcp://host?format=x&framing=y&facility=z&tag={{.X}}", Problems: []string{"host:port", "format", "framing", "facility", "tag:1"}},
					{URI: "syslog+tls://host:1?tls.ca=/no/such/file&tls.cert=/a", Problems: []string{"/no/such/file", "tls.key"}},
					{URI: "syslog+tcp://ops:hunter2@host:514/messages", Problems: []string{`user "ops" and password: syslog+tcp sends none`, `path "/messages"`}},
					{URI: "syslog+unix://run/log?socket=x", Problems: []string{"absolute", "socket"}},
				},
			})
		})
	}
}

// arrived parses what came and compares it with what was sent.
func arrived(stream string, counted bool, sent []core.Message) error {
	records, err := deframe(stream, counted)
	if err != nil {
		return err
	}
	if len(records) != len(sent) {
		return fmt.Errorf("%d records arrived, want %d", len(records), len(sent))
	}
	for i, b := range records {
		r, err := parse(b)
		if err != nil {
			return err
		}
		want := sent[i].Data
		if !counted {
			want = strings.NewReplacer("\n", "#012", "\x00", "#000").Replace(want)
		}
		if r.msg != want {
			return fmt.Errorf("record %d holds %.100q, want %.100q", i, r.msg, want)
		}
	}
	return nil
}
