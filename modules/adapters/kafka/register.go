package kafka

import "github.com/gliderlabs/logspout-builder/core"

func init() { core.AdapterFactories.Register(New, "kafka") }
