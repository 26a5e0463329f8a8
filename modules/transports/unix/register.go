package unix

import "github.com/gliderlabs/logspout-builder/core"

func init() {
	core.AdapterTransports.Register(Transport{}, "unix")
	core.AdapterFactories.Register(adapter, "unix")
}
