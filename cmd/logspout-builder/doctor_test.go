package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDoctorTellsWhatIsMissingAndHowToGetIt(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	diagnose := func(code int, variables ...string) string {
		t.Helper()
		var stdout, stderr bytes.Buffer
		environ := append(os.Environ(), variables...)
		if got := run(t.Context(), process{args: []string{"doctor"}, environ: environ, stdout: &stdout, stderr: &stderr}); got != code {
			t.Errorf("exit code %d, want %d: %s%s", got, code, &stdout, &stderr)
		}
		return stdout.String()
	}
	clean := func(variable string) string { return variable + "=" + t.TempDir() }
	got := diagnose(0, clean("LOGSPOUT_BUILDER_CACHE"), clean("GOMODCACHE"), "GOPROXY=https://me:hunter2@proxy.example.com")
	for _, want := range []string{"ok       go          go1.", "limited  go modules  0 of the ", "'logspout-builder fetch'", "https://xxxxx@proxy.example.com", "ok       cache"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	t.Setenv("PATH", t.TempDir())
	got = diagnose(exitFailure, "LOGSPOUT_BUILDER_CACHE="+file)
	for _, want := range []string{"missing  go          no go command in PATH", "install Go 1.26 or newer", "limited  git", "missing  cache", "LOGSPOUT_BUILDER_CACHE name another"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}
