package render

import (
	"strconv"
	"strings"
	"text/template/parse"

	"github.com/gliderlabs/logspout-builder/core"
)

// messageStrings are the chains of a message that print as the string they are.
var messageStrings = map[string]func(*core.Message) string{ //nolint:gochecknoglobals // constant
	".Data":                      func(m *core.Message) string { return m.Data },
	".Source":                    func(m *core.Message) string { return m.Source },
	".Container.ID":              func(m *core.Message) string { return m.Container.ID },
	".Container.ShortID":         func(m *core.Message) string { return m.Container.ShortID() },
	".Container.Name":            func(m *core.Message) string { return m.Container.Name },
	".Container.BareName":        func(m *core.Message) string { return m.Container.BareName() },
	".Container.Image":           func(m *core.Message) string { return m.Container.Image },
	".Container.Config.Hostname": func(m *core.Message) string { return m.Container.Config.Hostname },
	".Container.Config.Image":    func(m *core.Message) string { return m.Container.Config.Image },
}

// messageNumbers are the chains of a message that print as a whole number.
var messageNumbers = map[string]func(*core.Message) int64{ //nolint:gochecknoglobals // constant
	".Container.State.Pid": func(m *core.Message) int64 { return int64(m.Container.State.Pid) },
	".Ordinal":             func(m *core.Message) int64 { return int64(m.Ordinal) },
}

// labels is the chain of a container's labels.
const labels = ".Container.Config.Labels"

// messageString is the function of a chain that prints as a string, nil for another.
func messageString(chain string) func(*core.Message) string {
	if key, ok := strings.CutPrefix(chain, labels+"."); ok && !strings.Contains(key, ".") {
		return label(key)
	}
	return messageStrings[chain]
}

// label is a label's value, "" where there is none.
func label(key string) func(*core.Message) string {
	return func(m *core.Message) string { return m.Container.Config.Labels[key] }
}

// fast is the step of a node that needs no text/template, nil when it does.
func (c *compiler[T]) fast(n parse.Node) step[T] {
	switch n := n.(type) {
	case *parse.CommentNode:
		return func(dst []byte, _ T) ([]byte, error) { return dst, nil }
	case *parse.TextNode:
		text := string(n.Text)
		return func(dst []byte, _ T) ([]byte, error) { return append(dst, text...), nil }
	case *parse.ActionNode:
		if appendTo := c.action(n.Pipe.Cmds); appendTo != nil {
			return func(dst []byte, data T) ([]byte, error) { return appendTo(dst, data), nil }
		}
	}
	return nil
}

// action knows {{.Chain}}, {{toJSON .Chain}}, {{.Chain | toJSON}}, {{index .Container.Config.Labels "key"}} and {{.Time.Format "layout"}}.
func (c *compiler[T]) action(cmds []*parse.CommandNode) func([]byte, T) []byte {
	args := cmds[0].Args
	if len(cmds) == 2 && len(args) == 1 && len(cmds[1].Args) == 1 { // .X | f
		args = []parse.Node{cmds[1].Args[0], args[0]}
	} else if len(cmds) != 1 {
		return nil
	}
	switch len(args) {
	case 1:
		return c.chain(chainText(args[0]))
	case 2:
		if f, ok := args[0].(*parse.IdentifierNode); ok && f.Ident == "toJSON" {
			return c.json(chainText(args[1]))
		}
		if layout, ok := args[1].(*parse.StringNode); ok && len(cmds) == 1 && chainText(args[0]) == ".Time.Format" {
			return c.timeFormat(layout.Text)
		}
	case 3:
		f, ok := args[0].(*parse.IdentifierNode)
		key, ok2 := args[2].(*parse.StringNode)
		if ok && ok2 && len(cmds) == 1 && f.Ident == "index" && chainText(args[1]) == labels && c.o.Fields[labels] == nil && c.o.Message != nil {
			return c.text(label(key.Text))
		}
	}
	return nil
}

func (c *compiler[T]) chain(text string) func([]byte, T) []byte {
	if field := c.o.Fields[text]; field != nil {
		return c.escaped(field)
	}
	message := c.o.Message
	if message == nil {
		return nil
	}
	if get := messageString(text); get != nil {
		return c.text(get)
	}
	if get := messageNumbers[text]; get != nil {
		return c.escaped(func(dst []byte, data T) []byte { return strconv.AppendInt(dst, get(message(data)), 10) })
	}
	return nil
}

func (c *compiler[T]) text(get func(*core.Message) string) func([]byte, T) []byte {
	message, escape := c.o.Message, c.o.Escape
	if escape != nil {
		return func(dst []byte, data T) []byte { return escape(dst, get(message(data))) }
	}
	return func(dst []byte, data T) []byte { return append(dst, get(message(data))...) }
}

func (c *compiler[T]) json(text string) func([]byte, T) []byte {
	get := messageString(text)
	if get == nil || c.o.Message == nil || c.o.Fields[text] != nil {
		return nil
	}
	message := c.o.Message
	return c.escaped(func(dst []byte, data T) []byte { return appendJSON(dst, get(message(data))) })
}

func (c *compiler[T]) timeFormat(layout string) func([]byte, T) []byte {
	message := c.o.Message
	if message == nil {
		return nil
	}
	return c.escaped(func(dst []byte, data T) []byte { return message(data).Time.AppendFormat(dst, layout) })
}

// escaped is f with the escaper behind it, where there is one.
func (c *compiler[T]) escaped(f func([]byte, T) []byte) func([]byte, T) []byte {
	escape := c.o.Escape
	if escape == nil {
		return f
	}
	return func(dst []byte, data T) []byte {
		at := len(dst)
		dst = f(dst, data)
		value := string(dst[at:])
		return escape(dst[:at], value)
	}
}

// chainText is ".A.B" for that chain of the data, "" for another node.
func chainText(n parse.Node) string {
	switch n := n.(type) {
	case *parse.FieldNode:
		return "." + strings.Join(n.Ident, ".")
	case *parse.VariableNode:
		if n.Ident[0] == "$" && len(n.Ident) > 1 {
			return "." + strings.Join(n.Ident[1:], ".")
		}
	}
	return ""
}
