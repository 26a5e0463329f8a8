package raw_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/gliderlabs/logspout-builder/core"
	"github.com/gliderlabs/logspout-builder/core/moduletest"
	"github.com/gliderlabs/logspout-builder/modules/adapters/raw"
	"github.com/gliderlabs/logspout-builder/modules/transports/tcp"
)

func BenchmarkDeliver(b *testing.B) {
	line := strings.Repeat("x", 100)
	env := core.Env{Modules: &moduletest.Modules{Transports: map[string]core.AdapterTransport{"tcp": tcp.Transport{}}}}
	moduletest.BenchmarkThroughput(b, moduletest.Throughput{
		Name:  "raw+tcp",
		Batch: slices.Repeat([]core.Message{{Container: &core.Container{Name: "/web"}, Source: "stdout", Data: line}}, 500),
		Wire:  []byte(strings.Repeat(line+"\n", 500)),
		Open: func(address string) (core.Adapter, error) {
			return raw.New(env, &core.Route{ID: "r", Adapter: "raw+tcp", Address: address})
		},
	})
}
