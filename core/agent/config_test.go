package agent

import (
	"context"
	"testing"

	"github.com/gliderlabs/logspout-builder/core"
)

func TestGarbageIsBoundedUnlessToldOtherwise(t *testing.T) {
	for value, want := range map[string]int{"": 50, "200": 200, "off": -1} {
		b := newBinary(t)
		b.router("feed", func(context.Context, core.Intake) error { return nil })
		b.env["GOGC"] = value
		got := 0
		b.sys.collect = func(percent int) int { got = percent; return 100 }
		if code := b.run(t.Context()); code != exitOK || got != want {
			t.Errorf("GOGC=%s: exit code %d, %d percent, want %d", value, code, got, want)
		}
	}
}
