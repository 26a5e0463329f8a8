package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/tools/txtar"
)

// seeds gives f every document of the golden archives.
func seeds(f *testing.F) {
	f.Helper()
	archives, err := filepath.Glob(filepath.Join("testdata", "*.txtar"))
	if err != nil || len(archives) == 0 {
		f.Fatalf("no archives: %v", err)
	}
	for _, path := range archives {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range archive.Files {
			if !strings.HasSuffix(file.Name, ".want") {
				f.Add(file.Data)
			}
		}
	}
}

// FuzzParse looks for documents that crash the parser, that it takes although the schema does not, or whose problems have no place.
func FuzzParse(f *testing.F) {
	seeds(f)
	reg, schema := registryOf(f), compileSchema(f, Schema)
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Parse("f", data, reg)
		if err == nil {
			if doc, ok := decode(data); ok && schema.Validate(doc) != nil {
				t.Fatalf("the parser takes %q, the schema does not: %v", data, schema.Validate(doc))
			}
			_, err := m.Expand(reg)
			problems, _ := errors.AsType[Errors](err)
			for _, p := range problems { // what needs a look at all modules at once
				if !strings.Contains(p.Message, "both register") && !strings.HasPrefix(p.Message, "route ") || len(p.Message) > 4096 {
					t.Fatalf("a manifest that was taken does not expand: %v", p)
				}
			}
			return
		}
		var problems Errors
		if !errors.As(err, &problems) || len(problems) == 0 || m != nil {
			t.Fatalf("%T, %v", err, m)
		}
		for i, p := range problems {
			if p.Pos.File != "f" || p.Pos.Line < 0 || p.Pos.Line > 0 && p.Pos.Col < 1 || p.Message == "" || len(p.Message) > 4096 {
				t.Fatalf("problem %+v", p)
			}
			if i > 0 && problems[i-1].Pos.Compare(p.Pos) > 0 {
				t.Fatalf("%v stands before %v", problems[i-1], p)
			}
		}
	})
}

// FuzzParseModule looks for specs that crash or do not come back from their own String.
func FuzzParseModule(f *testing.F) {
	for _, spec := range []string{"kafka", "kafka@v1", "redis@v1.2.3=./x", "example.com/a/b=../b=c@d", "standard", "@", "=", ""} {
		f.Add(spec)
	}
	reg := registryOf(f)
	f.Fuzz(func(t *testing.T, spec string) {
		m, err := ParseModule(spec, Pos{File: "--with"}, reg)
		if err != nil {
			return
		}
		again, err := ParseModule(m.String(), m.Pos, reg)
		if err != nil || !reflect.DeepEqual(again, m) {
			t.Fatalf("%q is %+v, which written out is %+v, %v", spec, m, again, err)
		}
	})
}

// FuzzParseRegistry looks for registries that crash the reader.
func FuzzParseRegistry(f *testing.F) {
	f.Add(readFile(f, filepath.Join("testdata", "registry.json")))
	seeds(f)
	schema := compileSchema(f, RegistrySchema)
	f.Fuzz(func(t *testing.T, data []byte) {
		reg, err := ParseRegistry(data)
		if (reg == nil) != (err != nil) {
			t.Fatalf("%v, %v", reg, err)
		}
		if err != nil {
			return
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(doc); err != nil {
			t.Fatalf("the reader takes %q, the schema does not: %v", data, err)
		}
	})
}

func TestBombsAreRefusedSoonAndShortly(t *testing.T) {
	reg := registryOf(t)
	const most = maxSize / 2 // enough for what is cubic to show
	fill := func(part string) string { return strings.Repeat(part, most/len(part)) }
	var deep strings.Builder
	for i := 0; deep.Len()+i < most; i++ {
		fmt.Fprintf(&deep, "%*sa:\n", i, "")
	}
	var lines strings.Builder
	for i := 0; lines.Len() < most-16; i++ {
		fmt.Fprintf(&lines, "k%d: 1\n", i)
	}
	bombs := map[string]string{
		"brackets": fill("["), "braces": fill("{"), "pairs": fill("{a: "), "dashes": fill("- "), "questions": fill("? "), "anchors": fill("&a "), "aliases": fill("*a "),
		"tags": fill("!a "), "quotes": fill(`"a" `), "open quote": `"` + fill("a"), "open single": `'` + fill("a"), "escapes": `a: "` + fill(`\n`) + `"`, "comments": fill("#\n"),
		"documents": fill("---\n"), "colons": fill(":"), "colon spaces": fill(": "), "commas": "a: [" + fill(",") + "]", "items": "modules:\n" + fill("- a\n"),
		"flow items": "modules: [" + fill("a,") + "]", "blocks": "a: |\n" + fill(" \n"), "block text": "a: |\n" + fill(" xy\n"), "indented": deep.String(), "keys": lines.String(),
		"spaces": fill(" "), "line ends": fill("\n"), "returns": fill("\r"), "tabs": fill("\t\n"), "words": "a: " + fill("b "), "folded": "a: >\n" + fill("  b\n\n"), "too long": strings.Repeat("b", maxSize+1),
		"plain lines": "a: b\n" + fill("  c\n"), "percent": fill("%"), "ats": fill("@"), "env": "env:\n" + fill(" A: 1\n"), "routes": "routes:\n" + fill("- raw://a\n"),
		"merge": fill("<<: "), "question lines": fill("?\n"), "empty items": fill("-\n"), "unicode": "a: " + fill("\u2028"), "long key": fill("a") + ": 1",
	}
	for name, text := range bombs {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			_, err := Parse("bomb.yaml", []byte(text), reg)
			if err == nil {
				t.Fatal("taken")
			}
			if took := time.Since(start); took > 20*time.Second { // 0.5 s without -race and other load
				t.Errorf("took %v", took)
			}
			if len(err.Error()) > 64<<10 {
				t.Errorf("a message of %d bytes", len(err.Error()))
			}
		})
	}
}
