package agent

import (
	"os"
	"os/signal"
	"syscall"
)

// notifyInterrupts gives the signals that ask the process to end, from now on.
func notifyInterrupts() (<-chan os.Signal, func()) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, os.Interrupt, syscall.SIGTERM)
	return c, func() { signal.Stop(c) }
}
