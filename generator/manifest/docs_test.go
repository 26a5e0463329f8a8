package manifest

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var block = regexp.MustCompile("(?ms)^```(\\w*)( wrong)?\n(.*?)^```$")

func TestEveryBlockOfTheReferenceIsWhatItSays(t *testing.T) {
	reg, schema := bundled(t), compileSchema(t, Schema)
	path := filepath.Join("..", "..", "docs", "manifest.md")
	text := readFile(t, path)
	wrong, right, message := 0, 0, ""
	rewritten := block.ReplaceAllFunc(text, func(b []byte) []byte {
		m := block.FindSubmatch(b)
		language, isWrong, content := string(m[1]), len(m[2]) > 0, m[3]
		switch {
		case language == "yaml" && isWrong:
			wrong++
			m, err := Parse("logspout.yaml", content, reg)
			if err == nil {
				_, err = m.Expand(reg)
			}
			if err == nil {
				t.Errorf("taken:\n%s", content)
				return b
			}
			message = err.Error() + "\n"
		case language == "yaml":
			right++
			if _, err := Parse("logspout.yaml", content, reg); err != nil {
				t.Errorf("%v:\n%s", err, content)
			}
			if doc, ok := decode(content); !ok || schema.Validate(doc) != nil {
				t.Errorf("the schema does not take\n%s", content)
			}
		case language == "text" && message != "":
			want := "```text\n" + message + "```"
			message = ""
			return []byte(want)
		}
		return b
	})
	if wrong == 0 || right < 5 || message != "" {
		t.Errorf("%d right and %d wrong manifests, %q without its text", right, wrong, message)
	}
	if bytes.Equal(text, rewritten) {
		return
	}
	if !*update {
		t.Fatalf("%s shows other messages than the builder's: run with -update\n%s", path, rewritten)
	}
	if err := os.WriteFile(path, rewritten, 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestReferenceNamesEveryKey(t *testing.T) {
	text := string(readFile(t, filepath.Join("..", "..", "docs", "manifest.md")))
	_, err := Parse("m", []byte("x: 1\nbuild: {x: 1}\nmodules: [{x: 1}]\n"), nil)
	if err == nil {
		t.Fatal("taken")
	}
	for _, m := range regexp.MustCompile(`\(known: (.*)\)`).FindAllStringSubmatch(err.Error(), -1) {
		for key := range strings.SplitSeq(m[1], ", ") {
			if !strings.Contains(text, "`"+key+"`") {
				t.Errorf("docs/manifest.md does not tell about %s", key)
			}
		}
	}
}

func TestEveryExampleIsAManifest(t *testing.T) {
	reg := bundled(t)
	examples, err := filepath.Glob(filepath.Join("..", "..", "examples", "*", "logspout.yaml"))
	if err != nil || len(examples) < 3 {
		t.Fatalf("%q, %v", examples, err)
	}
	hint := regexp.MustCompile(`^# yaml-language-server: \$schema=(\S+)\n`)
	for _, path := range examples {
		data := readFile(t, path)
		m, err := Parse(path, data, reg)
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		if _, err := m.Expand(reg); err != nil {
			t.Errorf("%v", err)
		}
		schema := hint.FindSubmatch(data)
		if schema == nil {
			t.Errorf("%s: its first line does not name the schema for editors", path)
			continue
		}
		if !bytes.Equal(readFile(t, filepath.Join(filepath.Dir(path), string(schema[1]))), Schema) {
			t.Errorf("%s names another schema", path)
		}
	}
}
