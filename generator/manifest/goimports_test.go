package manifest

import (
	"strings"
	"testing"
)

func TestModulesFileOfTheOriginalStandsForTheSameModules(t *testing.T) {
	reg := bundled(t)
	// modules.go of gliderlabs/logspout 3.2.14, but for multiline.
	const original = `package main

import (
	_ "github.com/gliderlabs/logspout/adapters/raw"
	_ "github.com/gliderlabs/logspout/adapters/syslog"
	_ "github.com/gliderlabs/logspout/healthcheck"
	_ "github.com/gliderlabs/logspout/httpstream"
	_ "github.com/gliderlabs/logspout/routesapi"
	_ "github.com/gliderlabs/logspout/transports/tcp"
	_ "github.com/gliderlabs/logspout/transports/tls"
	_ "github.com/gliderlabs/logspout/transports/udp"
)
`
	for source, want := range map[string]string{
		original: "docker health httpstream raw routesapi syslog tcp tls udp",
		"package main\nimport _ \"github.com/gliderlabs/logspout/adapters/raw\"":                                               "docker raw",
		"package main\nimport _ \"" + CorePath + "/modules/standard\"":                                                         "docker health httpstream metrics raw routesapi syslog tcp tls udp unix",
		"package main\nimport (\n_ \"" + CorePath + "/modules/routers/stdin\"\n_ \"" + CorePath + "/modules/adapters/raw\"\n)": "raw stdin",
	} {
		m, err := Parse("modules.go", []byte(source), reg)
		if err != nil {
			t.Errorf("%s\n%v", source, err)
			continue
		}
		if got := modulesOf(t, m, reg); got != want || m.Implied || m.Name != DefaultName {
			t.Errorf("%s\n%s, want %s", source, got, want)
		}
	}
}

func TestModulesFileNamesPackagesFromElsewhereWithTheirVersions(t *testing.T) {
	reg := bundled(t)
	const source = `// Command logspout.
package main

import (
	_ "example.com/ops/logspout-gelf" // v1.2.3
	_ "example.com/ops/logspout-mail" // @main
	_ "example.com/ops/logspout-chat" // talks
	// v9.9.9
	_ "example.com/ops/logspout-sms"
	_ "github.com/gliderlabs/logspout/adapters/raw"
	_ "` + CorePath + `/modules/adapters/raw" // again
)
`
	m, err := Parse("sub/modules.go", []byte(source), reg)
	if err != nil {
		t.Fatal(err)
	}
	const want = "example.com/ops/logspout-gelf@v1.2.3 example.com/ops/logspout-mail@main example.com/ops/logspout-chat example.com/ops/logspout-sms raw docker"
	if got := written(m.Modules); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := m.Modules[0].Pos.String(); got != "sub/modules.go:5:4" {
		t.Errorf("at %s", got)
	}
}

func TestWrongModulesFileIsRefusedWithEveryProblemAtOnce(t *testing.T) {
	reg := bundled(t)
	for source, want := range map[string]string{
		`package main

import (
	"fmt"
	_ "embed"
	_ "github.com/gliderlabs/logspout/adapters/multiline"
	_ "github.com/gliderlabs/logspout/router"
	_ "github.com/gliderlabs/logspout/adapters/raw" // v3.2.14
	/* ü */ _ "` + CorePath + `/modules/adapters/kafak"
	_ "example.com/a" // v1.0
)
`: `modules.go:4:2: import "fmt" is not blank: a modules.go only links packages in, as _ "fmt"
modules.go:5:4: import "embed" is of Go's own library: a modules.go only links modules in
modules.go:6:4: no module does here what "github.com/gliderlabs/logspout/adapters/multiline" did: take the import out, and "multiline+" out of the routes
modules.go:7:4: "github.com/gliderlabs/logspout/router" belongs to the original logspout and cannot be built in
modules.go:8:4: raw comes with the builder and has no version of its own: leave @v3.2.14 out
modules.go:9:12: this builder has no module "` + CorePath + `/modules/adapters/kafak"; did you mean "kafka"?`,
		"package main\n": `modules.go:1:1: no modules: each is an import such as _ "` + CorePath + `/modules/adapters/raw"`,
		"package main\nimport _ \"example.com/a\nx":      "modules.go:2:10: malformed Go: string literal not terminated",
		"modules: [standard]":                            "modules.go:1:1: malformed Go: expected 'package', found modules",
		"package main // " + strings.Repeat("x", 65<<10): "modules.go: 66576 bytes are too much for a modules.go (at most 65536)",
	} {
		m, err := Parse("modules.go", []byte(source), reg)
		if err == nil || !strings.HasPrefix(err.Error(), want) || m != nil {
			t.Errorf("%.100s\n%v\nwant\n%s", source, err, want)
		}
	}
}

func FuzzModulesFile(f *testing.F) {
	f.Add([]byte("package main\nimport (\n_ \"github.com/gliderlabs/logspout/adapters/raw\" // v1.2.3\n)"))
	f.Add([]byte("\ufeffpackage main\n//line x:7\nimport _ `example.com/a`"))
	reg := registryOf(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Parse("modules.go", data, reg)
		if err != nil {
			return
		}
		if len(m.Modules) == 0 {
			t.Fatal("taken, without modules")
		}
		for _, mod := range m.Modules {
			if mod.Pos.Line < 1 || mod.Pos.Col < 1 {
				t.Fatalf("%s is at %s", mod, mod.Pos)
			}
		}
	})
}
