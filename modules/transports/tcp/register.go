package tcp

import "github.com/gliderlabs/logspout-builder/core"

func init() {
	core.AdapterTransports.Register(Transport{}, "tcp")
	core.AdapterFactories.Register(adapter, "tcp")
}
