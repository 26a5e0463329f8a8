package webhook

import "github.com/gliderlabs/logspout-builder/core"

func init() {
	core.AdapterFactories.Register(New, "webhook")
}
