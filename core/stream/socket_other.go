//go:build !linux

package stream

import (
	"syscall"
	"time"
)

// unacknowledged is not known here: only time tells what the peer has.
func unacknowledged(syscall.RawConn) int { return 0 }

// wasReset is not known here.
func wasReset(syscall.RawConn) bool { return false }

// peerWindow is not known here.
func peerWindow(syscall.RawConn) int { return 0 }

// silent is left to the kernel's own timeouts.
func silent(syscall.RawConn, time.Duration) bool { return false }
