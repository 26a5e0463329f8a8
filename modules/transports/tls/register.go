package tls

import "github.com/gliderlabs/logspout-builder/core"

func init() {
	core.AdapterTransports.Register(Transport{}, "tls")
	core.AdapterFactories.Register(adapter, "tls")
}
