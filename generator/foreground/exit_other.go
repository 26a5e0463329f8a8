//go:build !unix

package foreground

import "os"

// terminate asks a process to end.
var terminate os.Signal = os.Interrupt //nolint:gochecknoglobals // constant

// exitCode is the code of a process that has ended.
func exitCode(s *os.ProcessState) int { return s.ExitCode() }
