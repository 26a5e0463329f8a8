package docker

import "github.com/gliderlabs/logspout-builder/core"

func init() {
	core.LogRouters.Register(New(), name)
}
