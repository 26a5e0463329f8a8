package extpoint

import (
	"errors"
	"fmt"
	"go/ast"
	"go/build"
	"go/build/constraint"
	"io"
	"slices"
	"strings"
)

// fileConstraint is where a file is built, by its name and its go:build line; nil is everywhere.
func fileConstraint(name string, f *ast.File) (constraint.Expr, error) {
	where := nameConstraint(name)
	for _, group := range f.Comments {
		if group.Pos() >= f.Package {
			break
		}
		for _, c := range group.List {
			if !constraint.IsGoBuild(c.Text) {
				continue
			}
			x, err := constraint.Parse(c.Text)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			where = both(where, x)
		}
	}
	return where, nil
}

// nameConstraint reads the platform out of a file's name: NAME_GOOS.go, NAME_GOARCH.go, NAME_GOOS_GOARCH.go.
func nameConstraint(name string) constraint.Expr {
	words := strings.Split(strings.TrimSuffix(name, ".go"), "_")
	var where constraint.Expr
	for i := len(words) - 1; i > 0 && i >= len(words)-2 && isPlatform(words[i]); i-- {
		where = both(&constraint.TagExpr{Tag: words[i]}, where)
	}
	return where
}

// isPlatform tells whether a word is an operating system or architecture that Go knows: a file named after it is left out elsewhere.
func isPlatform(word string) bool {
	nowhere := build.Context{GOOS: "none", GOARCH: "none", Compiler: "gc", OpenFile: func(string) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader("package p\n")), nil
	}}
	match, err := nowhere.MatchFile("", "x_"+word+".go")
	return err == nil && !match
}

// both is the conjunction; nil is true.
func both(x, y constraint.Expr) constraint.Expr {
	switch {
	case x == nil:
		return y
	case y == nil:
		return x
	}
	return &constraint.AndExpr{X: x, Y: y}
}

// either is the disjunction; nil is true, and so is what no tag can make false.
func either(x, y constraint.Expr) constraint.Expr {
	if x == nil || y == nil {
		return nil
	}
	or := &constraint.OrExpr{X: x, Y: y}
	if !canBe(or, false, "") {
		return nil
	}
	return or
}

// neverBuilt tells of a file that is left out unless the tag "ignore" is given: a program of its own.
func neverBuilt(where constraint.Expr) bool {
	return where != nil && !canBe(where, true, "ignore")
}

// canBe tells whether some set of tags, never with the one named never, gives the expression that value.
func canBe(where constraint.Expr, value bool, never string) bool {
	var tags []string
	collectTags(where, &tags)
	const limit = 16 // beyond so many tags the answer is yes without a look at all combinations
	if len(tags) > limit {
		return true
	}
	for set := range 1 << len(tags) {
		got := where.Eval(func(tag string) bool { return tag != never && set>>slices.Index(tags, tag)&1 == 1 })
		if got == value {
			return true
		}
	}
	return false
}

func collectTags(x constraint.Expr, tags *[]string) {
	switch x := x.(type) {
	case *constraint.TagExpr:
		if !slices.Contains(*tags, x.Tag) {
			*tags = append(*tags, x.Tag)
		}
	case *constraint.NotExpr:
		collectTags(x.X, tags)
	case *constraint.AndExpr:
		collectTags(x.X, tags)
		collectTags(x.Y, tags)
	case *constraint.OrExpr:
		collectTags(x.X, tags)
		collectTags(x.Y, tags)
	}
}

// sharedConstraint is what the generated file has to carry: where its types exist. Types that exist in different places
// cannot stand in one file.
func sharedConstraint(points []point) (string, error) {
	text := func(t *typeDecl) string {
		if t.constraint == nil {
			return ""
		}
		return t.constraint.String()
	}
	shared := text(points[0].typ)
	if !slices.ContainsFunc(points, func(x point) bool { return text(x.typ) != shared }) {
		return shared, nil
	}
	var errs []error
	for _, x := range points {
		if where := text(x.typ); where != "" {
			errs = append(errs, fmt.Errorf("type %s exists only where %s (%s), other types elsewhere too: declare it without a build constraint, or leave it out", x.typ.name, where, x.typ.at))
		}
	}
	return "", errors.Join(errs...)
}
