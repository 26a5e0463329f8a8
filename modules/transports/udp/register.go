package udp

import "github.com/gliderlabs/logspout-builder/core"

func init() {
	core.AdapterTransports.Register(Transport{}, "udp")
	core.AdapterFactories.Register(adapter, "udp")
}
