package skeleton

import (
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"

	assets "github.com/gliderlabs/logspout-builder"
	"github.com/gliderlabs/logspout-builder/generator/lint"
	"github.com/gliderlabs/logspout-builder/generator/manifest"
)

func registry(t *testing.T) *manifest.Registry {
	t.Helper()
	data, err := assets.Files.ReadFile("registry.json")
	if err != nil {
		t.Fatal(err)
	}
	r, err := manifest.ParseRegistry(data)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestEveryKindHasTheFilesOfAModule(t *testing.T) {
	for _, kind := range Kinds() {
		spec := Spec{Kind: kind, Name: "my-own_" + kind, Module: "example.com/you/logspout-" + kind, Go: "1.26.0", CoreRelease: "v0.1.0"}
		if err := spec.Check(registry(t)); err != nil {
			t.Fatal(err)
		}
		files, err := spec.Files(assets.Files)
		if err != nil {
			t.Fatal(err)
		}
		name := "myown" + kind
		for _, want := range []string{name + ".go", name + "_test.go", "register.go", "README.md", "registry.json", "go.mod"} {
			if len(files[want]) == 0 {
				t.Errorf("%s: there is no %s", kind, want)
			}
		}
		for file, text := range files {
			if !strings.HasSuffix(file, ".go") {
				continue
			}
			if formatted, err := format.Source(text); err != nil || string(formatted) != string(text) {
				t.Errorf("%s: %s is not formatted (%v)", kind, file, err)
			}
			if f, err := parser.ParseFile(token.NewFileSet(), file, text, 0); err != nil || f.Name.Name != name || ast.IsGenerated(f) {
				t.Errorf("%s: %s: want a file of package %s, for people to edit (%v)", kind, file, name, err)
			}
		}
		module, err := manifest.ParseRegistry(files["registry.json"])
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		e, err := module.Lookup(spec.Name)
		if err != nil || e.Package != spec.Module || len(e.Registers[spec.point()]) != 1 || e.Registers[spec.point()][0] != spec.Name {
			t.Errorf("%s: its registry entry is %+v (%v)", kind, e, err)
		}
	}
}

// TestTheExampleIsASkeleton keeps the example of docs/writing-a-module.md what `new adapter webhook` writes.
func TestTheExampleIsASkeleton(t *testing.T) {
	files, err := Spec{Kind: "adapter", Name: "webhook", Module: "example.com/logspout-webhook"}.Files(assets.Files)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"webhook.go", "webhook_test.go", "register.go", "registry.json"} {
		example, err := os.ReadFile(filepath.Join("..", "..", "examples", "webhook", name))
		if err != nil {
			t.Error(err)
		} else if string(example) != string(files[name]) {
			t.Errorf("examples/webhook/%s is not what the template makes: change both, and the listing in docs/writing-a-module.md", name)
		}
	}
}

func TestNamesThatCannotBeAreRefusedWithOneThatCan(t *testing.T) {
	for _, c := range []struct{ kind, name, module, want string }{
		{"adaptor", "gelf", "", `unknown kind of module "adaptor" (there are: adapter, transport, handler, job, router, processor); did you mean "adapter"?`},
		{"adapter", "My Adapter!", "", `beginning with a letter, 40 at most, such as "my-adapter"`},
		{"adapter", "9lives", "", `such as "lives"`},
		{"adapter", "../x", "", `such as "x"`},
		{"adapter", "a+b", "", `such as "a-b"`},
		{"adapter", "", "", `such as "gelf"`},
		{"adapter", strings.Repeat("x", 41), "", "40 at most"},
		{"adapter", "func", "", `no Go package can have or should have the name "func"; choose another, such as "my-func"`},
		{"job", "main", "", `"my-main"`},
		{"adapter", "kafka", "", `the registry has a module of that name`},
		{"job", "kafka", "", `the registry has a module of that name`},
		{"handler", "logs", "", `the module "httpstream" registers it at HTTPHandler; choose another, such as "my-logs"`},
		{"adapter", "gelf", "Example", `module path "Example": want one such as example.com/you/logspout-gelf`},
		{"adapter", "gelf", "example.com/../x", `want one such as`},
		{"adapter", "gelf", manifest.CorePath + "/modules/adapters/gelf", "is within the core's"},
	} {
		spec := Spec{Kind: c.kind, Name: c.name, Module: c.module}
		if spec.Module == "" {
			spec.Module = "example.com/you/x"
		}
		if err := spec.Check(registry(t)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %q %q: error %v, want one with %q", c.kind, c.name, c.module, err, c.want)
		}
	}
	if err := (Spec{Kind: "job", Name: "logs", Module: "example.com/you/x"}).Check(registry(t)); err != nil {
		t.Errorf("a name at another extension point is free: %v", err)
	}
}

func TestEveryKindPassesLint(t *testing.T) {
	for _, kind := range Kinds() {
		files, err := Spec{Kind: kind, Name: "my-own", Module: "example.com/you/own", Go: "1.26.0", CoreRelease: "v0.1.0"}.Files(assets.Files)
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		if err := Write(dir, files); err != nil {
			t.Fatal(err)
		}
		findings, err := lint.Package(dir, manifest.CorePath+"/core")
		if err != nil || len(findings) > 0 {
			t.Errorf("%s: %v %v", kind, findings, err)
		}
	}
}

func TestNothingIsWrittenOver(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "module")
	if err := Write(dir, map[string][]byte{"a": []byte("1")}); err != nil {
		t.Fatal(err)
	}
	if err := Write(dir, map[string][]byte{"a": []byte("2")}); err == nil || !strings.Contains(err.Error(), "is not empty") {
		t.Errorf("error %v", err)
	}
	if err := Write(filepath.Join(dir, "a"), nil); err == nil {
		t.Error("a file is taken for a directory")
	}
	if data, _ := os.ReadFile(filepath.Join(dir, "a")); string(data) != "1" {
		t.Errorf("the file is now %q", data)
	}
}
