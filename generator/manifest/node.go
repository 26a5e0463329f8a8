package manifest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gliderlabs/logspout-builder/generator/nearest"
)

// kind is what a node of a document is.

type kind int

const (
	nullKind kind = iota
	boolKind
	numberKind
	textKind
	listKind
	mappingKind
)

// String names the kind as people write about it.
func (k kind) String() string {
	return [...]string{"nothing", "a truth value", "a number", "a text", "a list", "a mapping"}[k]
}

// node is a value of a YAML or JSON document with its place.
type node struct {
	pos    Pos
	kind   kind
	text   string // of a scalar: as it stands in the document for bare numbers and truth values
	items  []node // of a list
	fields []field
}

// field is a key of a mapping and its value.
type field struct {
	key   string
	pos   Pos
	value node
}

// describe is the node for the "found ..." of a message. Long and multi-line texts are cut: a document may be hostile.
func (n node) describe() string {
	switch n.kind {
	case textKind:
		return "text " + quote(n.text)
	case boolKind, numberKind:
		return clip(n.text)
	default:
		return n.kind.String()
	}
}

// quote is %q, cut to a length that a message can hold.
func quote(s string) string { return fmt.Sprintf("%q", clip(s)) }

func clip(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "..."
}

// reader takes a document apart strictly: whatever is not as wanted becomes a problem, and reading goes on.
type reader struct {
	problems
}

// keys visits the fields of a mapping that are known, in the document's order; the others, and those that come again, are problems.
// what names the mapping in messages.
func (r *reader) keys(n node, what string, known []string, visit func(f field)) {
	if n.kind != mappingKind {
		r.add(n.pos, "%s: want a mapping of %s, found %s", what, strings.Join(known, ", "), n.describe())
		return
	}
	seen := map[string]Pos{}
	for _, f := range n.fields {
		switch first, again := seen[f.key]; {
		case again:
			r.add(f.pos, "key %s comes again: first in line %d", quote(f.key), first.Line)
		case !slices.Contains(known, f.key):
			r.add(f.pos, "%s: unknown key %s (known: %s)%s", what, quote(f.key), strings.Join(known, ", "), nearest.DidYouMean(f.key, known))
		default:
			visit(f)
		}
		if _, again := seen[f.key]; !again {
			seen[f.key] = f.pos
		}
	}
}

// missing reports the keys of a mapping that are not there.
func (r *reader) missing(n node, what string, keys []string) {
	if n.kind != mappingKind {
		return // reported
	}
	for _, key := range keys {
		r.add(n.pos, "%s: the key %s is missing", what, key)
	}
}

// entries visits every field of a mapping with free keys; those that come again are problems.
func (r *reader) entries(f field, visit func(f field)) {
	if f.value.kind != mappingKind {
		r.add(f.value.pos, "%s: want a mapping, found %s", f.key, f.value.describe())
		return
	}
	seen := map[string]Pos{}
	for _, entry := range f.value.fields {
		if first, again := seen[entry.key]; again {
			r.add(entry.pos, "key %s comes again: first in line %d", quote(entry.key), first.Line)
			continue
		}
		seen[entry.key] = entry.pos
		visit(entry)
	}
}

// list is the items of a list.
func (r *reader) list(f field, of string) []node {
	if f.value.kind != listKind {
		r.add(f.value.pos, "%s: want a list of %s, found %s", f.key, of, f.value.describe())
		return nil
	}
	return f.value.items
}

// text is a text; ok is false when it is none.
func (r *reader) text(n node, what string) (text string, ok bool) {
	if n.kind != textKind {
		hint := ""
		if n.kind == boolKind || n.kind == numberKind {
			hint = fmt.Sprintf(": write it in quotes, \"%s\"", clip(n.text))
		}
		r.add(n.pos, "%s: want a text, found %s%s", what, n.describe(), hint)
		return "", false
	}
	return n.text, true
}

// scalar is a text, or a bare number or truth value as it is written.
func (r *reader) scalar(n node, what string) (text string, ok bool) {
	switch n.kind {
	case textKind, boolKind, numberKind:
		return n.text, true
	default:
		r.add(n.pos, "%s: want a text, found %s", what, n.describe())
	}
	return "", false
}

// truth is true or false.
func (r *reader) truth(n node, what string) bool {
	if n.kind != boolKind {
		r.add(n.pos, "%s: want true or false, found %s", what, n.describe())
	}
	return n.kind == boolKind && strings.EqualFold(n.text, "true")
}
