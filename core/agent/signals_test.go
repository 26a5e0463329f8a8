//go:build unix

package agent

import (
	"bytes"
	"context"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gliderlabs/logspout-builder/core"
)

func TestProgramOfLinkedModulesStopsOnSignals(t *testing.T) {
	s := &sink{deliver: func(context.Context, []core.Message) error { return errDown }}
	core.AdapterFactories.Register(func(env core.Env, _ *core.Route) (core.Adapter, error) {
		if _, ok := env.Modules.AdapterFactory("linked"); !ok {
			t.Error("the module does not find itself")
		}
		if _, ok := env.Modules.AdapterTransport("none"); ok {
			t.Error("the module finds a transport that is not there")
		}
		return s, nil
	}, "linked")
	defer core.AdapterFactories.Unregister("linked")
	core.LogRouters.Register(&scripted{
		run: func(ctx context.Context, in core.Intake) error {
			if err := in.Append(ctx, numbered(in.Env().Vars["PREFIX"], 0, 3), core.Position{}); err != nil {
				return err
			}
			<-ctx.Done()
			return nil
		},
		check: func(core.Env) error { return nil },
	}, "linked")
	defer core.LogRouters.Unregister("linked")

	ctx, stop := signal.NotifyContext(t.Context(), syscall.SIGTERM)
	defer stop()
	var stdout, stderr buffer
	code := make(chan int)
	go func() {
		code <- Run(ctx, Process{
			Args: []string{"linked://x"}, Environ: []string{"LOGSPOUT_GRACE=1h", "PREFIX=line", "ROUTESPATH=" + t.TempDir()},
			Stdin: bytes.NewReader(nil), Stdout: &stdout, Stderr: &stderr,
		}, Build{})
	}()
	kill := func() {
		if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
	}
	stderr.wait(t, "delivery failed")
	kill()
	stderr.wait(t, "msg=stopping")
	kill()
	select {
	case got := <-code:
		if got != exitOK {
			t.Errorf("exit code %d", got)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("still running after two signals")
	}
	if log := stderr.String(); !strings.Contains(log, "name=logspout") || !strings.Contains(log, "lines=3 reason=shutdown") {
		t.Errorf("log %s", log)
	}
}
