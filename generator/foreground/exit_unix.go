//go:build unix

package foreground

import (
	"os"
	"syscall"
)

// terminate asks a process to end.
const terminate = syscall.SIGTERM

// exitCode is the code of a process that has ended, 128 and the signal's number where a signal ended it, as shells have it.
func exitCode(s *os.ProcessState) int {
	if status, ok := s.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return s.ExitCode()
}
