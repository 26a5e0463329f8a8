package moduletest_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const (
	guide   = "../../docs/writing-a-module.md"
	example = "../../examples/webhook"
)

// TestGuideShowsTheExampleAsItIs holds every listing of the guide that has a file's name against that file.
func TestGuideShowsTheExampleAsItIs(t *testing.T) {
	page, err := os.ReadFile(guide)
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{}
	for _, listing := range regexp.MustCompile("(?s)\n```go webhook/(\\S+)\n(.*?)```\n").FindAllStringSubmatch(string(page), -1) {
		name, text := listing[1], listing[2]
		if name == "codec.go" { // the sketch of an extension point
			continue
		}
		shown[name] = true
		file, err := os.ReadFile(filepath.Join(example, name))
		if err != nil {
			t.Errorf("the guide shows %s: %v", name, err)
		} else if string(file) != text {
			t.Errorf("the guide's %s is not the example's: copy %s into it", name, filepath.Join(example, name))
		}
	}
	for _, name := range []string{"webhook.go", "register.go", "webhook_test.go"} {
		if !shown[name] {
			t.Errorf("the guide does not show %s", name)
		}
	}
}

// TestExampleIsAModuleLikeAnyOther builds and tests the example in its own module, as its author would.
func TestExampleIsAModuleLikeAnyOther(t *testing.T) {
	for _, args := range [][]string{{"vet", "./..."}, {"test", "./..."}} {
		goCommand(t, example, args...)
	}
}

// TestExampleIsBuiltIn builds a binary with it, as the guide says, and asks the binary.
func TestExampleIsBuiltIn(t *testing.T) {
	dir := t.TempDir()
	manifest, binary := filepath.Join(dir, "logspout.yaml"), filepath.Join(dir, "logspout")
	if err := os.WriteFile(manifest, []byte("modules: [stdin]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	goCommand(t, "../..", "run", "./cmd/logspout-builder", "build", "-f", manifest, "--with", "example.com/logspout-webhook="+must(filepath.Abs(example)), "-o", binary)
	out, err := exec.Command(binary, "modules", "--json").Output()
	if err != nil {
		t.Fatal(err)
	}
	var listed struct {
		Extensions []struct{ Point, Name, Package string }
	}
	if err := json.Unmarshal(out, &listed); err != nil {
		t.Fatal(err)
	}
	for _, e := range listed.Extensions {
		if e.Point == "AdapterFactory" && e.Name == "webhook" && e.Package == "example.com/logspout-webhook" {
			return
		}
	}
	t.Errorf("the binary does not have the example: %s", out)
}

func goCommand(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("go %s in %s: %v\n%s", strings.Join(args, " "), dir, err, out)
	}
}

func must(s string, err error) string {
	if err != nil {
		panic(err)
	}
	return s
}
