package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestEveryCommandHasAManPageWithItsFlags(t *testing.T) {
	dir := t.TempDir()
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), process{args: []string{"docs", "man", "-o", dir}, environ: os.Environ(), stdout: &stdout, stderr: &stderr}); code != 0 {
		t.Fatalf("exit code %d: %s", code, &stderr)
	}
	page, err := os.ReadFile(filepath.Join(dir, "logspout-builder-build.1"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{".TH LOGSPOUT\\-BUILDER\\-BUILD 1", `\fB\-f, \-\-file\fR \fImanifest\fR`, `\fB\-\-keep\-going\fR`, ".SH EXIT STATUS", ".BR logspout\\-builder (1)"} {
		if !strings.Contains(string(page), want) {
			t.Errorf("the page of build has no %q:\n%s", want, page)
		}
	}
	for _, cmd := range newRootCommand(process{}).Commands() {
		if _, err := os.Stat(filepath.Join(dir, "logspout-builder-"+cmd.Name()+".1")); cmd.IsAvailableCommand() && err != nil {
			t.Error(err)
		}
	}
	groff, err := exec.LookPath("groff")
	if err != nil {
		return
	}
	pages, err := filepath.Glob(filepath.Join(dir, "*.1"))
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(groff, append([]string{"-man", "-Tutf8", "-ww", "-z"}, pages...)...).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("groff: %v\n%s", err, out)
	}
}

func TestCompletionsForEveryShellAreWritten(t *testing.T) {
	dir := t.TempDir()
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), process{args: []string{"docs", "completions", "-o", dir}, environ: os.Environ(), stdout: &stdout, stderr: &stderr}); code != 0 {
		t.Fatalf("exit code %d: %s", code, &stderr)
	}
	for _, name := range []string{"logspout-builder.bash", "_logspout-builder", "logspout-builder.fish", "logspout-builder.ps1"} {
		if text, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !strings.Contains(string(text), "__complete") {
			t.Errorf("%s: %d bytes (%v)", name, len(text), err)
		}
	}
}
