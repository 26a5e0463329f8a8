package lock

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/mod/module"

	"github.com/gliderlabs/logspout-builder/generator/manifest"
)

// maxBytes is the longest lock that is read; a module takes some 200 bytes.
const maxBytes = 4 << 20

// Parse reads a lock. file is its name for messages. The order of lines does not count, and lines that begin with # are
// comments. Its error is manifest.Errors: everything that is wrong, with its line.
func Parse(file string, data []byte) (*Lock, error) {
	p := &parser{file: file, lock: new(Lock), seen: map[string]int{}}
	if len(data) > maxBytes {
		p.wrong("the file has %d bytes, a lock at most %d", len(data), maxBytes)
		return nil, p.problems
	}
	text := strings.ReplaceAll(strings.TrimPrefix(string(data), "\ufeff"), "\r\n", "\n")
	if p.conflicts(text); len(p.problems) > 0 {
		return nil, p.problems
	}
	if !p.header(text) {
		return nil, p.problems
	}
	for line := range strings.Lines(text) {
		p.line++
		line = strings.TrimSuffix(line, "\n")
		if p.line == 1 || strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#") {
			continue
		}
		p.parseLine(line)
	}
	p.complete()
	if len(p.problems) > 0 {
		return nil, p.problems
	}
	p.lock.Sort()
	return p.lock, nil
}

type parser struct {
	file     string
	line     int
	lock     *Lock
	seen     map[string]int // "module example.com/x" -> line
	problems manifest.Errors
}

const rewrite = "run 'logspout-builder lock' to write it anew"

func (p *parser) wrong(format string, args ...any) {
	p.problems = append(p.problems, manifest.Problem{
		Pos:     manifest.Pos{File: p.file, Line: p.line, Col: 1},
		Message: fmt.Sprintf(format, args...),
	})
}

// conflicts finds what version control writes into a file that it could not merge.
func (p *parser) conflicts(text string) {
	for line := range strings.Lines(text) {
		p.line++
		if strings.HasPrefix(line, "<<<<<<< ") {
			p.wrong("a merge conflict begins here: take the file of either side (git checkout --ours %s), then run 'logspout-builder lock', which adds what the manifest asks for", p.file)
		}
	}
	p.line = 0
}

func (p *parser) header(text string) bool {
	p.line = 1
	defer func() { p.line = 0 }()
	first, _, _ := strings.Cut(text, "\n")
	switch found, ok := strings.CutPrefix(first, "logspout-lock "); {
	case !ok:
		p.wrong("this is no lock: want %q as its first line, found %.60q; remove the file and %s", "logspout-lock "+version, first, rewrite)
	case found != version:
		p.wrong("the lock has format %.20q, this builder reads %s: use a builder that reads it, or remove the file and %s", found, version, rewrite)
	default:
		return true
	}
	return false
}

var (
	goVersion = regexp.MustCompile(`^1\.\d+(\.\d+|rc\d+|beta\d+)?$`)
	needsForm = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
)

// printable reports whether a text has one to most bytes, all of them printable ASCII from the first one given.
func printable(text string, from rune, most int) bool {
	return text != "" && len(text) <= most && !strings.ContainsFunc(text, func(r rune) bool { return r < from || r > '~' })
}

func (p *parser) parseLine(line string) {
	kind, rest, _ := strings.Cut(line, " ")
	words := strings.Split(rest, " ")
	if slices.ContainsFunc(words, func(w string) bool { return !printable(w, '!', 512) }) {
		p.wrong("want words of printable ASCII with one space between them, found %.100q; %s", line, rewrite)
		return
	}
	read := map[string]func([]string) bool{
		"core": p.core, "go": p.goLine, "toolchain": p.toolchain, "with": p.want, "replace": p.replace, "module": p.module, "local": p.local,
	}[kind]
	if read == nil {
		p.wrong("unknown line %.100q (known: core, go, toolchain, with, replace, module, local); %s", kind, rewrite)
		return
	}
	before := len(p.problems)
	if !read(words) {
		if len(p.problems) == before {
			p.wrong("want %q, found %.200q; %s", forms[kind], line, rewrite)
		}
		return
	}
	name := kind
	if kind == "with" || kind == "replace" || kind == "module" || kind == "local" {
		name += " " + words[0]
	}
	if first, again := p.seen[name]; again {
		p.wrong("%s is locked on line %d already, as a merge leaves it: keep one of the lines, then run 'logspout-builder lock'", name, first)
	}
	p.seen[name] = p.line
}

