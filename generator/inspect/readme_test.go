package inspect

import (
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/gliderlabs/logspout-builder/generator/manifest"
)

func TestOptionsAreReadFromTheTablesOfAReadme(t *testing.T) {
	got := ReadmeOptions(`# x

## Description

| option | |
|---|---|
| ` + "`not`" + ` | an option of this section |

## Options

Text.

| option | default | |
|---|---|---|
| ` + "`topic`" + ` | the path | the topic, ` + "`a` \\| `b`" + ` |
| ` + "`headers`" + ` | ` + "`true`" + ` | the headers |
| ` + "`timeout`" + ` | ` + "`10s`" + ` | how long |
| no option | | x |

| variable | type | default | |
|---|---|---|---|
| ` + "`X_BYTES`" + ` | size | ` + "`1MiB`" + ` | how much |

## Examples

| option | |
|---|---|
| ` + "`no`" + ` | x |
`)
	want := []manifest.Option{
		{Name: "topic", Type: "string", Default: "the path", Description: "the topic, a | b"},
		{Name: "headers", Type: "bool", Default: "true", Description: "the headers"},
		{Name: "timeout", Type: "duration", Default: "10s", Description: "how long"},
		{Env: "X_BYTES", Type: "size", Default: "1MiB", Description: "how much"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTheSynopsisIsTheFirstSentence(t *testing.T) {
	files := fstest.MapFS{
		"sub/a.go":      {Data: []byte("package sub\n")},
		"sub/b.go":      {Data: []byte("// Package sub delivers to x. And more.\npackage sub\n")},
		"sub/b_test.go": {Data: []byte("// Package sub tests.\npackage sub\n")},
	}
	if got := Synopsis(files, "sub"); got != "delivers to x" {
		t.Errorf("got %q", got)
	}
	if got := Synopsis(files, "."); got != "" {
		t.Errorf("got %q", got)
	}
}
