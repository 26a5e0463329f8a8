package amend

import (
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/gliderlabs/logspout-builder/generator/manifest"
)

// span is a part of the lines: from, up to but not including to.
type span struct{ from, to int }

// rewriteBlock changes a list that has each entry in lines of its own. Comments between entries stay where they are.
func (d *document) rewriteBlock(list *ast.SequenceNode, changes []change) (string, error) {
	spans, indent, err := d.entries(list)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	write := func(modules []manifest.Module) {
		for _, m := range modules {
			b.WriteString(indent + "- " + item(m, false) + "\n")
		}
	}
	line := spans[0].from
	b.WriteString(strings.Join(d.lines[:line], ""))
	write(changes[0].then)
	for i, c := range changes[1:] {
		s := spans[i]
		b.WriteString(strings.Join(d.lines[line:s.from], ""))
		line = s.to
		if c.keep != nil {
			text, err := d.entry(list.Values[i], s, *c.old, *c.keep)
			if err != nil {
				return "", err
			}
			b.WriteString(text)
			if !strings.HasSuffix(text, "\n") && (len(c.then) > 0 || line < len(d.lines)) {
				b.WriteString("\n") // the last line of a file without line feed
			}
		}
		write(c.then)
	}
	b.WriteString(strings.Join(d.lines[line:], ""))
	return b.String(), nil
}

// entries are the lines of each entry of a list, from its dash to its last line that is no comment, and the dashes' indentation.
func (d *document) entries(list *ast.SequenceNode) (spans []span, indent string, err error) {
	for i, value := range list.Values {
		line, offset, err := d.at(value)
		if err != nil {
			return nil, "", err
		}
		before := d.text[d.starts[line]:offset]
		dash, ok := strings.CutSuffix(strings.TrimRight(before, " "), "-")
		if !ok || strings.TrimLeft(dash, " ") != "" || i > 0 && dash != indent {
			return nil, "", errByHand // a dash on a line of its own
		}
		indent = dash
		spans = append(spans, span{from: line})
	}
	for i := range spans {
		end := len(d.lines)
		if i+1 < len(spans) {
			end = spans[i+1].from
		}
		spans[i].to = spans[i].from + 1
		for l := spans[i].to; l < end && !d.ends(l, indent); l++ {
			if text := strings.TrimSpace(d.lines[l]); text != "" && !strings.HasPrefix(text, "#") {
				spans[i].to = l + 1
			}
		}
	}
	return spans, indent, nil
}

// ends tells whether a line, which begins no entry, is behind a list whose dashes have this indentation.
func (d *document) ends(line int, indent string) bool {
	text := strings.TrimRight(d.lines[line], "\n")
	content := strings.TrimLeft(text, " ")
	return content != "" && !strings.HasPrefix(content, "#") && len(text)-len(content) <= len(indent)
}

// entry is the text of an entry that stays, changed where the module is.
func (d *document) entry(value ast.Node, s span, from, to manifest.Module) (string, error) {
	lines := strings.Join(d.lines[s.from:s.to], "")
	if from.Version == to.Version && from.Dir == to.Dir {
		return lines, nil
	}
	node, text, err := d.changed(value, from, to)
	if err != nil {
		return "", err
	}
	if node == nil {
		if strings.Contains(lines, "#") {
			return "", errByHand
		}
		dash := strings.IndexByte(lines, '-')
		return lines[:dash] + "- " + text + "\n", nil
	}
	_, offset, err := d.at(node)
	if err != nil {
		return "", err
	}
	end, err := d.scalarEnd(offset)
	if err != nil {
		return "", err
	}
	begin := d.starts[s.from]
	if offset < begin || end > begin+len(lines) {
		return "", errByHand
	}
	return lines[:offset-begin] + text + lines[end-begin:], nil
}

// changed is the scalar to write anew, and its new text: that of the whole module, or of its version alone where that has a key of its own. The
// scalar is nil where the text takes the place of a whole mapping.
func (d *document) changed(value ast.Node, from, to manifest.Module) (scalar ast.Node, text string, err error) {
	m, ok := value.(*ast.MappingNode)
	if !ok {
		_, offset, err := d.at(value)
		if err != nil {
			return nil, "", err
		}
		return value, item(to, d.text[offset] == '"'), nil
	}
	for _, f := range m.Values {
		if f.Key.GetToken().Value != "version" || from.Dir != to.Dir || to.Version == "" {
			continue
		}
		_, offset, err := d.at(f.Value)
		if err != nil {
			return nil, "", err
		}
		return f.Value, item(manifest.Module{Package: to.Version}, d.text[offset] == '"'), nil
	}
	return nil, item(to, false), nil
}

// scalarEnd is where the scalar that begins at offset ends.
func (d *document) scalarEnd(offset int) (int, error) {
	switch rest := d.text[offset:]; rest[0] {
	case '"':
		for i := 1; i < len(rest); i++ {
			switch rest[i] {
			case '\\':
				i++
			case '"':
				return offset + i + 1, nil
			}
		}
	case '\'':
		for i := 1; i < len(rest); i++ {
			if rest[i] != '\'' {
				continue
			}
			if i+1 < len(rest) && rest[i+1] == '\'' {
				i++
				continue
			}
			return offset + i + 1, nil
		}
	case '{', '[', '|', '>':
	default: // plain, as the modules' texts are: on one line, without white space
		end := strings.IndexAny(rest, " \n,]}")
		if end < 0 {
			end = len(rest)
		}
		return offset + end, nil
	}
	return 0, errByHand
}

// addKey adds the key modules to a manifest that has none: behind the name and the version, else at the end.
func (d *document) addKey(want []manifest.Module) (string, error) {
	if d.root.IsFlowStyle || len(d.root.Values) == 0 {
		return "", errByHand
	}
	after := -1
	for _, f := range d.root.Values {
		key := f.Key.GetToken()
		if !slices.Contains([]string{"name", "version"}, key.Value) {
			break
		}
		after = key.Position.Line
	}
	indent := strings.Repeat(" ", d.root.Values[0].Key.GetToken().Position.Column-1)
	added := indent + "modules:\n" + indent + "  - " + strings.Join(texts(want), "\n"+indent+"  - ") + "\n"
	if after < 0 || after >= len(d.lines) {
		return strings.TrimRight(d.text, "\n") + "\n\n" + added, nil
	}
	head, tail := strings.Join(d.lines[:after], ""), strings.Join(d.lines[after:], "")
	if strings.HasPrefix(tail, "\n") || tail == "" {
		return head + "\n" + added + tail, nil
	}
	return head + added + tail, nil
}
