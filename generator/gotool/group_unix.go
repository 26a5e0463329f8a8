//go:build unix

package gotool

import (
	"os/exec"
	"syscall"
)

// killWholeGroup makes the end of cmd's context kill the process and all that it started.
func killWholeGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
