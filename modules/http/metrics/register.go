package metrics

import "github.com/gliderlabs/logspout-builder/core"

func init() { core.HTTPHandlers.Register(New, "metrics") }
