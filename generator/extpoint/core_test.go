package extpoint_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gliderlabs/logspout-builder/generator/extpoint"
)

// TestTheCoresExtensionPointsAreFresh runs what core's go:generate line says and compares.
func TestTheCoresExtensionPointsAreFresh(t *testing.T) {
	const dir, command = "../../core", "//go:generate go run ../cmd/logspout-builder extpoints -o "
	source, err := os.ReadFile(filepath.Join(dir, "extpoints.go"))
	if err != nil {
		t.Fatal(err)
	}
	_, line, ok := strings.Cut(string(source), command)
	if !ok {
		t.Fatalf("core/extpoints.go has no line %q", command)
	}
	line, _, _ = strings.Cut(line, "\n")
	args := strings.Fields(line) // FILE . Type ...
	if len(args) < 3 || args[1] != "." {
		t.Fatalf("arguments %q, want FILE . Type ...", args)
	}
	fresh, err := extpoint.GenerateDir(dir, args[0], args[2:])
	if err != nil {
		t.Fatal(err)
	}
	committed, err := os.ReadFile(filepath.Join(dir, args[0]))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(fresh, committed) {
		t.Errorf("core/%s is stale: run go generate ./core\n%s", args[0], cmp.Diff(string(committed), string(fresh)))
	}
}
