// Package amend changes which modules a manifest's text names, and leaves all else of the text as it is: comments, order, blank lines, quotes. It
// does no I/O.
package amend

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/gliderlabs/logspout-builder/generator/manifest"
)

// plain is how a module's text may stand in YAML without quotes.
var plain = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9._~+-]*(/[A-Za-z0-9._~+-]+)*(@[A-Za-z0-9._/+~-]+)?(=[A-Za-z0-9._/+~-]+)?$`)

// reserved words mean something else in YAML when they are not quoted.
var reserved = []string{"true", "false", "null", "yes", "no", "on", "off"} //nolint:gochecknoglobals // constant

// errByHand says that a text has no place for a change that would leave the rest as it is.
var errByHand = errors.New("cannot be changed without touching what stands around it")

// Modules is the text of a manifest in YAML with its list of modules made to be want, in which no module comes twice. Modules that stay keep their text, place
// and comments; one whose version or directory differs is rewritten in its place; one that is new comes behind those in front of it in want. The
// result reads back as exactly the same manifest but for its modules, or there is none.
func Modules(file string, data []byte, want []manifest.Module, reg *manifest.Registry) ([]byte, error) {
	if strings.HasSuffix(file, ".go") {
		return nil, fmt.Errorf("%s is Go source, and only a manifest in YAML is edited: make one of it with 'logspout-builder init --from %s'", file, file)
	}
	have, err := manifest.Parse(file, data, reg)
	if err != nil {
		return nil, err
	}
	changed, err := rewrite(data, have.Modules, want)
	if err == nil {
		err = check(file, changed, have, want, reg)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: the list of modules %w; write it yourself:\nmodules: [%s]", file, err, strings.Join(texts(want), ", "))
	}
	return changed, nil
}

// check reads the changed text back.
func check(file string, changed []byte, have *manifest.Manifest, want []manifest.Module, reg *manifest.Registry) error {
	got, err := manifest.Parse(file, changed, reg)
	if err != nil {
		return errByHand
	}
	intended := *have
	intended.Modules, intended.Implied = want, false
	if !reflect.DeepEqual(placeless(got), placeless(&intended)) {
		return errByHand
	}
	return nil
}

// placeless is a manifest without the places of what it names, and with its modules in one order: theirs does not count.
func placeless(m *manifest.Manifest) manifest.Manifest {
	c := *m
	c.Modules, c.Replace, c.Routes = slices.Clone(m.Modules), slices.Clone(m.Replace), slices.Clone(m.Routes)
	for i := range c.Modules {
		c.Modules[i].Pos = manifest.Pos{}
	}
	slices.SortFunc(c.Modules, func(a, b manifest.Module) int { return strings.Compare(a.ID(), b.ID()) })
	for i := range c.Replace {
		c.Replace[i].Pos = manifest.Pos{}
	}
	for i := range c.Routes {
		c.Routes[i].Pos = manifest.Pos{}
	}
	return c
}

// rewrite changes the text; have are the modules in it.
func rewrite(data []byte, have, want []manifest.Module) ([]byte, error) {
	const bom = "\ufeff"
	text, hadBOM := strings.CutPrefix(string(data), bom)
	crlf := strings.Count(text, "\r\n")
	switch crlf {
	case 0:
	case strings.Count(text, "\n"):
		text = strings.ReplaceAll(text, "\r\n", "\n")
	default:
		return nil, errByHand
	}
	if strings.Contains(text, "\r") {
		return nil, errByHand
	}
	d, err := parse(text)
	if err != nil {
		return nil, err
	}
	switch list := d.modules.(type) {
	case nil:
		text, err = d.addKey(want)
	case *ast.SequenceNode:
		if len(list.Values) != len(have) {
			return nil, errByHand
		}
		changes := plan(have, want)
		if list.IsFlowStyle {
			text, err = d.rewriteFlow(list, changes)
		} else {
			text, err = d.rewriteBlock(list, changes)
		}
	default:
		return nil, errByHand
	}
	if err != nil {
		return nil, err
	}
	if crlf > 0 {
		text = strings.ReplaceAll(text, "\n", "\r\n")
	}
	if hadBOM {
		text = bom + text
	}
	return []byte(text), nil
}

// change is what becomes of one place in the old list.
type change struct {
	old  *manifest.Module  // nil in front of the first
	keep *manifest.Module  // what the old one becomes, nil when it goes
	then []manifest.Module // what comes behind it, or in its place
}

// plan tells for each module of the old list what becomes of it. The first change is the place in front of all of them. New modules that follow one that stays
// come behind it, or in the place of those behind it that go.
func plan(have, want []manifest.Module) []change {
	changes := make([]change, len(have)+1)
	at := map[string]int{}
	for i := range have {
		changes[i+1].old = &have[i]
		at[have[i].ID()] = i + 1
	}
	stays := map[string]bool{}
	for _, m := range want {
		stays[m.ID()] = true
	}
	place := 0
	for i, m := range want {
		if n, ok := at[m.ID()]; ok {
			changes[n].keep, place = &want[i], n
			continue
		}
		for place+1 < len(changes) && !stays[changes[place+1].old.ID()] {
			place++
		}
		changes[place].then = append(changes[place].then, m)
	}
	return changes
}

// document is a manifest's text and the list of modules in it.
type document struct {
	text    string
	lines   []string // with their line feeds
	starts  []int    // offset of each line
	root    *ast.MappingNode
	modules ast.Node // nil when there is none
}

func parse(text string) (*document, error) {
	f, err := parser.ParseBytes([]byte(text), 0)
	if err != nil {
		return nil, errByHand
	}
	d := &document{text: text, lines: strings.SplitAfter(text, "\n")}
	offset := 0
	for _, line := range d.lines {
		d.starts = append(d.starts, offset)
		offset += len(line)
	}
	for _, doc := range f.Docs {
		switch root := doc.Body.(type) {
		case *ast.MappingNode:
			d.root = root
		case *ast.MappingValueNode:
			d.root = ast.Mapping(root.GetToken(), false, root)
		}
	}
	if d.root == nil {
		return nil, errByHand
	}
	for _, value := range d.root.Values {
		if value.Key.GetToken().Value == "modules" {
			d.modules = value.Value
		}
	}
	return d, nil
}

// at is where a node begins: its line, counted from 0, and its offset.
func (d *document) at(n ast.Node) (line, offset int, err error) {
	if m, ok := n.(*ast.MappingNode); ok && !m.IsFlowStyle && len(m.Values) > 0 {
		n = m.Values[0].Key
	}
	return d.place(n.GetToken().Position.Line, n.GetToken().Position.Column)
}

// place is the line, counted from 0, and the offset of a place in YAML's count, of characters from 1.
func (d *document) place(line, column int) (from0, offset int, err error) {
	if line < 1 || line > len(d.lines) {
		return 0, 0, errByHand
	}
	for i := range d.lines[line-1] {
		if column--; column == 0 {
			return line - 1, d.starts[line-1] + i, nil
		}
	}
	return 0, 0, errByHand
}

// texts are modules as they stand in a list.
func texts(modules []manifest.Module) []string {
	var out []string
	for _, m := range modules {
		out = append(out, item(m, false))
	}
	return out
}

// item is a module as it stands in a list, in quotes where it needs them or the others have them.
func item(m manifest.Module, quoted bool) string {
	s := m.String()
	if !quoted && plain.MatchString(s) && !slices.Contains(reserved, strings.ToLower(s)) {
		return s
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b) // a JSON string is a YAML string
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string always can be
	return strings.TrimSuffix(b.String(), "\n")
}