// forms are the lines of a lock, for messages.
//
//nolint:gochecknoglobals // constant
var forms = map[string]string{
	"core":      "core VERSION h1:SUM",
	"go":        "go VERSION",
	"toolchain": "toolchain VERSION",
	"with":      "with NAME | with PACKAGE ./ | with PACKAGE VERSION from MODULE",
	"replace":   "replace MODULE => ./ | replace MODULE => MODULE VERSION",
	"module":    "module PATH VERSION [=> PATH VERSION] h1:SUM h1:GOMODSUM | module PATH VERSION => ./",
	"local":     "local MODULE sha256:DIGEST",
}

func (p *parser) core(w []string) bool {
	if len(w) != 2 || module.Check(manifest.CorePath, w[0]) != nil || !isSum(w[1]) {
		return false
	}
	p.lock.Core = Core{w[0], w[1]}
	return true
}

func (p *parser) goLine(w []string) bool {
	p.lock.Go = w[0]
	return len(w) == 1 && goVersion.MatchString(w[0])
}

func (p *parser) toolchain(w []string) bool {
	p.lock.Toolchain = strings.Join(w, " ")
	return printable(p.lock.Toolchain, ' ', 200)
}

func (p *parser) want(w []string) bool {
	out := Want{Name: w[0]}
	switch {
	case len(w) == 1:
	case len(w) == 2 && w[1] == Local:
		out.Query = Local
	case len(w) == 4 && w[2] == "from" && module.CheckPath(w[3]) == nil && (w[0] == w[3] || strings.HasPrefix(w[0], w[3]+"/")):
		out.Query, out.From = w[1], w[3]
	default:
		return false
	}
	p.lock.Wants = append(p.lock.Wants, out)
	return module.CheckImportPath(w[0]) == nil
}

func (p *parser) replace(w []string) bool {
	switch {
	case len(w) == 3 && w[1] == "=>" && w[2] == Local:
		p.lock.Replaces = append(p.lock.Replaces, Replace{Module: w[0], Query: Local})
	case len(w) == 4 && w[1] == "=>" && module.CheckPath(w[2]) == nil:
		p.lock.Replaces = append(p.lock.Replaces, Replace{Module: w[0], Path: w[2], Query: w[3]})
	default:
		return false
	}
	return module.CheckPath(w[0]) == nil
}

func (p *parser) module(w []string) bool {
	if len(w) < 4 || module.Check(w[0], w[1]) != nil {
		return false
	}
	m := Module{Path: w[0], Version: w[1]}
	if m.Path == manifest.CorePath {
		p.wrong("the core is locked by its own line; %s", rewrite)
		return false
	}
	sums := w[2:]
	if w[2] == "=>" {
		switch {
		case len(w) == 4 && w[3] == Local:
			m.To.Path, sums = Local, nil
		case len(w) == 7 && module.Check(w[3], w[4]) == nil:
			m.To, sums = module.Version{Path: w[3], Version: w[4]}, w[5:]
		default:
			return false
		}
	}
	if sums != nil {
		if len(sums) != 2 || slices.ContainsFunc(sums, func(s string) bool { return s != "-" && !isSum(s) }) {
			return false
		}
		m.Sum, m.GoModSum = strings.TrimPrefix(sums[0], "-"), strings.TrimPrefix(sums[1], "-")
	}
	p.lock.Modules = append(p.lock.Modules, m)
	return true
}

func (p *parser) local(w []string) bool {
	if len(w) != 2 || module.CheckPath(w[0]) != nil || !needsForm.MatchString(w[1]) {
		return false
	}
	p.lock.Locals = append(p.lock.Locals, LocalModule{w[0], w[1]})
	return true
}

// complete reports what a lock must have and this one has not.
func (p *parser) complete() {
	for _, kind := range []string{"core", "go", "toolchain"} {
		if p.seen[kind] == 0 && !slices.ContainsFunc(p.problems, func(x manifest.Problem) bool {
			return strings.HasPrefix(x.Message, fmt.Sprintf("want %q", forms[kind]))
		}) {
			p.wrong("the line %q is missing; %s", forms[kind], rewrite)
		}
	}
	for _, w := range p.lock.Wants {
		if w.From == "" {
			continue
		}
		if !slices.ContainsFunc(p.lock.Modules, func(m Module) bool { return m.Path == w.From }) {
			p.wrong("module %s, which holds %s, is not locked; %s", w.From, w.Name, rewrite)
		}
	}
}

// isSum reports whether s is a checksum as go.sum has it: "h1:" and 32 bytes in base64.
func isSum(s string) bool {
	encoded, ok := strings.CutPrefix(s, "h1:")
	raw, err := base64.StdEncoding.DecodeString(encoded)
	return ok && err == nil && len(raw) == 32
}
