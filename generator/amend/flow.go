package amend

import (
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/gliderlabs/logspout-builder/generator/manifest"
)

// rewriteFlow changes a list in brackets. What stands between its entries stays: blanks and line breaks.
func (d *document) rewriteFlow(list *ast.SequenceNode, changes []change) (string, error) {
	_, begin, err := d.place(list.Start.Position.Line, list.Start.Position.Column)
	if err != nil {
		return "", err
	}
	begin++ // behind the bracket
	items, gaps, end, err := d.flowItems(list, begin)
	if err != nil {
		return "", err
	}
	first, last := gaps[0], gaps[len(gaps)-1]
	separator := ", "
	switch {
	case len(items) > 1:
		separator = gaps[1]
	case strings.Contains(first, "\n"):
		separator = "," + first
	}
	quoted := strings.HasPrefix(items[0], `"`)
	var b strings.Builder
	write := func(text, gap string) {
		if b.Len() == 0 {
			gap = first
		}
		b.WriteString(gap + text)
	}
	for i, c := range changes {
		if c.keep != nil {
			text := items[i-1]
			if c.old.Version != c.keep.Version || c.old.Dir != c.keep.Dir {
				if text, err = d.flowEntry(list.Values[i-1], text, *c.old, *c.keep); err != nil {
					return "", err
				}
			}
			gap := separator
			if i > 1 {
				gap = gaps[i-1]
			}
			write(text, gap)
		}
		for _, m := range c.then {
			write(item(m, quoted), separator)
		}
	}
	return d.text[:begin] + b.String() + last + d.text[end:], nil
}

// flowItems are the texts of a list's entries, what stands in front of each and behind the last, and where the closing bracket is.
func (d *document) flowItems(list *ast.SequenceNode, begin int) (items, gaps []string, end int, err error) {
	at := begin
	for _, value := range list.Values {
		_, offset, err := d.at(value)
		if err != nil || offset < at {
			return nil, nil, 0, errByHand
		}
		gaps = append(gaps, d.text[at:offset])
		if at, err = d.flowEnd(offset); err != nil {
			return nil, nil, 0, err
		}
		items = append(items, d.text[offset:at])
	}
	end = strings.IndexByte(d.text[at:], ']')
	if len(items) == 0 || end < 0 {
		return nil, nil, 0, errByHand
	}
	end += at
	gaps = append(gaps, strings.Replace(d.text[at:end], ",", "", 1))
	for _, gap := range gaps {
		if strings.Trim(gap, " \n,") != "" { // a comment
			return nil, nil, 0, errByHand
		}
	}
	return items, gaps, end, nil
}

// flowEnd is where the entry that begins at offset ends: a scalar, or a mapping in braces.
func (d *document) flowEnd(offset int) (int, error) {
	if d.text[offset] != '{' {
		return d.scalarEnd(offset)
	}
	for i := offset + 1; i < len(d.text); i++ {
		switch d.text[i] {
		case '"', '\'':
			end, err := d.scalarEnd(i)
			if err != nil {
				return 0, err
			}
			i = end - 1
		case '}':
			return i + 1, nil
		}
	}
	return 0, errByHand
}

// flowEntry is the text of an entry whose module has changed.
func (d *document) flowEntry(value ast.Node, text string, from, to manifest.Module) (string, error) {
	_, begin, err := d.at(value)
	if err != nil {
		return "", err
	}
	node, changed, err := d.changed(value, from, to)
	if err != nil || node == nil {
		return changed, err
	}
	_, offset, err := d.at(node)
	if err != nil {
		return "", err
	}
	end, err := d.scalarEnd(offset)
	if err != nil || offset < begin || end > begin+len(text) {
		return "", errByHand
	}
	return text[:offset-begin] + changed + text[end-begin:], nil
}
