package manifest

import (
	"bytes"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

const (
	// maxSize is the most bytes that a manifest may have: a hundred times what one needs, and little enough for a YAML library that takes quadratic time for some texts.
	maxSize = 64 << 10
	// maxBlank is how many empty lines may follow one another: in a block text the library takes cubic time for them.
	maxBlank = 200
	// maxDepth is how deep a manifest may nest; its shape needs three levels.
	maxDepth = 20
)

// parseYAML reads a document of plain YAML: one document, no anchors, aliases, merges, tags or directives. The parser
// behind it is recursive, so the text's size and nesting are bounded before it sees it. ok is false when there is nothing to read further.
func (r *reader) parseYAML(file string, data []byte) (root node, ok bool) {
	at := func(line, col int) Pos { return Pos{File: file, Line: line, Col: col} }
	before := len(r.problems)
	if len(data) > maxSize {
		r.add(Pos{File: file}, "%d bytes are too much for a manifest (at most %d)", len(data), maxSize)
		return node{}, false
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n")) // the library would count some of these lines twice
	data = bytes.ReplaceAll(data, []byte("\r"), []byte("\n"))
	if !r.checkText(file, data) {
		return node{}, false
	}
	defer func() { // a bug of the YAML library is a malformed document to us, never a crash
		if p := recover(); p != nil {
			r.add(at(1, 1), "malformed YAML: %v", p)
			root, ok = node{}, false
		}
	}()
	tokens := lexer.Tokenize(string(data))
	r.checkTokens(file, tokens)
	if len(r.problems) > before {
		return node{}, false
	}
	doc, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		pos, message := at(1, 1), err.Error()
		if syntax, ok := errors.AsType[yaml.Error](err); ok {
			message = syntax.GetMessage()
			if t := syntax.GetToken(); t != nil && t.Position != nil {
				pos = at(max(t.Position.Line, 1), max(t.Position.Column, 1))
			}
		}
		if strings.HasPrefix(message, "mapping value is not allowed") {
			message += `: keys of one mapping begin in the same column, and a text that holds ": " stands in quotes`
		}
		r.add(pos, "malformed YAML: %s", message)
		return node{}, false
	}
	c := yamlReader{reader: r, file: file}
	var bodies []ast.Node
	for _, d := range doc.Docs {
		if d.Body != nil {
			bodies = append(bodies, d.Body)
		}
	}
	if len(bodies) == 0 {
		r.add(at(1, 1), "nothing in it: a manifest has at least one key, such as modules: [%s]", StandardName)
		return node{}, false
	}
	if len(bodies) > 1 {
		r.add(c.pos(bodies[1]), "a second document begins here: a manifest is one")
		return node{}, false
	}
	root = c.node(bodies[0])
	return root, len(r.problems) == before
}

// checkText refuses what is not a text that a YAML file may have.
func (r *reader) checkText(file string, data []byte) bool {
	before := len(r.problems)
	line, blank := 0, 0
	for text := range bytes.Lines(data) {
		line++
		if blank++; len(bytes.TrimSpace(text)) > 0 {
			blank = 0
		}
		at := func(i int) Pos { return Pos{File: file, Line: line, Col: utf8.RuneCount(text[:i]) + 1} }
		if i := firstInvalid(text); i >= 0 {
			r.add(at(i), "byte 0x%02x is not valid UTF-8: save the file as UTF-8", text[i])
			return false // a file in another encoding has one at every other place
		}
		if blank > maxBlank {
			r.add(at(0), "more than %d empty lines in a row", maxBlank)
			return false
		}
		indent := text[:len(text)-len(bytes.TrimLeft(text, " \t"))]
		if i := bytes.IndexByte(indent, '\t'); i >= 0 && len(bytes.TrimSpace(text)) > 0 {
			r.add(at(i), "a tab in the indentation: YAML wants spaces")
		}
		if i := bytes.IndexFunc(text, isControl); i >= 0 {
			r.add(at(i), "control character 0x%02x: write it as an escape in double quotes", text[i])
			return false
		}
	}
	return len(r.problems) == before
}

func firstInvalid(text []byte) int {
	for i := 0; i < len(text); {
		c, size := utf8.DecodeRune(text[i:])
		if c == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}

func isControl(c rune) bool { return c < ' ' && c != '\t' && c != '\n' || c == 0x7f }

// checkTokens refuses the parts of YAML that a manifest does without, and nesting that is too deep for the parser.
func (r *reader) checkTokens(file string, tokens token.Tokens) {
	flow, run, line := 0, 0, 0 // run counts the "-" and "?" of one line: "- - - x" nests without indentation
	for _, t := range tokens {
		pos := Pos{File: file, Line: t.Position.Line, Col: t.Position.Column}
		switch t.Type {
		case token.AnchorType, token.AliasType:
			r.add(pos, "anchors and aliases (& and *) are not for manifests: write the value out, or put it in quotes when it is meant as text")
		case token.MergeKeyType:
			r.add(pos, "merge keys (<<) are not for manifests: write the keys out")
		case token.TagType:
			r.add(pos, "tags (!) are not for manifests: a text that begins with ! stands in quotes")
		case token.DirectiveType:
			r.add(pos, "directives (%%) are not for manifests")
		case token.MappingStartType, token.SequenceStartType:
			flow++
		case token.MappingEndType, token.SequenceEndType:
			flow--
		case token.SequenceEntryType, token.MappingKeyType:
			if t.Position.Line != line {
				run, line = 0, t.Position.Line
			}
			run++
		default:
		}
		if max(flow, run) > maxDepth {
			r.add(pos, "nested more than %d deep", maxDepth)
			return
		}
	}
}

// yamlReader turns the library's tree into nodes.
type yamlReader struct {
	*reader
	file string
}

// pos is where n begins; a block mapping's own token is its first colon, so its first key is asked.
func (c *yamlReader) pos(n ast.Node) Pos {
	switch v := n.(type) {
	case *ast.MappingNode:
		if !v.IsFlowStyle && len(v.Values) > 0 {
			return c.pos(v.Values[0].Key)
		}
	case *ast.MappingValueNode:
		return c.pos(v.Key)
	}
	t := n.GetToken()
	if t == nil || t.Position == nil {
		return Pos{File: c.file, Line: 1, Col: 1}
	}
	return Pos{File: c.file, Line: t.Position.Line, Col: t.Position.Column}
}

func (c *yamlReader) node(n ast.Node) node {
	if n == nil {
		return node{pos: Pos{File: c.file, Line: 1, Col: 1}}
	}
	out := node{pos: c.pos(n)}
	switch v := n.(type) {
	case *ast.NullNode:
	case *ast.BoolNode:
		out.kind, out.text = boolKind, v.Token.Value
	case *ast.IntegerNode:
		out.kind, out.text = numberKind, v.Token.Value
	case *ast.FloatNode:
		out.kind, out.text = numberKind, v.Token.Value
	case *ast.InfinityNode:
		out.kind, out.text = numberKind, v.Token.Value
	case *ast.NanNode:
		out.kind, out.text = numberKind, v.Token.Value
	case *ast.StringNode:
		out.kind, out.text = textKind, v.Value
	case *ast.LiteralNode:
		out.kind, out.text = textKind, v.Value.Value
	case *ast.SequenceNode:
		out.kind = listKind
		for _, item := range v.Values {
			out.items = append(out.items, c.node(item))
		}
	case *ast.MappingNode:
		out.kind = mappingKind
		for _, value := range v.Values {
			out.fields = append(out.fields, c.field(value))
		}
	case *ast.MappingValueNode:
		out.kind = mappingKind
		out.fields = append(out.fields, c.field(v))
	default:
		c.add(out.pos, "%s is not for manifests", strings.ToLower(n.Type().String()))
	}
	return out
}

func (c *yamlReader) field(v *ast.MappingValueNode) field {
	var key ast.Node = v.Key
	if explicit, ok := key.(*ast.MappingKeyNode); ok {
		key = explicit.Value
	}
	k := c.node(key)
	if k.kind == listKind || k.kind == mappingKind {
		c.add(k.pos, "want a text as the key, found %s", k.kind)
	}
	if k.kind == nullKind {
		k.text = "null"
	}
	return field{key: k.text, pos: k.pos, value: c.node(v.Value)}
}
