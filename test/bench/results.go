package main

import (
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"text/tabwriter"
)

// result is one line of a benchmark: its metrics by their units.
type result struct {
	pkg, name string
	metrics   map[string]float64
}

// results are those of several packages, in order.
type results struct {
	pkg string // of the lines that come
	all []result
}

var (
	benchmarkLine = regexp.MustCompile(`^Benchmark(\S+?)(?:-\d+)?\s+\d+\s+(.*)$`)
	sizeSuffix    = regexp.MustCompile(`=\d+$`)
)

// add takes a line of what `go test -bench` prints.
func (r *results) add(line string) {
	if pkg, ok := strings.CutPrefix(line, "pkg: "); ok {
		r.pkg = strings.TrimPrefix(pkg, "github.com/gliderlabs/logspout-builder/")
		return
	}
	m := benchmarkLine.FindStringSubmatch(line)
	if m == nil {
		return
	}
	x := result{r.pkg, m[1], map[string]float64{}}
	fields := strings.Fields(m[2])
	for i := 0; i+1 < len(fields); i += 2 {
		if v, err := strconv.ParseFloat(fields[i], 64); err == nil {
			x.metrics[fields[i+1]] = v
		}
	}
	r.all = append(r.all, x)
}

// isFloor tells whether a benchmark is what others are measured by: BenchmarkFloor, or a part of another one whose name begins with "floor".
func (x result) isFloor() bool {
	name := x.name[strings.LastIndexByte(x.name, '/')+1:]
	return strings.HasPrefix(name, "floor") || x.top() == "Floor"
}

func (x result) top() string {
	top, _, _ := strings.Cut(x.name, "/")
	return top
}

// floor finds what a benchmark is measured by: the floor within it, else BenchmarkFloor of its package, of the same size ("readers=4" for
// "cursors=4") where there are several.
func (r *results) floor(x result) *result {
	var found *result
	for i := range r.all {
		f := &r.all[i]
		switch {
		case f.pkg != x.pkg || !f.isFloor():
		case f.top() == x.top():
			return f
		case f.top() != "Floor":
		case found == nil, sizeSuffix.FindString(f.name) == sizeSuffix.FindString(x.name):
			found = f
		}
	}
	return found
}

// figures are the units that results are compared by, the first that both have, and whether more is better.
var figures = []struct { //nolint:gochecknoglobals // constant
	unit string
	more bool
}{{"cpu-ns/line", false}, {"lines/s", true}, {"ns/op", false}}

// write writes a table: each benchmark with its figure, that of its floor, and how many times the floor's cost it has.
func (r *results) write(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	row := func(cells ...string) { _, _ = fmt.Fprintln(t, strings.Join(cells, "\t")+"\t") } // Flush has the error
	row("package", "benchmark", "figure", "floor", "", "x floor")
	for _, x := range r.all {
		if bare, ok := x.metrics["bare-ms"]; ok { // it has its floor with it
			row(x.pkg, x.name, number(x.metrics["ms"]), number(bare), "ms", ratio(x.metrics["x-bare"]))
			continue
		}
		if x.isFloor() {
			continue
		}
		unit, own, least, times := "ns/op", number(x.metrics["ns/op"]), "-", "-"
		if f := r.floor(x); f != nil {
			for _, figure := range figures {
				ours, ok := x.metrics[figure.unit]
				theirs, both := f.metrics[figure.unit]
				if !ok || !both || ours == 0 || theirs == 0 {
					continue
				}
				unit, own, least, times = figure.unit, number(ours), number(theirs), ratio(ours/theirs)
				if figure.more {
					times = ratio(theirs / ours)
				}
				break
			}
		}
		row(x.pkg, x.name, own, least, unit, times)
	}
	return t.Flush()
}

// number writes three digits at least, and no decimals that say nothing.
func number(v float64) string {
	if v >= 100 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}

func ratio(v float64) string { return strconv.FormatFloat(v, 'f', 2, 64) }
