// Package timings tells where the time of a build went: the steps, and of compiling the packages and the linker.
package timings

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Node is something that took time, and what it was made of. The parts may overlap and need not be all.
type Node struct {
	Name    string        `json:"name"`
	Detail  string        `json:"detail,omitempty"`
	Elapsed time.Duration `json:"nanoseconds"`
	Parts   []Node        `json:"parts,omitempty"`
}

// action is one of the action graph that `go build -debug-actiongraph=FILE` writes (cmd/go/internal/work, actionJSON).
type action struct {
	Mode, Package       string
	Cmd                 []string // empty when the cache had the result
	TimeStart, TimeDone time.Time
}

// slowest is how many packages are told.
const slowest = 10

// Compile reads what `go build` wrote of its actions: compiling with the packages that took longest, and linking.
func Compile(graph []byte) (compile, link Node, err error) {
	var actions []action
	if err := json.Unmarshal(graph, &actions); err != nil {
		return compile, link, fmt.Errorf("read the go command's action graph: %w", err)
	}
	compile, link = Node{Name: "compile"}, Node{Name: "link"}
	packages := 0
	var first, last time.Time
	for _, a := range actions {
		took := a.TimeDone.Sub(a.TimeStart)
		switch a.Mode {
		case "link":
			link.Elapsed += took
		case "build":
			packages++
			if first.IsZero() || a.TimeStart.Before(first) {
				first = a.TimeStart
			}
			if a.TimeDone.After(last) {
				last = a.TimeDone
			}
			if len(a.Cmd) > 0 {
				compile.Parts = append(compile.Parts, Node{Name: a.Package, Elapsed: took})
			}
		}
	}
	compile.Elapsed = last.Sub(first)
	compile.Detail = fmt.Sprintf("%d of %d packages, the others from the go command's cache", len(compile.Parts), packages)
	slices.SortStableFunc(compile.Parts, func(a, b Node) int {
		return cmp.Or(cmp.Compare(b.Elapsed, a.Elapsed), strings.Compare(a.Name, b.Name))
	})
	if len(compile.Parts) > slowest {
		compile.Parts = compile.Parts[:slowest]
	}
	return compile, link, nil
}

// Tree is a node with its parts below it, a line each.
func (n Node) Tree() string {
	var b strings.Builder
	n.write(&b, "", "")
	return b.String()
}

func (n Node) write(b *strings.Builder, first, rest string) {
	line := fmt.Sprintf("%s%-8s %s", first, round(n.Elapsed), n.Name)
	if n.Detail != "" {
		line += " (" + n.Detail + ")"
	}
	b.WriteString(line + "\n")
	for i, part := range n.Parts {
		if i == len(n.Parts)-1 {
			part.write(b, rest+"└─ ", rest+"   ")
		} else {
			part.write(b, rest+"├─ ", rest+"│  ")
		}
	}
}

func round(d time.Duration) time.Duration {
	if d < time.Second {
		return d.Round(time.Millisecond)
	}
	return d.Round(10 * time.Millisecond)
}
