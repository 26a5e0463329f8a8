package engine_test

import (
	"testing"

	"github.com/gliderlabs/logspout-builder/test/engine"
)

func TestContainerRunsBusybox(t *testing.T) {
	e := engine.New(t)
	if code := e.WaitExit(t, e.Run(t, engine.Container{Cmd: []string{"sh", "-c", "seq 3 | cat >/dev/null; exit 7"}})); code != 7 {
		t.Errorf("exit code %d, want 7", code)
	}
}
