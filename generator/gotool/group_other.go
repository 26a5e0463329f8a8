//go:build !unix

package gotool

import "os/exec"

// killWholeGroup does nothing here: the end of cmd's context kills the process alone.
func killWholeGroup(*exec.Cmd) {}
