package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// varying are the parts of an output that differ from run to run and from machine to machine.
var varying = regexp.MustCompile(`\d[\d.]*m?s\b|\d[\d.]* MB|go1[\d.]+|\bv1[\d.]+\b|\blinux/amd64\b`)

// columns are the spaces of a table, as many as its cells need.
var columns = regexp.MustCompile(" {2,}")

// TestTheExamplesOfTheGuidesRun runs every console block of the pages: each "$ command" has to print the lines below it, among others.
func TestTheExamplesOfTheGuidesRun(t *testing.T) {
	for _, page := range []string{"README.md", "docs/builder.md", "docs/lock.md", "docs/supply-chain.md", "docs/writing-a-module.md"} {
		t.Run(page, func(t *testing.T) { runExamples(t, page) })
	}
}

// runExamples runs a page's console blocks in a directory that holds testdata/guide, and the page's first YAML block as logspout-ops.yaml.
func runExamples(t *testing.T, page string) {
	t.Helper()
	guide, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(page)))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "guide"))); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, "gelf", "go.mod.txt"), filepath.Join(dir, "gelf", "go.mod")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, "silent", "go.mod.txt"), filepath.Join(dir, "silent", "go.mod")); err != nil {
		t.Fatal(err)
	}
	if yaml := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindSubmatch(guide); yaml != nil {
		if err := os.WriteFile(filepath.Join(dir, "logspout-ops.yaml"), yaml[1], 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cache := t.TempDir()
	blocks := regexp.MustCompile("(?s)```console( fails)?\n(.*?)```").FindAllStringSubmatch(string(guide), -1)
	if len(blocks) == 0 {
		t.Fatal("the guide has no examples")
	}
	for _, block := range blocks {
		for _, example := range strings.Split("\n"+block[2], "\n$ ")[1:] {
			lines := strings.Split(strings.TrimRight(example, "\n"), "\n")
			args := strings.Fields(lines[0])
			var cmd *exec.Cmd
			if args[0] == "logspout-builder" {
				cmd = builderIn(t, dir, cache, args[1:]...)
			} else {
				if cmd = exec.Command(args[0], args[1:]...); strings.Contains(args[0], "/") {
					cmd = exec.Command(filepath.Join(dir, args[0]), args[1:]...)
				}
				cmd.Dir = dir
			}
			out, err := cmd.CombinedOutput()
			if failed := err != nil; failed != (block[1] != "") {
				t.Fatalf("$ %s\n%s\n%v", lines[0], out, err)
			}
			for _, line := range lines[1:] {
				var fixed []string
				for _, part := range varying.Split(line, -1) {
					fixed = append(fixed, columns.ReplaceAllString(regexp.QuoteMeta(part), " +"))
				}
				if !regexp.MustCompile(`(?m)^` + strings.Join(fixed, `\S+( MB)?`)).Match(out) {
					t.Errorf("$ %s\nprints\n%swithout the line\n%s", lines[0], out, line)
				}
			}
		}
	}
}
