package audit

import (
	"os"
	"path/filepath"
	"testing"
)

func TestLinkedPackagesAreReadFromTheBinary(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	packages, err := LinkedPackages(self)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{"runtime", "main", "testing", "encoding/json", "golang.org/x/mod/semver", "github.com/gliderlabs/logspout-builder/generator/audit"} {
		if !packages[p] {
			t.Errorf("%s is not seen", p)
		}
	}
	for _, p := range []string{"net/smtp", "text/template", "github.com/gliderlabs/logspout-builder/core"} {
		if packages[p] {
			t.Errorf("%s is seen and not there", p)
		}
	}
}

func TestWhatIsNoGoBinaryHasNoPackages(t *testing.T) {
	for name, data := range map[string]string{"empty": "", "text": "#!/bin/sh\n", "elf": "\x7fELF\x02\x01\x01"} {
		file := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(file, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
		if packages, err := LinkedPackages(file); err == nil {
			t.Errorf("%s has %v", name, packages)
		}
	}
}

func TestPackagesOfFunctionNames(t *testing.T) {
	for name, want := range map[string]string{
		"main.main":                                            "main",
		"gopkg.in/yaml%2ev3.(*Decoder).Decode":                 "gopkg.in/yaml.v3",
		"net/http.(*Server).Serve.func1":                       "net/http",
		"slices.SortFunc[go.shape.[]example.com/x/y.T,go.s.T]": "slices",
		"example.com/x.glob..func1":                            "example.com/x",
		"type:.eq.example.com/x.T":                             "",
		"go:buildid":                                           "",
		"memequal0":                                            "",
	} {
		if got := packageOf(name); got != want {
			t.Errorf("%s is of %q, want %q", name, got, want)
		}
	}
}

func FuzzFunctionTablesOfAnyBytes(f *testing.F) {
	table := append([]byte{0xf1, 0xff, 0xff, 0xff, 0, 0, 1, 4}, make([]byte, 8*4)...)
	table[8+3*4], table[8+4*4] = 40, 50
	table = append(table, "main.main\x00"...)
	f.Add(table)
	f.Add([]byte{0xff, 0xff, 0xff, 0xf1, 0, 0, 4, 8})
	f.Fuzz(func(_ *testing.T, data []byte) {
		for _, h := range headers(data) {
			if names, err := functionNames(h); err == nil {
				packageOf(string(names))
			}
		}
	})
}
