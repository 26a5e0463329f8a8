package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

// TestTheExampleOfTheGuideRuns builds and runs the program in docs/extension-points.md.
func TestTheExampleOfTheGuideRuns(t *testing.T) {
	guide, err := os.ReadFile("../../docs/extension-points.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	files := map[string]string{"go.mod": "module example.com/app\n\ngo 1.22\n"}
	for _, block := range regexp.MustCompile("(?ms)^```go (\\S+)\n(.*?)^```$").FindAllStringSubmatch(string(guide), -1) {
		files[block[1]] = block[2]
	}
	for name, content := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if code := run(t.Context(), process{args: []string{"extpoints", filepath.Join(dir, "extpoints")}, stdout: io.Discard, stderr: t.Output()}); code != 0 {
		t.Fatalf("extpoints ended with code %d", code)
	}
	cmd := exec.Command("go", "run", ".")
	cmd.Dir, cmd.Stderr = dir, t.Output()
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off")
	got, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	want := regexp.MustCompile("(?ms)^```text\n(.*?)^```$").FindSubmatch(guide)
	if want == nil || string(got) != string(want[1]) {
		t.Errorf("the program prints\n%s, the guide says\n%s", got, want)
	}
}
