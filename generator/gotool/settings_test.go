//go:build unix

package gotool

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// memory is a Memory that lasts as long as the test.
type memory map[string][]byte

func (m memory) Recall(kind, key string, v any) bool {
	data, ok := m[kind+"/"+key]
	return ok && json.Unmarshal(data, v) == nil
}

func (m memory) Keep(kind, key string, v any) (err error) {
	m[kind+"/"+key], err = json.Marshal(v)
	return err
}

// toolchain is a Go installation whose go command counts how often it is asked. It answers with GOPROXY of its environment or configuration.
type toolchain struct {
	t          *testing.T
	root, home string
	kept       memory
}

func newToolchain(t *testing.T) *toolchain {
	t.Helper()
	x := &toolchain{t: t, root: t.TempDir(), home: t.TempDir(), kept: memory{}}
	x.write("VERSION", "go1.26.8\n", 0o644)
	x.write("go.env", "GOTOOLCHAIN=local\n", 0o644)
	x.answerWith(x.root)
	t.Setenv("PATH", filepath.Join(x.root, "bin")+string(filepath.ListSeparator)+os.Getenv("PATH"))
	return x
}

func (x *toolchain) write(name, content string, mode os.FileMode) {
	x.t.Helper()
	file := filepath.Join(x.root, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		x.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), mode); err != nil {
		x.t.Fatal(err)
	}
}

// answerWith writes the go command, which says that its toolchain lies in root.
func (x *toolchain) answerWith(root string) {
	x.t.Helper()
	x.write("bin/go", `#!/bin/sh
echo asked >>`+x.root+`/asked
[ -n "$GOPROXY" ] || GOPROXY=$(sed -n s/^GOPROXY=//p "$HOME/.config/go/env" 2>/dev/null)
echo '{"GOVERSION":"go1.26.8","GOOS":"linux","GOARCH":"amd64","GOFLAGS":"'$GOFLAGS'","GOPROXY":"'$GOPROXY'","GOROOT":"`+root+`"}'
`, 0o755)
}

// find is FindIn with variables, and how often the go command was asked.
func (x *toolchain) find(variables ...string) (g *Tool, asked int) {
	x.t.Helper()
	before, _ := os.ReadFile(filepath.Join(x.root, "asked")) // not there at first
	g, err := FindIn(x.t.Context(), append([]string{"HOME=" + x.home, "PATH=" + os.Getenv("PATH")}, variables...), x.kept)
	if err != nil {
		x.t.Fatal(err)
	}
	after, _ := os.ReadFile(filepath.Join(x.root, "asked"))
	return g, strings.Count(string(after), "\n") - strings.Count(string(before), "\n")
}

func (x *toolchain) configure(content string) {
	x.t.Helper()
	file := filepath.Join(x.home, ".config", "go", "env")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		x.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		x.t.Fatal(err)
	}
}

func TestGoCommandIsAskedOnceForItsSettings(t *testing.T) {
	x := newToolchain(t)
	first, asked := x.find("GOFLAGS=-p=3", "GOPROXY=https://one.example.com")
	if asked != 1 || first.Settings.GOVERSION != "go1.26.8" || first.Settings.GOFLAGS != "-mod=readonly -p=3" {
		t.Fatalf("asked %d times: %+v", asked, first.Settings)
	}
	// What tells nothing of the toolchain, or comes from the environment itself.
	again, asked := x.find("GOFLAGS=-p=3", "GOPROXY=https://two.example.com", "SSH_AUTH_SOCK=/tmp/agent")
	want := first.Settings
	want.GOPROXY = "https://two.example.com"
	if asked != 0 || again.Settings != want {
		t.Errorf("asked %d times for what it said before: %+v, want %+v", asked, again.Settings, want)
	}
}

func TestGoCommandIsAskedAgainWhenSomethingChanged(t *testing.T) {
	for name, change := range map[string]func(x *toolchain) []string{
		"environment":         func(*toolchain) []string { return []string{"GOOS=plan9"} },
		"flags":               func(*toolchain) []string { return []string{"GOFLAGS=-p=2"} },
		"proxy set":           func(*toolchain) []string { return []string{"GOPROXY=off"} },
		"home":                func(x *toolchain) []string { x.home = x.t.TempDir(); return nil },
		"version":             func(x *toolchain) []string { x.write("VERSION", "go1.26.9\n", 0o644); return nil },
		"toolchain's file":    func(x *toolchain) []string { x.write("go.env", "GOPROXY=off\n", 0o644); return nil },
		"configuration":       func(x *toolchain) []string { x.configure("GOARM=7\n"); return nil },
		"other configuration": func(*toolchain) []string { return []string{"GOENV=/elsewhere"} },
		"binary": func(x *toolchain) []string {
			later := time.Now().Add(time.Minute)
			if err := os.Chtimes(filepath.Join(x.root, "bin", "go"), later, later); err != nil {
				x.t.Fatal(err)
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			x := newToolchain(t)
			x.configure("")
			x.find()
			if _, asked := x.find(); asked != 0 {
				t.Fatal("it is asked again though nothing changed")
			}
			if _, asked := x.find(change(x)...); asked != 1 {
				t.Errorf("asked %d times after a change", asked)
			}
		})
	}
}

func TestAnswerOfAnotherToolchainIsNotKept(t *testing.T) {
	x := newToolchain(t)
	x.answerWith(t.TempDir()) // a program that chooses one, by rules of its own
	x.find()
	if _, asked := x.find(); asked != 1 {
		t.Errorf("asked %d times", asked)
	}
}

func TestNoPasswordIsKept(t *testing.T) {
	for name, row := range map[string]struct {
		variables []string
		configure string
		asked     int // the second time
	}{
		"environment":        {variables: []string{"GOPROXY=https://me:hunter2@proxy.example.com"}},
		"token":              {variables: []string{"GOPROXY=https://proxy.example.com?token=hunter2"}},
		"flags":              {variables: []string{"GOFLAGS=-ldflags=-X=main.token=hunter2"}},
		"configuration":      {configure: "GOPROXY=https://me:hunter2@proxy.example.com\n", asked: 1},
		"harmless, for once": {configure: "GOPROXY=https://proxy.example.com,direct\n"},
	} {
		t.Run(name, func(t *testing.T) {
			x := newToolchain(t)
			x.configure(row.configure)
			first, _ := x.find(row.variables...)
			again, asked := x.find(row.variables...)
			if asked != row.asked || again.Settings != first.Settings {
				t.Errorf("asked %d times again, and the settings are %+v, before %+v", asked, again.Settings, first.Settings)
			}
			for key, data := range x.kept {
				if strings.Contains(key+string(data), "hunter2") {
					t.Errorf("%s has the password: %s", key, data)
				}
			}
		})
	}
}
