// Package fault is why a build failed: at which step, through which package, and what to do.
package fault

import (
	"errors"
	"strings"

	"github.com/gliderlabs/logspout-builder/generator/manifest"
)

// Step is a stage of a build; its failures share an exit code.
type Step int

// The steps, in their order.
const (
	StepManifest Step = iota
	StepResolve
	StepCompile
	StepVerify
)

// Error is a build that failed: at which step, through which package, why, and what to do.
type Error struct {
	Step    Step
	Package string       // at fault, "" when it cannot be told
	Pos     manifest.Pos // where that package was asked for
	Err     error
	Hint    string // the next step for the user, may be ""
}

// Error is "place: package: reason" and the next step on a line of its own.
func (e *Error) Error() string {
	var b strings.Builder
	at := e.Pos.String()
	if at != "" {
		b.WriteString(at + ": ")
	}
	if !strings.Contains(at, e.Package) { // a flag names it
		b.WriteString(e.Package + ": ")
	}
	b.WriteString(e.Err.Error())
	if e.Hint != "" {
		b.WriteString("\nnext: " + e.Hint)
	}
	return b.String()
}

// Unwrap returns the reason.
func (e *Error) Unwrap() error { return e.Err }

// ExitCode is the process's exit code for this error, as documented in docs/builder.md.
func (e *Error) ExitCode() int { return 3 + int(e.Step) }

// At makes err an *Error of step, unless it is one already.
func At(step Step, err error) error {
	var e *Error
	if err == nil || errors.As(err, &e) {
		return err
	}
	return &Error{Step: step, Err: err}
}
