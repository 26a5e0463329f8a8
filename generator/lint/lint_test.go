package lint

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const corePath = "github.com/gliderlabs/logspout-builder/core"

func TestBundledModulesAndTheExampleAreClean(t *testing.T) {
	dirs := []string{filepath.Join("..", "..", "examples", "webhook")}
	root := filepath.Join("..", "..", "modules")
	if err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Name() == registerFile {
			dirs = append(dirs, filepath.Dir(path))
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if len(dirs) < 10 {
		t.Fatalf("only %d modules found", len(dirs))
	}
	for _, dir := range dirs {
		findings, err := Package(dir, corePath)
		if err != nil {
			t.Error(err)
		}
		for _, f := range findings {
			t.Errorf("%s/%s\n  next: %s", dir, f, f.Next)
		}
	}
}

// clean is a module without findings; each case below changes one file of it.
var clean = map[string]string{
	"go.mod": "module example.com/gelf\n\nrequire github.com/gliderlabs/logspout-builder v0.1.0\n",
	"gelf.go": `// Package gelf is an adapter.
package gelf

import (
	"errors"

	"github.com/gliderlabs/logspout-builder/core"
)

const levelVar = "GELF_LEVEL"

func New(env core.Env, route *core.Route) (core.Adapter, error) {
	_ = env.Vars.Get(levelVar, "OTHER_LEVEL")
	_ = route.Option("host", "")
	return nil, errors.Join(route.CheckOptions("host", "field."))
}
`,
	"register.go": `package gelf

import "github.com/gliderlabs/logspout-builder/core"

func init() { core.AdapterFactories.Register(New, "gelf") }
`,
	"gelf_test.go": `package gelf

import (
	"os"
	"testing"

	"github.com/gliderlabs/logspout-builder/core/moduletest"
)

func TestContract(t *testing.T) {
	moduletest.TestAdapter(t, moduletest.AdapterSuite{Factory: New})
	_ = os.Getenv("HOME")
}
`,
	"README.md": "# gelf\n\n## Name\n\n`gelf`: sends GELF.\n\n## Description\n\nx\n\n```\n## no heading\n```\n\n## Options\n\n| option | |\n|---|---|\n| `host` | `GELF_LEVEL`, `OTHER_LEVEL` |\n| `field.NAME` | |\n\n## Examples\n\n    gelf://x\n",
}

// afterImports is the end of the imports of gelf.go.
const afterImports = "\n\t\"github.com/gliderlabs/logspout-builder/core\"\n)\n"

func TestEveryRuleIsSeenBrokenOnce(t *testing.T) {
	const next = "\n  next: "
	for _, c := range []struct{ name, file, old, new, want string }{
		{"all well", "gelf.go", "", "", ""},
		{
			"no comment", "gelf.go", "// Package gelf is an adapter.\n", "",
			"gelf.go:1:9: package gelf has no comment that says what it does (package-doc)" + next + "write above the package clause: // Package gelf is ...",
		},
		{
			"a program", "gelf.go", "package gelf", "package main",
			"gelf.go:2:9: a program cannot be built in (package-name)" + next + "give the package another name, and leave func main out",
		},
		{
			"a package name", "gelf.go", "package gelf", "package gelf_Adapter",
			"gelf.go:2:9: package name gelf_Adapter (package-name)" + next + "use lower case letters and digits alone",
		},
		{
			"cgo", "gelf.go", `"errors"`, "\"C\"\n\t\"errors\"",
			"gelf.go:5:2: cgo cannot be built in (imports)" + next + "use Go alone: binaries are static and built for other platforms",
		},
		{
			"another module", "gelf.go", `"errors"`, "\"errors\"\n\t_ \"github.com/gliderlabs/logspout-builder/modules/adapters/raw\"",
			"gelf.go:6:2: a module imports another one, github.com/gliderlabs/logspout-builder/modules/adapters/raw (imports)" + next + "find the other module by its name, through Env.Modules",
		},
		{
			"the agent", "gelf.go", `"errors"`, "\"errors\"\n\t_ \"github.com/gliderlabs/logspout-builder/core/agent\"",
			"gelf.go:6:2: a module imports github.com/gliderlabs/logspout-builder/core/agent, which may change in any release (imports)" + next + "use what package core declares: Env, Intake, Route",
		},
		{
			"moduletest outside of tests", "gelf.go", `"errors"`, "\"errors\"\n\t_ \"github.com/gliderlabs/logspout-builder/core/moduletest\"",
			"gelf.go:6:2: package moduletest is for tests and would be linked into binaries (imports)" + next + "use it in files named _test.go",
		},
		{
			"an init elsewhere", "gelf.go", "const levelVar", "func init() { core.AdapterFactories.Register(New, \"other\") }\n\nconst levelVar",
			"README.md:3:1: the section \"Name\" does not have the name \"other\", under which the package registers (readme)" + next + "begin it with `other`: and one line of what it is\n" +
				"gelf.go:10:1: func init stands in gelf.go (init)" + next + "move it to register.go",
		},
		{
			"an init that works", "register.go", "func init() {", "func init() { New(core.Env{}, nil);",
			"register.go:5:15: func init does more than register (init)" + next + "do it where it can fail and be stopped: in the factory, Setup, Run, Dial or ServeHTTP",
		},
		{
			"a variable that dials", "gelf.go", afterImports, "\n\t\"net\"\n" + afterImports + "\nvar conn, err = net.Dial(\"tcp\", \"x:1\")\n",
			"gelf.go:12:17: a package variable is made by net.Dial, before main begins (init)" + next + "do it where it can fail and be stopped: in the factory, Setup, Run, Dial or ServeHTTP",
		},
		{
			"a variable from the environment", "gelf.go", afterImports, "\n\t\"os\"\n" + afterImports + "\nvar level = os.Getenv(\"X\")\n",
			"gelf.go:12:13: a package variable is made by os.Getenv, before main begins (init)" + next + "do it where it can fail and be stopped: in the factory, Setup, Run, Dial or ServeHTTP\n" +
				"gelf.go:12:13: the module calls os.Getenv (environment)" + next + "read it from Env.Vars, which also has the defaults that are baked into the binary",
		},
		{
			"an exit", "gelf.go", afterImports, "\n\tstd \"log\"\n" + afterImports + "\nfunc die() { std.Fatalf(\"x\") }\n",
			"gelf.go:12:14: the module calls log.Fatalf (exit)" + next + "return an error: the agent goes on with the other routes",
		},
		{
			"a log of its own", "gelf.go", afterImports, "\n\t\"log/slog\"\n" + afterImports + "\nfunc say() { slog.Info(\"x\") }\n",
			"gelf.go:12:14: the module calls slog.Info (logging)" + next + "log with Env.Logger, which carries the route's or module's name",
		},
		{
			"nothing registered", "register.go", "func init() { core.AdapterFactories.Register(New, \"gelf\") }", "var _ core.Env",
			"register.go: the package registers nothing: built in, it would never be used (registration)" + next + `write in it: func init() { core.AdapterFactories.Register(New, "name") }`,
		},
		{
			"a name for nobody", "register.go", `"gelf"`, `"GELF+"`,
			"README.md:3:1: the section \"Name\" does not have the name \"GELF+\", under which the package registers (readme)" + next + "begin it with `GELF+`: and one line of what it is\n" +
				"register.go:5:51: name \"GELF+\" (registration)" + next + "use a-z 0-9 . _ -, beginning with a letter: people write it in route URIs",
		},
		{
			"a name that only the program knows", "register.go", `"gelf"`, `name()`,
			"register.go:5:51: the name under which it registers cannot be read from the source (registration)" + next + "write the name as a string or a constant of the package",
		},
		{
			"no contract checks", "gelf_test.go", "moduletest.TestAdapter", "moduletest.TestJob",
			"gelf_test.go: no test runs the contract checks (moduletest.TestAdapter) (contract)" + next + "write a test that calls it: `logspout-builder new` writes one for each kind of module",
		},
		{
			"no README", "README.md", "", "-",
			"README.md: there is no README (readme)" + next + "write one with the sections Name, Description, Options, Examples: `logspout-builder new` shows how",
		},
		{
			"a section that is missing", "README.md", "## Examples", "## Usage",
			"README.md: the section \"Examples\" is missing (readme)" + next + "add \"## Examples\"; write None. where there is nothing to say",
		},
		{
			"sections in another order", "README.md", "# gelf\n", "# gelf\n\n## Examples\n\nx\n",
			"README.md:3:1: the section \"Examples\" comes too early (readme)" + next + "put the sections in the order Name, Description, Options, Examples",
		},
		{
			"an empty section", "README.md", "## Description\n\nx\n\n```\n## no heading\n```\n", "## Description\n",
			"README.md:7:1: the section \"Description\" is empty (readme)" + next + "write None. where there is nothing to say",
		},
		{
			"an option that nobody is told of", "gelf.go", `Option("host"`, `Option("port"`,
			"gelf.go:14:19: the option \"port\" is documented nowhere (options)" + next + "add `port` to the section Options of README.md, with its default and meaning",
		},
		{
			"a variable that nobody is told of", "gelf.go", `"GELF_LEVEL"`, `"GELF_SECRET"`,
			"gelf.go:13:19: the variable \"GELF_SECRET\" is documented nowhere (options)" + next + "add `GELF_SECRET` to the section Options of README.md, with its default and meaning",
		},
		{
			"an option that is not there", "README.md", "| `host` |", "| `host`, `hots` |",
			"README.md:18:1: \"hots\" is documented, and the code does not know it (options)" + next + "take it out, or mend its name",
		},
		{
			"a go.mod without the core", "go.mod", "require", "// require",
			"go.mod: it does not require github.com/gliderlabs/logspout-builder (go-mod)" + next + "run `logspout-builder core .` in the module's directory",
		},
		{
			"source that is broken", "register.go", "func init() {", "func init( {",
			"register.go:5:12: expected ')', found '{' (syntax)" + next + "mend it; gofmt -e register.go shows all that is wrong",
		},
	} {
		dir := t.TempDir()
		for name, text := range clean {
			if name == c.file && c.new != "-" {
				changed := strings.Replace(text, c.old, c.new, 1)
				if changed == text && c.old != "" {
					t.Fatalf("%s: nothing to change", c.name)
				}
				text = changed
			} else if name == c.file {
				continue
			}
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		findings, err := Package(dir, corePath)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		var got []string
		for _, f := range findings {
			got = append(got, f.String()+next+f.Next)
		}
		if text := strings.Join(got, "\n"); text != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", c.name, text, c.want)
		}
	}
}
