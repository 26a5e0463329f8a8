package goflags

import (
	"slices"
	"testing"
)

func TestFlagsThatRunProgramsOrNameThisMachineAreRefused(t *testing.T) {
	for flags, want := range map[string][]string{
		"":                              nil,
		"-X example.com/a.B=c -s -w":    nil,
		`"-X=example.com/a.B=c d" -s`:   nil,
		"--buildid= -linkmode=internal": nil,
		"-extld=./x -r /lib -s":         {"-extld is refused: it runs a program that the manifest names", "-r is refused: it puts a path of this machine into the binary"},
		"-extldflags x y":               {"-extldflags is refused: there is no external linker: binaries are static and built without cgo", `want a flag, found "y"`},
		"-linkmode external":            {"-linkmode=external is refused: binaries are static and linked by the go command's own linker"},
		"-X a":                          {`-X wants importpath.name=value, found "a"`},
		"-X":                            {"-X wants a value"},
		`-X "a`:                         {`a quote (") is not closed`},
		"x":                             {`want a flag, found "x"`},
	} {
		if got := CheckLinker(flags, false); !slices.Equal(got, want) {
			t.Errorf("%s: %q", flags, got)
		}
	}
	if got := CheckLinker("-s -w=false", true); !slices.Equal(got, []string{"-s strips what debug: true keeps"}) {
		t.Errorf("%q", got)
	}
}

func TestTagsThatPromiseWhatABinaryDoesNotHaveAreRefused(t *testing.T) {
	for tag, want := range map[string]string{
		"netgo": "", "a.b_1": "",
		"a,b":    `tag "a,b": want letters, digits, _ and .: write each tag as an entry of its own`,
		"":       `tag "": want letters, digits, _ and .`,
		"race":   "tag race is refused: the race detector needs cgo, and binaries are built without",
		"go1.99": `tag "go1.99" is refused: the toolchain sets it`,
	} {
		if got := CheckTag(tag); got != want {
			t.Errorf("%q: %s", tag, got)
		}
	}
}
