package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// block is a fenced listing of a page. Its info is what stands behind the fence: a language and what the listing is for.
//
//	console        commands with "$ " in front, each of which prints the lines below it, among others; "console fails": and fails
//	sh             commands that are run; those that would forward logs report on their routes instead
//	yaml, yaml F   YAML; written to the file F
//	go F           a file of Go
//	promql         expressions over the metrics of a forwarder
//	text usage     lines of a command's help
//	text layout    a tree of files, "to come" where they are not there
//	text sketch    a drawing or a grammar, with nothing to run
type block struct {
	page, info, text string
	line             int
}

var fence = regexp.MustCompile("(?ms)^```([^\n`]*)\n(.*?)^```$")

// readBlocks are the blocks of a page, which is named by its path in the repository.
func readBlocks(t *testing.T, page string) []block {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(page)))
	if err != nil {
		t.Fatal(err)
	}
	var blocks []block
	for _, at := range fence.FindAllSubmatchIndex(text, -1) {
		blocks = append(blocks, block{page, string(text[at[2]:at[3]]), string(text[at[4]:at[5]]), 1 + bytes.Count(text[:at[0]], []byte("\n"))})
	}
	return blocks
}

// pages are all pages for people, in an order in which an earlier one leaves work for the caches of a later one.
func pages(t *testing.T) []string {
	t.Helper()
	var found []string
	for _, pattern := range []string{"*.md", "docs/*.md", "modules/*/*/README.md", "examples/*/README.md"} {
		names, err := filepath.Glob(filepath.Join("..", "..", filepath.FromSlash(pattern)))
		if err != nil || len(names) == 0 {
			t.Fatalf("%s: %q, %v", pattern, names, err)
		}
		for _, name := range names {
			found = append(found, strings.TrimPrefix(filepath.ToSlash(name), "../../"))
		}
	}
	return found
}

// runs tells whether runExamples runs a block.
func (b block) runs() bool {
	switch b.info {
	case "console", "console fails", "sh", "promql", "text usage":
		return true
	default:
		return false
	}
}

// elsewhere are the tests that hold the blocks which none of this package does, by page and info, as FILE:TEST.
var elsewhere = map[string]string{
	"docs/manifest.md yaml":                          "generator/manifest/docs_test.go:TestEveryBlockOfTheReferenceIsWhatItSays",
	"docs/manifest.md yaml wrong":                    "generator/manifest/docs_test.go:TestEveryBlockOfTheReferenceIsWhatItSays",
	"docs/manifest.md text":                          "generator/manifest/docs_test.go:TestEveryBlockOfTheReferenceIsWhatItSays",
	"docs/extension-points.md go extpoints/types.go": "cmd/logspout-builder/extpoints_test.go:TestTheExampleOfTheGuideRuns",
	"docs/extension-points.md go plain/plain.go":     "cmd/logspout-builder/extpoints_test.go:TestTheExampleOfTheGuideRuns",
	"docs/extension-points.md go main.go":            "cmd/logspout-builder/extpoints_test.go:TestTheExampleOfTheGuideRuns",
	"docs/extension-points.md text":                  "cmd/logspout-builder/extpoints_test.go:TestTheExampleOfTheGuideRuns",
	"docs/writing-a-module.md go":                    "core/moduletest/docs_test.go:TestGuideShowsTheExampleAsItIs",
	"docs/design.md go":                              "core/design_test.go:TestDesignShowsTheTypesAsTheyAre",
	"docs/design.md text imports":                    "test/lint/fences_test.go:TestEveryFenceOfTheDesignHolds",
	"modules/adapters/syslog/README.md text records": "modules/adapters/syslog/format_test.go:TestReadmeShowsTheRecordsAsTheyAre",
}

// TestEveryBlockOfThePagesIsHeldByATest fails for a listing that nothing runs, parses or compares.
func TestEveryBlockOfThePagesIsHeldByATest(t *testing.T) {
	used := map[string]bool{}
	count := 0
	for _, page := range pages(t) {
		for _, b := range readBlocks(t, page) {
			count++
			if language, _, _ := strings.Cut(b.info, " "); b.runs() || b.info == "text sketch" {
				continue
			} else if key := b.page + " " + b.info; elsewhere[key] != "" {
				used[key] = true
			} else if key := b.page + " " + language; language == "go" && elsewhere[key] != "" {
				used[key] = true
			} else if b.info == "text layout" {
				checkLayout(t, b)
			} else if language == "yaml" {
				var v any
				if err := yaml.Unmarshal([]byte(b.text), &v); err != nil || v == nil {
					t.Errorf("%s:%d: %v", b.page, b.line, err)
				}
			} else {
				t.Errorf("%s:%d: nothing holds this block of %q: give it an info string that a test knows", b.page, b.line, b.info)
			}
		}
		checkIndented(t, page)
	}
	for key, test := range elsewhere {
		file, name, _ := strings.Cut(test, ":")
		source, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(file)))
		if err != nil || !bytes.Contains(source, []byte("\nfunc "+name+"(t *testing.T) {")) {
			t.Errorf("%s: %s is not there (%v)", key, test, err)
		}
		if !used[key] {
			t.Errorf("%s: there is no such block any more", key)
		}
	}
	if count < 80 {
		t.Errorf("only %d blocks were found", count)
	}
}

// checkIndented refuses listings without a fence: they have no info string.
func checkIndented(t *testing.T, page string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(page)))
	if err != nil {
		t.Fatal(err)
	}
	if m := regexp.MustCompile("\n\n {4,}.*").Find(fence.ReplaceAll(text, nil)); m != nil {
		t.Errorf("%s: put a fence around\n%s", page, m)
	}
}

// checkLayout holds the path at the beginning of each line of a tree against the repository.
func checkLayout(t *testing.T, b block) {
	t.Helper()
	found := 0
	for line := range strings.Lines(b.text) {
		name, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		if line[0] == ' ' || strings.Contains(line, "(to come) ") { // the line above goes on
			continue
		}
		found++
		if _, err := os.Stat(filepath.Join("..", "..", filepath.FromSlash(strings.TrimSuffix(name, "NAME/")))); err != nil {
			t.Errorf("%s:%d: %v", b.page, b.line, err)
		}
	}
	if found < 20 {
		t.Errorf("%s:%d: only %d paths", b.page, b.line, found)
	}
}
