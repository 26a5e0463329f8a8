package agent

import (
	"fmt"
	"runtime/debug"
)

// panicError is a panic of a module, recovered.
type panicError struct {
	value any
	stack []byte
}

// Error implements error.
func (e *panicError) Error() string { return fmt.Sprintf("panic: %v", e.value) }

// guarded calls a module: a panic comes back as a *panicError.
func guarded(call func() error) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = &panicError{value, debug.Stack()}
		}
	}()
	return call()
}
