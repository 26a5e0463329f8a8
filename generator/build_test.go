package generator

import (
	"errors"
	"testing"

	"github.com/gliderlabs/logspout-builder/generator/fault"
)

func TestOneErrorOfSeveralPlatformsIsToldOnce(t *testing.T) {
	var f failures
	f.add("linux/amd64", errors.New("no disk"))
	f.add("linux/arm64", errors.New("no disk"))
	f.add("darwin/arm64", &fault.Error{Step: fault.StepCompile, Err: errors.New("undefined: x")})
	err := f.err(3)
	if want := "linux/amd64, linux/arm64: no disk\ndarwin/arm64: undefined: x"; err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
	if e, ok := errors.AsType[*fault.Error](err); !ok || e.ExitCode() != 5 {
		t.Errorf("the exit code is lost in %v", err)
	}
	var same failures
	same.add("linux/amd64", errors.New("no disk"))
	same.add("linux/arm64", errors.New("no disk"))
	if err := same.err(2); err.Error() != "no disk" {
		t.Errorf("got %q", err)
	}
}
