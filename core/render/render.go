// Package render turns the Go templates that users write (RAW_FORMAT, SYSLOG_TAG, ...) into functions that append to a
// buffer. Literal text and plain chains of fields run without reflection and without allocation; everything else that
// text/template knows runs through it, node by node. Both ways give the same bytes.
package render

import (
	"fmt"
	"strings"
	"text/template"
	"text/template/parse"

	"github.com/gliderlabs/logspout-builder/core"
)

// Options say what a template sees. The zero value serves templates over *core.Message.
type Options[T any] struct {
	// Message gives the message inside of the data, so that ".Data", ".Container.Name", ... run fast. The names must mean the same in T:
	// embed the *core.Message. It may be nil where T is *core.Message itself.
	Message func(data T) *core.Message
	// Fields are further fast chains, by their text: ".Priority". Each must append what text/template would print.
	Fields map[string]func(dst []byte, data T) []byte
	// Escape, when set, appends what each action's output becomes; the template's own text is left alone.
	Escape func(dst []byte, value string) []byte
	// Backslashes takes the two characters \n and \t in the template's own text for a line feed and a tab, as people write them in shells and
	// compose files.
	Backslashes bool
}

// Template is a compiled template over data of type T, a pointer. It may be used by many goroutines.
type Template[T any] struct {
	steps []step[T]
}

// step appends one part of the output.
type step[T any] func(dst []byte, data T) ([]byte, error)

const escapeFunc = "_escape"

// New compiles text. name stands in errors ("SYSLOG_TAG"), which carry line and column. A field or method that T does not
// have is an error here already, and not at the first message. The functions are text/template's and toJSON, join, replace and split.
func New[T any](name, text string, o Options[T]) (*Template[T], error) {
	if o.Message == nil {
		// The assertion holds exactly where T is *core.Message.
		o.Message, _ = any(func(m *core.Message) *core.Message { return m }).(func(T) *core.Message)
	}
	set := template.New(name).Option("missingkey=zero").Funcs(functions())
	if o.Escape != nil {
		set.Funcs(template.FuncMap{escapeFunc: func(v any) string { return string(o.Escape(nil, fmt.Sprint(v))) }})
	}
	set, err := set.Parse(text)
	if err != nil {
		return nil, err
	}
	if err := check[T](set); err != nil {
		return nil, err
	}
	for _, t := range set.Templates() {
		if t.Tree == nil {
			continue
		}
		walk(t.Root, func(n parse.Node) {
			if text, ok := n.(*parse.TextNode); ok && o.Backslashes {
				text.Text = []byte(strings.NewReplacer(`\n`, "\n", `\t`, "\t").Replace(string(text.Text)))
			}
		})
	}
	c := compiler[T]{o: o, set: set}
	return c.compile()
}

// Append appends the output for data to dst. On an error it returns dst as it was.
func (t *Template[T]) Append(dst []byte, data T) ([]byte, error) {
	out := dst
	var err error
	for _, s := range t.steps {
		if out, err = s(out, data); err != nil {
			return dst, err
		}
	}
	return out, nil
}

type compiler[T any] struct {
	o   Options[T]
	set *template.Template
}

func (c *compiler[T]) compile() (*Template[T], error) {
	t := &Template[T]{}
	if c.set.Tree == nil { // nothing but definitions
		return t, nil
	}
	var slow []parse.Node
	flush := func() error {
		if len(slow) == 0 {
			return nil
		}
		s, err := c.slow(len(t.steps), slow)
		t.steps, slow = append(t.steps, s), nil
		return err
	}
	whole := declares(c.set.Root)
	for _, n := range c.set.Root.Nodes {
		s := step[T](nil)
		if !whole {
			s = c.fast(n)
		}
		if s == nil {
			slow = append(slow, n)
			continue
		}
		if err := flush(); err != nil {
			return nil, err
		}
		t.steps = append(t.steps, s)
	}
	return t, flush()
}

// slow runs nodes through text/template.
func (c *compiler[T]) slow(i int, nodes []parse.Node) (step[T], error) {
	list := c.set.Root.CopyList()
	list.Nodes = nil
	for _, n := range nodes {
		list.Nodes = append(list.Nodes, n.Copy())
	}
	if c.o.Escape != nil {
		escapeAll(c.set.Tree, list)
		for _, t := range c.set.Templates() {
			if t.Tree != nil && t.Name() != c.set.Name() && !strings.HasPrefix(t.Name(), c.set.Name()+"\x00") {
				escapeAll(t.Tree, t.Root)
			}
		}
	}
	tree := &parse.Tree{Name: c.set.Name(), ParseName: c.set.ParseName, Root: list}
	sub, err := c.set.AddParseTree(fmt.Sprintf("%s\x00%d", c.set.Name(), i), tree)
	if err != nil {
		return nil, err
	}
	return func(dst []byte, data T) ([]byte, error) {
		w := appender(dst)
		if err := sub.Execute(&w, data); err != nil {
			return dst, err
		}
		return w, nil
	}, nil
}

// escapeAll pipes every action's value through the escaper, in place and once.
func escapeAll(tree *parse.Tree, list *parse.ListNode) {
	walk(list, func(n parse.Node) {
		action, ok := n.(*parse.ActionNode)
		if !ok || len(action.Pipe.Decl) > 0 {
			return
		}
		last := action.Pipe.Cmds[len(action.Pipe.Cmds)-1]
		if id, ok := last.Args[0].(*parse.IdentifierNode); ok && id.Ident == escapeFunc {
			return
		}
		call, ok := last.Copy().(*parse.CommandNode) // a copy, because it knows its tree, which errors need
		if !ok {
			return
		}
		call.Args = []parse.Node{parse.NewIdentifier(escapeFunc).SetPos(action.Pos).SetTree(tree)}
		action.Pipe.Cmds = append(action.Pipe.Cmds, call)
	})
}

// declares reports whether the top level sets a variable, which later nodes may use.
func declares(list *parse.ListNode) bool {
	for _, n := range list.Nodes {
		if a, ok := n.(*parse.ActionNode); ok && len(a.Pipe.Decl) > 0 {
			return true
		}
	}
	return false
}

// appender is an io.Writer that appends.
type appender []byte

// Write implements io.Writer.
func (a *appender) Write(p []byte) (int, error) {
	*a = append(*a, p...)
	return len(p), nil
}
