package lock

import (
	"cmp"
	"slices"
	"strings"
)

// Change is one fact in which two locks differ.
type Change struct {
	Kind string `json:"kind"` // "core", "go", "toolchain", "with", "replace", "module", "local"
	Name string `json:"name"` // a path or registry name; "" for core, go and toolchain
	Old  string `json:"old"`  // "" when it was not there
	New  string `json:"new"`  // "" when it is gone
}

// String is "example.com/x v1.0.0 -> v1.1.0".
func (c Change) String() string {
	name := c.Name
	switch c.Kind {
	case "module":
	case "core", "go", "toolchain":
		name = c.Kind
	default:
		name = c.Kind + " " + c.Name
	}
	switch {
	case c.Old == "":
		return strings.TrimSpace(name+" "+c.shown(c.New)) + " added"
	case c.New == "":
		return strings.TrimSpace(name+" "+c.shown(c.Old)) + " removed"
	case c.Kind == "local":
		return name + ": its go.mod or its imports changed"
	}
	return name + " " + c.shown(c.Old) + " -> " + c.shown(c.New)
}

// shown leaves out what says nothing to people.
func (c Change) shown(value string) string {
	if value == present || c.Kind == "local" {
		return ""
	}
	return value
}

// present is the value of what is there and has no version.
const present = "yes"

// order is that of the kinds in a lock.
//
//nolint:gochecknoglobals // constant
var order = []string{"core", "go", "toolchain", "with", "replace", "module", "local"}

// Compare gives the facts in which two locks differ, in the order that a lock has. A nil lock is empty.
func Compare(before, after *Lock) []Change { return differences(before.facts(), after.facts()) }

// Misfits gives the facts in which a lock is not what is asked for now: the core, the toolchain, what the manifest asks for and what
// local directories need. From and the build list, which asked does not know, do not count.
func (l *Lock) Misfits(asked *Lock) []Change {
	have := l.Clone()
	have.Go, have.Modules = asked.Go, asked.Modules
	want := asked.Clone()
	for _, x := range []*Lock{have, want} {
		for i := range x.Wants {
			x.Wants[i].From = ""
		}
	}
	return differences(have.facts(), want.facts())
}

type fact struct{ kind, name string }

// facts are the lock's lines by what they are about.
func (l *Lock) facts() map[fact]string {
	facts := map[fact]string{}
	if l == nil {
		return facts
	}
	facts[fact{"core", ""}], facts[fact{"go", ""}], facts[fact{"toolchain", ""}] = l.Core.Version, l.Go, l.Toolchain
	for _, w := range l.Wants {
		facts[fact{"with", w.Name}] = cmp.Or(w.Query, present)
	}
	for _, r := range l.Replaces {
		facts[fact{"replace", r.Module}] = strings.TrimSpace("=> " + strings.TrimSpace(r.Path+" "+r.Query))
	}
	for _, m := range l.Modules {
		value := m.Version
		if m.To.Path != "" {
			value += " => " + strings.TrimSpace(m.To.Path+" "+m.To.Version)
		}
		facts[fact{"module", m.Path}] = value
	}
	for _, m := range l.Locals {
		facts[fact{"local", m.Path}] = m.Needs
	}
	return facts
}

func differences(before, after map[fact]string) []Change {
	var changes []Change
	for f, old := range before {
		if now := after[f]; now != old {
			changes = append(changes, Change{f.kind, f.name, old, now})
		}
	}
	for f, now := range after {
		if _, ok := before[f]; !ok && now != "" {
			changes = append(changes, Change{f.kind, f.name, "", now})
		}
	}
	slices.SortFunc(changes, func(a, b Change) int {
		return cmp.Or(slices.Index(order, a.Kind)-slices.Index(order, b.Kind), strings.Compare(a.Name, b.Name))
	})
	return changes
}
