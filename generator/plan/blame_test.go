package plan

import (
	"errors"
	"strings"
	"testing"

	"github.com/gliderlabs/logspout-builder/generator/fault"
	"github.com/gliderlabs/logspout-builder/generator/gotool"
	"github.com/gliderlabs/logspout-builder/generator/manifest"
)

func TestErrorsOfTheGoCommandAreAttributedAndExplained(t *testing.T) {
	p := &Plan{Packages: []Package{
		{Path: "example.com/you/a", Query: "v1.0.0", Pos: manifest.Pos{File: "x.yaml", Line: 2, Col: 3}},
		{Path: "example.com/you/b/adapter", Query: "v1.0.0", Pos: manifest.Pos{File: "x.yaml", Line: 3, Col: 3}},
	}}
	for _, row := range []struct{ stderr, at, reason, next string }{
		{
			"go: downloading example.com/you/a v1.0.0\ngo: example.com/you/b/adapter@v1.0.0: reading https://proxy/example.com/you/b/adapter/@v/v1.0.0.info: 404 Not Found",
			"3", "there is no such module, or no such version of it", "check its path",
		},
		{"go: module example.com/you/b@v1.0.0 found, but does not contain package example.com/you/b/adapter", "3", "the module has no such package", "check the package's path"},
		{"verifying example.com/you/b@v1.0.0: checksum mismatch", "3", "not what its checksum says", "do not use it"},
		{"go: example.com/you/a@v1.0.0: invalid version: unknown revision v1.0.0", "2", "there is no such version", "tags"},
		{`go: example.com/you/a@v1.0.0: Get "https://proxy/x": dial tcp: lookup proxy: no such host`, "2", "the module proxy cannot be reached", "check the network"},
		{"go: example.com/you/a@v1.0.0: module lookup disabled by GOPROXY=off", "2", "GOPROXY=off", "set GOPROXY"},
		{"go: example.com/you/a@v1.0.0 requires go >= 1.99 (running go 1.26; GOTOOLCHAIN=local)", "2", "needs a newer Go", "install"},
		{"go: example.com/you/a@v1.0.0 requires example.com/lib@v1.5.0, not example.com/lib@v1.0.0", "2", "needs example.com/lib at v1.5.0", "ask for example.com/lib@v1.5.0 or newer"},
		{"fatal: could not read Username for 'https://example.com': terminal prompts disabled\nexample.com/you/a", "2", "no access", "GOPRIVATE"},
		{"# example.com/you/b/adapter\n../x/example.com/you/b@v1.0.0/adapter/x.go:1:2: undefined: y", "3", "the go command refused it", ""},
		{"write /tmp/x: no space left on device", "", "the disk is full", "make room"},
	} {
		err := p.Blame(fault.StepResolve, &gotool.Error{Args: []string{"get", "."}, Stderr: row.stderr, Err: errors.New("exit status 1")})
		if _, ok := errors.AsType[*fault.Error](err); !ok {
			t.Fatalf("got %T", err)
		}
		text := err.Error()
		last := row.stderr[strings.LastIndexByte(row.stderr, '\n')+1:]
		if at := strings.HasPrefix(text, "x.yaml:"+row.at+":3: "); at != (row.at != "") ||
			!strings.Contains(text, row.reason) || !strings.Contains(text, row.next) || !strings.Contains(text, last) || !strings.Contains(text, "(go get .: exit status 1)") {
			t.Errorf("%s\nis told as\n%s\nwant line %s, %q, %q", row.stderr, text, row.at, row.reason, row.next)
		}
	}
}
