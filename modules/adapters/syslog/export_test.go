package syslog

import (
	"github.com/gliderlabs/logspout-builder/core"
)

// Encode is what a route's records are encoded with.
func Encode(env core.Env, route *core.Route) (func([]byte, *core.Message) ([]byte, error), error) {
	f, err := newFormat(env, route)
	if err != nil {
		return nil, err
	}
	return f.append, nil
}
