package timings_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gliderlabs/logspout-builder/generator/timings"
)

func TestTheGraphOfARealBuildIsRead(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module example.com/x\n\ngo 1.26\n", "main.go": "package main\n\nimport \"example.com/x/y\"\n\nfunc main() { y.Y() }\n",
		"y/y.go": "package y\n\n// Y is " + time.Now().String() + "\nfunc Y() {}\n", // compiled anew in each run
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("go", "build", "-debug-actiongraph=graph.json", "-o", "out", ".")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	graph, err := os.ReadFile(filepath.Join(dir, "graph.json"))
	if err != nil {
		t.Fatal(err)
	}
	compile, link, err := timings.Compile(graph)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for i, p := range compile.Parts {
		names[p.Name] = true
		if p.Elapsed <= 0 || i > 0 && p.Elapsed > compile.Parts[i-1].Elapsed {
			t.Errorf("packages are not sorted by their time: %v", compile.Parts)
		}
	}
	if !names["example.com/x/y"] || names["runtime"] || link.Elapsed <= 0 || compile.Elapsed <= 0 || !strings.Contains(compile.Detail, " packages, ") {
		t.Errorf("compile %+v, link %+v", compile, link)
	}
}

func TestATreeShowsWhatIsBelowWhat(t *testing.T) {
	got := timings.Node{Name: "build", Elapsed: 2345 * time.Millisecond, Parts: []timings.Node{
		{Name: "compile", Detail: "2 of 9", Elapsed: 2 * time.Second, Parts: []timings.Node{{Name: "a", Elapsed: time.Second}, {Name: "b", Elapsed: time.Millisecond}}},
		{Name: "link", Elapsed: 300 * time.Millisecond},
	}}.Tree()
	want := `2.35s    build
├─ 2s       compile (2 of 9)
│  ├─ 1s       a
│  └─ 1ms      b
└─ 300ms    link
`
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestAGraphThatIsNoneIsAnError(t *testing.T) {
	if _, _, err := timings.Compile([]byte("{")); err == nil {
		t.Error("no error")
	}
}
