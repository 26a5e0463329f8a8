package agent

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
)

func TestTwoProcessesDoNotShareAStateDirectory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		state := filepath.Join(t.TempDir(), "state")
		if err := os.Mkdir(state, 0o700); err != nil {
			t.Fatal(err)
		}
		// What a process leaves that was killed.
		if err := os.WriteFile(filepath.Join(state, "lock"), []byte("4711 on elsewhere\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		first := newBinary(t)
		first.env["LOGSPOUT_STATE"] = state
		first.sink("net")
		first.feed("feed")
		r := first.start(t, "net://x")
		synctest.Wait()

		second := newBinary(t)
		second.env["LOGSPOUT_STATE"] = state
		s := second.sink("net")
		second.feed("feed")
		if code := second.run(t.Context(), "net://x"); code != exitError {
			t.Errorf("exit code %d", code)
		}
		log := second.stderr.String()
		for _, want := range []string{"LOGSPOUT_STATE: another process (", " on ", state, "give each a directory of its own"} {
			if !strings.Contains(log, want) || strings.Contains(log, "4711") {
				t.Errorf("no %q in %s", want, log)
			}
		}
		if s.closed != 1 {
			t.Errorf("the adapter that was not used was closed %d times", s.closed)
		}

		if err := r.wait(); err != nil {
			t.Fatal(err)
		}
		if code := second.run(t.Context(), "check", "net://x"); code != exitOK {
			t.Errorf("check: exit code %d", code)
		}
		again := second.start(t, "net://x")
		synctest.Wait()
		if err := again.wait(); err != nil {
			t.Fatal(err)
		}
	})
}
