package manifest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// String is "file:line:col", or as much of it as is known.
func (p Pos) String() string {
	switch {
	case p.Line == 0:
		return p.File
	case p.File == "":
		return fmt.Sprintf("%d:%d", p.Line, p.Col)
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col)
}

// Compare orders places by file, line and column.
func (p Pos) Compare(q Pos) int {
	return cmp.Or(strings.Compare(p.File, q.File), cmp.Compare(p.Line, q.Line), cmp.Compare(p.Col, q.Col))
}

// Problem is one thing that is wrong in a manifest or a registry: what was wanted, what was found, what to do.
type Problem struct {
	Pos     Pos
	Message string
}

// String is "file:line:col: message".
func (p Problem) String() string {
	if at := p.Pos.String(); at != "" {
		return at + ": " + p.Message
	}
	return p.Message
}

// Errors is every problem that was found, sorted by place. It is the error of Parse, ParseRegistry, ParseModule and Expand.
type Errors []Problem

// Error has one problem a line, of very many the first.
func (e Errors) Error() string {
	const most = 100
	var lines []string
	for _, p := range e[:min(len(e), most)] {
		lines = append(lines, p.String())
	}
	if more := len(e) - most; more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more problems", more))
	}
	return strings.Join(lines, "\n")
}

// problems collects what is wrong.
type problems []Problem

func (ps *problems) add(at Pos, format string, args ...any) {
	*ps = append(*ps, Problem{Pos: at, Message: fmt.Sprintf(format, args...)})
}

// err is nil, or the problems as sorted Errors, each once.
func (ps *problems) err() error {
	if len(*ps) == 0 {
		return nil
	}
	sorted := Errors(slices.Clone(*ps))
	slices.SortStableFunc(sorted, func(a, b Problem) int { return a.Pos.Compare(b.Pos) })
	return slices.Compact(sorted)
}
