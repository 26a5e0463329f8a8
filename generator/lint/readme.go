package lint

import (
	"errors"
	"fmt"
	"go/ast"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
)

const readmeFile = "README.md"

// sections are those of a module's README, in their order.
var sections = []string{"Name", "Description", "Options", "Examples"} //nolint:gochecknoglobals // constant

// section is one "## Heading" of a README with its text.
type section struct {
	heading string
	line    int // of the heading
	text    string
}

// readSections splits a README. What stands in a listing is no heading.
func readSections(text string) []section {
	var found []section
	fenced := false
	number := 0
	for line := range strings.Lines(text) {
		number++
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			fenced = !fenced
		}
		if heading, ok := strings.CutPrefix(line, "## "); ok && !fenced {
			found = append(found, section{heading: strings.TrimSpace(heading), line: number})
		} else if len(found) > 0 {
			found[len(found)-1].text += line
		}
	}
	return found
}

func (p *checked) checkReadme() {
	data, ok := p.readBeside(readmeFile)
	if !ok {
		p.addFile(readmeFile, "readme", "write one with the sections "+strings.Join(sections, ", ")+": `logspout-builder new` shows how", "there is no README")
		return
	}
	have := readSections(string(data))
	at := -1
	for _, want := range sections {
		i := slices.IndexFunc(have, func(s section) bool { return s.heading == want })
		switch {
		case i < 0:
			p.addFile(readmeFile, "readme", fmt.Sprintf("add \"## %s\"; write None. where there is nothing to say", want), "the section %q is missing", want)
		case i < at:
			p.addReadme(have[i].line, "readme", "put the sections in the order "+strings.Join(sections, ", "), "the section %q comes too early", want)
		case strings.TrimSpace(have[i].text) == "":
			p.addReadme(have[i].line, "readme", "write None. where there is nothing to say", "the section %q is empty", want)
		}
		at = max(at, i)
	}
	for _, s := range have {
		switch s.heading {
		case "Name":
			p.checkNames(s)
		case "Options":
			p.checkOptions(s)
		}
	}
}

func (p *checked) addReadme(line int, rule, next, format string, args ...any) {
	p.findings = append(p.findings, Finding{Rule: rule, File: readmeFile, Line: line, Column: 1, Message: fmt.Sprintf(format, args...), Next: next})
}

// checkNames checks that the section Name has the names under which the package registers.
func (p *checked) checkNames(s section) {
	for _, r := range p.registers {
		if r.name != "" && !hasWord(s.text, r.name) {
			p.addReadme(s.line, "readme", fmt.Sprintf("begin it with `%s`: and one line of what it is", r.name), "the section \"Name\" does not have the name %q, under which the package registers", r.name)
		}
	}
}

// checkOptions compares the section Options with what the code reads.
func (p *checked) checkOptions(s section) {
	told := map[string]bool{}
	for _, used := range p.settings() {
		if !told[used.name] && !hasWord(s.text, used.name) {
			told[used.name] = true
			what := "option"
			if variableForm.MatchString(used.name) {
				what = "variable"
			}
			p.add(used.at, "options", fmt.Sprintf("add `%s` to the section Options of %s, with its default and meaning", used.name, readmeFile), "the %s %q is documented nowhere", what, used.name)
		}
	}
	known := p.literals()
	for i, line := range strings.Split(s.text, "\n") {
		for _, name := range firstCell(line) {
			if !known(name) {
				p.addReadme(s.line+i, "options", "take it out, or mend its name", "%q is documented, and the code does not know it", name)
			}
		}
	}
}

var codeSpan = regexp.MustCompile("`([^`]+)`")

// firstCell are the names in the first cell of a table's row.
func firstCell(line string) []string {
	row, ok := strings.CutPrefix(strings.TrimSpace(line), "|")
	if !ok {
		return nil
	}
	cell, _, _ := strings.Cut(row, "|")
	var names []string
	for _, span := range codeSpan.FindAllStringSubmatch(cell, -1) {
		names = append(names, span[1])
	}
	return names
}

// streamOptions are those that core/stream reads for the adapters that use it.
var streamOptions = []string{"datagram_bytes"} //nolint:gochecknoglobals // constant

// literals tells whether a text is a string of the package, or an option of what it uses of the core.
func (p *checked) literals() func(string) bool {
	known := map[string]bool{}
	for _, f := range p.files {
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			if b, ok := n.(*ast.BasicLit); ok {
				if text, ok := literal(b); ok {
					known[text] = true
				}
			}
			return true
		})
		for _, path := range f.imports {
			if path == p.core+"/stream" {
				for _, name := range streamOptions {
					known[name] = true
				}
			}
		}
	}
	return func(name string) bool {
		name, _, _ = strings.Cut(name, "=")
		if prefix, _, ok := strings.Cut(name, "."); ok && known[prefix+"."] {
			return true // CheckOptions takes a prefix
		}
		return known[name]
	}
}

// hasWord reports whether a text has a word that is no part of a longer one.
func hasWord(text, word string) bool {
	inWord := func(c byte) bool {
		return c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
	}
	for from := 0; ; {
		i := strings.Index(text[from:], word)
		if i < 0 {
			return false
		}
		start, end := from+i, from+i+len(word)
		if (start == 0 || !inWord(text[start-1])) && (end == len(text) || !inWord(word[len(word)-1]) || !inWord(text[end])) {
			return true
		}
		from = start + 1
	}
}

// checkGoMod checks that the module says which core it was written against.
func (p *checked) checkGoMod() {
	dir, err := filepath.Abs(p.dir)
	if err != nil {
		return
	}
	for {
		data, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if errors.Is(err, fs.ErrNotExist) && dir != filepath.Dir(dir) {
			dir = filepath.Dir(dir)
			continue
		}
		if err != nil {
			p.addFile("go.mod", "go-mod", "run `go mod init` with the module's path", "there is no go.mod, neither here nor above")
			return
		}
		core := p.core[:strings.LastIndexByte(p.core, '/')]
		f, err := modfile.ParseLax("go.mod", data, nil)
		if err != nil {
			p.addFile("go.mod", "go-mod", "mend it: go mod edit -fmt shows what is wrong", "%v", err)
			return
		}
		own := f.Module != nil && f.Module.Mod.Path == core
		if !own && !slices.ContainsFunc(f.Require, func(r *modfile.Require) bool { return r.Mod.Path == core }) {
			p.addFile("go.mod", "go-mod", "run `logspout-builder core .` in the module's directory", "it does not require %s", core)
		}
		return
	}
}
