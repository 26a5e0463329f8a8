package render

import (
	"errors"
	"fmt"
	"reflect"
	"text/template"
	"text/template/parse"

	"github.com/gliderlabs/logspout-builder/core"
)

// check reports every chain from the template's data that T does not have, and every call of a template that is not defined.
func check[T any](set *template.Template) error {
	if set.Tree == nil {
		return nil
	}
	c := checker{set: set, root: reflect.TypeFor[T]()}
	c.list(set.Root, c.root)
	return errors.Join(c.problems...)
}

type checker struct {
	set      *template.Template
	root     reflect.Type
	problems []error
}

// list checks nodes whose dot has type dot; nil means that it is not known.
func (c *checker) list(list *parse.ListNode, dot reflect.Type) {
	if list == nil {
		return
	}
	for _, n := range list.Nodes {
		switch n := n.(type) {
		case *parse.ActionNode:
			c.pipe(n.Pipe, dot)
		case *parse.IfNode:
			c.branch(&n.BranchNode, dot, dot)
		case *parse.WithNode:
			c.branch(&n.BranchNode, dot, nil)
		case *parse.RangeNode:
			c.branch(&n.BranchNode, dot, nil)
		case *parse.TemplateNode:
			c.pipe(n.Pipe, dot)
			if c.set.Lookup(n.Name) == nil {
				c.fail(n, fmt.Sprintf("template %q is not defined", n.Name))
			}
		}
	}
}

func (c *checker) branch(n *parse.BranchNode, dot, inner reflect.Type) {
	c.pipe(n.Pipe, dot)
	c.list(n.List, inner)
	c.list(n.ElseList, dot)
}

func (c *checker) pipe(p *parse.PipeNode, dot reflect.Type) {
	if p == nil {
		return
	}
	for _, cmd := range p.Cmds {
		for _, arg := range cmd.Args {
			c.arg(arg, dot)
		}
	}
}

func (c *checker) arg(n parse.Node, dot reflect.Type) {
	switch n := n.(type) {
	case *parse.FieldNode:
		c.chain(n, dot, n.Ident)
	case *parse.VariableNode:
		if n.Ident[0] == "$" {
			c.chain(n, c.root, n.Ident[1:])
		}
	case *parse.ChainNode:
		c.arg(n.Node, dot)
	case *parse.PipeNode:
		c.pipe(n, dot)
	}
}

// chain follows names from type t as far as types tell.
func (c *checker) chain(n parse.Node, t reflect.Type, names []string) {
	for _, name := range names {
		if t == nil || t.Kind() == reflect.Interface {
			return
		}
		next, known := member(t, name)
		if !known {
			text := fmt.Sprintf("there is no %q in %s", name, n)
			if near := core.Nearest(name, members(t)); near != "" {
				text += fmt.Sprintf("; did you mean %q?", near)
			}
			c.fail(n, text)
			return
		}
		t = next
	}
}

func (c *checker) fail(n parse.Node, text string) {
	location, _ := c.set.ErrorContext(n)
	c.problems = append(c.problems, fmt.Errorf("template: %s: %s", location, text))
}

// member is the type of t's method or field name, nil when it is not known; known is false when there is none.
func member(t reflect.Type, name string) (next reflect.Type, known bool) {
	if m, ok := methods(t).MethodByName(name); ok {
		if m.Type.NumOut() == 0 {
			return nil, false
		}
		return m.Type.Out(0), true
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.Struct:
		f, ok := t.FieldByName(name)
		return f.Type, ok && f.IsExported()
	case reflect.Map:
		return t.Elem(), t.Key().Kind() == reflect.String
	}
	return nil, false
}

// members are the names that member knows of t.
func members(t reflect.Type) []string {
	var names []string
	for m := range methods(t).Methods() {
		names = append(names, m.Name)
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() == reflect.Struct {
		for _, f := range reflect.VisibleFields(t) {
			if f.IsExported() {
				names = append(names, f.Name)
			}
		}
	}
	return names
}

// methods is the type that has all of t's methods: what a template calls them on can be addressed.
func methods(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t
	}
	return reflect.PointerTo(t)
}

// walk calls visit for every node of list and the lists inside of it.
func walk(list *parse.ListNode, visit func(parse.Node)) {
	if list == nil {
		return
	}
	for _, n := range list.Nodes {
		visit(n)
		switch n := n.(type) {
		case *parse.IfNode:
			walk(n.List, visit)
			walk(n.ElseList, visit)
		case *parse.WithNode:
			walk(n.List, visit)
			walk(n.ElseList, visit)
		case *parse.RangeNode:
			walk(n.List, visit)
			walk(n.ElseList, visit)
		}
	}
}
