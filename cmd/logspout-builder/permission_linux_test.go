package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// TestWhatAUserMayNotTouchIsToldWithItsModeAndTheNextStep runs the builder as somebody whom files and directories are closed to.
func TestWhatAUserMayNotTouchIsToldWithItsModeAndTheNextStep(t *testing.T) {
	dir := t.TempDir()
	for _, at := range []string{filepath.Dir(dir), dir} { // others get here
		if err := os.Chmod(at, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	builder := filepath.Join(dir, "logspout-builder")
	data, err := os.ReadFile(must(os.Executable()))
	if err == nil {
		err = os.WriteFile(builder, data, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	const manifest = "modules: [stdin]\n"
	for name, text := range map[string]string{"closed.yaml": manifest, "open.yaml": manifest, "open.lock": "", "closed.json": "{}", "closed/x": "", "shut/closed.yaml": manifest} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, mode := range map[string]os.FileMode{"closed.yaml": 0, "open.lock": 0, "closed.json": 0, "closed": 0o555, "shut": 0o444} {
		if err := os.Chmod(filepath.Join(dir, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { // so that it can be removed
		for _, name := range []string{"closed", "shut"} {
			_ = os.Chmod(filepath.Join(dir, name), 0o755)
		}
	})
	for command, want := range map[string]string{
		"generate -f closed.yaml -o /nowhere":                        `read manifest: open closed.yaml: permission denied\nnext: let this user \(uid \d+\) read closed.yaml \(its mode is ----------\)\n`,
		"lock -f open.yaml":                                          `open.lock: permission denied\nnext: let this user \(uid \d+\) read open.lock \(its mode is ----------\)\n`,
		"modules --registry closed.json":                             `open closed.json: permission denied\nnext: let this user \(uid \d+\) read closed.json \(its mode is ----------\)\n`,
		"modules --registry shut/closed.json":                        `permission denied\nnext: let this user \(uid \d+\) enter shut \(its mode is dr--r--r--\)\n`,
		"build -f open.yaml --lock none.lock -o closed/new/logspout": `make directory of the output: mkdir closed/new: permission denied\nnext: let this user \(uid \d+\) write to closed \(its mode is dr-xr-xr-x\), or name another place \(-o, for a lock --lock\)\n`,
		"init -o closed/logspout.yaml raw+tcp://h:1":                 `permission denied\nnext: let this user \(uid \d+\) write to closed \(its mode is dr-xr-xr-x\), or name another place \(-o, for a lock --lock\)\n`,
	} {
		cmd := exec.Command(builder, strings.Fields(command)...)
		cmd.Args[0], cmd.Dir = "logspout-builder", dir
		cmd.Env = append(os.Environ(), "HOME="+dir, "LOGSPOUT_BUILDER_CACHE="+filepath.Join(dir, "closed", "cache"))
		if os.Getuid() == 0 { // whom nothing is closed to
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		}
		out, err := cmd.CombinedOutput()
		if err == nil || !regexp.MustCompile(want).Match(out) {
			t.Errorf("logspout-builder %s (%v)\n%swant\n%s", command, err, out, want)
		}
	}
}
