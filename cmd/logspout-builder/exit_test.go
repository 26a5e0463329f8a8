package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

func TestExitCodesAreThoseOfTheGuide(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{
		"small.yaml":       "modules: [stdin]\n",
		"misspelt.yaml":    "module: [stdin]\n",
		"flags.yaml":       "modules: [stdin]\nbuild: {ldflags: -B nonsense}\n",
		"panics/go.mod":    "module example.com/panics\n\ngo 1.26\n",
		"panics/panics.go": "package panics\n\nimport \"github.com/gliderlabs/logspout-builder/core\"\n\nfunc init() { core.AdapterFactories.Register(nil, \"panics\") }\n",
		"silent/go.mod":    "module example.com/silent\n\ngo 1.26\n",
		"silent/silent.go": "package silent\n",
	} {
		if dir, _, ok := strings.Cut(name, "/"); ok {
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	environ := append(os.Environ(), "LOGSPOUT_BUILDER_CACHE="+t.TempDir(), "GOPROXY=off")
	for line, want := range map[string]int{
		"version":                             0,
		"build --nonsense":                    2,
		"biuld":                               2,
		"build surplus":                       2,
		"generate":                            2,
		"bundle":                              2,
		"build --with kafk":                   2,
		"build -f small.yaml --without kafka": 2,
		"build -f absent.yaml":                3,
		"build -f misspelt.yaml":              3,
		"build -f small.yaml --with example.com/silent=./absent": 3,
		"build -f small.yaml --with example.com/silent=./silent": 4,
		"build -f small.yaml --with example.com/x@v1.0.0":        4,
		"build -f flags.yaml": 5,
		"build -f small.yaml --with example.com/panics=./panics":   6,
		"build -f small.yaml -o panics/panics.go/x":                1,
		"build -f small.yaml -o out":                               0,
		"generate -f small.yaml -o silent/../panics/../generated/": 0,
	} {
		var stdout, stderr bytes.Buffer
		got := run(t.Context(), process{args: strings.Fields(line), environ: environ, stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr})
		if got != want {
			t.Errorf("%s: exit code %d, want %d\n%s", line, got, want, &stderr)
		}
		if failed := got != 0; failed && (stdout.Len() > 0 || stderr.Len() == 0) || !failed && stdout.Len() == 0 {
			t.Errorf("%s: stdout %q, stderr %q", line, &stdout, &stderr)
		}
	}
}

func TestCompletionKnowsModules(t *testing.T) {
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), process{args: []string{"__complete", "build", "--with", "ka"}, environ: os.Environ(), stdout: &stdout, stderr: &stderr}); code != 0 || !strings.Contains(stdout.String(), "kafka\t") {
		t.Errorf("exit code %d, %s%s", code, &stdout, &stderr)
	}
}
