package syslog_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/gliderlabs/logspout-builder/core"
	"github.com/gliderlabs/logspout-builder/core/moduletest"
	"github.com/gliderlabs/logspout-builder/modules/adapters/syslog"
	"github.com/gliderlabs/logspout-builder/modules/transports/tcp"
)

func BenchmarkDeliver(b *testing.B) {
	m := message(strings.Repeat("x", 100))
	env := core.Env{Modules: &moduletest.Modules{Transports: map[string]core.AdapterTransport{"tcp": tcp.Transport{}}}}
	moduletest.BenchmarkThroughput(b, moduletest.Throughput{
		Name:  "syslog+tcp",
		Batch: slices.Repeat([]core.Message{*m}, 500),
		Wire:  []byte(strings.Repeat(encode(b, nil, "syslog+tcp://h:1?framing=octet-counted", m), 500)),
		Open: func(address string) (core.Adapter, error) {
			return syslog.New(env, &core.Route{ID: "r", Adapter: "syslog+tcp", Address: address, Options: map[string]string{"framing": "octet-counted"}})
		},
	})
}
