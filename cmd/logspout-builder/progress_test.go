package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// events runs a build with --json and gives its events, one a line.
func events(t *testing.T, dir, cache string, wantCode int, args ...string) []event {
	t.Helper()
	cmd := builderIn(t, dir, cache, append([]string{"build", "--json"}, args...)...)
	out, _ := cmd.Output()
	if code := cmd.ProcessState.ExitCode(); code != wantCode {
		t.Fatalf("exit code %d: %s", code, out)
	}
	var all []event
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		var e event
		dec := json.NewDecoder(bytes.NewReader(lines.Bytes()))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&e); err != nil {
			t.Fatalf("%s: %v", lines.Text(), err)
		}
		all = append(all, e)
	}
	last := all[len(all)-1]
	if last.Event != "done" || last.Exit == nil || *last.Exit != wantCode || last.Seconds == nil {
		t.Errorf("the last event is %+v", last)
	}
	return all
}

func TestEventsTellWhatHappensWithTimeAndPlace(t *testing.T) {
	dir, cache := t.TempDir(), t.TempDir()
	smallManifest(t, dir)
	var told []string
	for _, e := range events(t, dir, cache, 0, "--timings") {
		told = append(told, strings.TrimSpace(e.Event+" "+e.Step))
		if e.Event == "built" && (e.Path != "logspout" || e.Size == 0 || len(e.SHA256) != 64 || e.Cached) {
			t.Errorf("built: %+v", e.Built)
		}
		if e.Event == "timings" && (e.Tree == nil || len(e.Tree.Parts) == 0) {
			t.Errorf("timings: %+v", e.Tree)
		}
	}
	want := []string{"begin compile", "end compile", "begin verify", "end verify", "note lock", "built", "timings", "done"}
	if !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
	if all := events(t, dir, cache, 0); !slices.ContainsFunc(all, func(e event) bool { return e.Built != nil && e.Cached }) {
		t.Errorf("the same again: %+v", all)
	}

	var problems []event
	for _, e := range events(t, dir, cache, 2, "--with", "kafak", "--without", "nobody") {
		if e.Event == "error" {
			problems = append(problems, e)
		}
	}
	if len(problems) != 2 || problems[0].Step != "usage" || !strings.Contains(problems[0].Message, `did you mean "kafka"?`) {
		t.Errorf("problems: %+v", problems)
	}
	if err := os.WriteFile(dir+"/logspout.yaml", []byte("modules:\n  - stdin\n  - kafak\nmodulez: x\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	all := events(t, dir, cache, 3)
	if len(all) != 3 || all[0].File != "logspout.yaml" || all[0].Line != 3 || all[0].Column != 5 || all[0].Step != "manifest" || all[1].Line != 4 {
		t.Errorf("events: %+v", all)
	}
}

func TestPlainLinesHaveNoControlCharacters(t *testing.T) {
	dir := t.TempDir()
	smallManifest(t, dir)
	var stderr bytes.Buffer
	cmd := builderIn(t, dir, t.TempDir(), "build", "--timings")
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %s", err, &stderr)
	}
	if strings.ContainsAny(stderr.String(), "\r\x1b") || !regexp.MustCompile(`(?m)^compile   go\S+ for \S+ \(\S+\)$`).MatchString(stderr.String()) ||
		!regexp.MustCompile(`(?m)^│  └─ \S+ +link$`).MatchString(stderr.String()) {
		t.Errorf("stderr: %q", &stderr)
	}
}
