package plan

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/mod/semver"

	"github.com/gliderlabs/logspout-builder/generator/fault"
	"github.com/gliderlabs/logspout-builder/generator/gotool"
	"github.com/gliderlabs/logspout-builder/generator/manifest"
)

// Blame makes the error of a step of what a go command said: the package of the plan that it is about, what is wrong with it, the go
// command's own words, and the next step for what happens often.
func (p *Plan) Blame(step fault.Step, err error) error {
	var failed *gotool.Error
	if !errors.As(err, &failed) {
		return fault.At(step, err)
	}
	if several := p.apart(failed); len(several) > 1 {
		var problems []error
		for _, one := range several {
			problems = append(problems, p.blameOne(step, one))
		}
		slices.SortStableFunc(problems, func(a, b error) int { return placeOf(a).Compare(placeOf(b)) })
		return errors.Join(problems...)
	}
	return p.blameOne(step, failed)
}

func placeOf(err error) manifest.Pos {
	if e, ok := errors.AsType[*fault.Error](err); ok {
		return e.Pos
	}
	return manifest.Pos{}
}

// apart are the complaints of a go command, each about another package of the plan; nil when one cannot be told from another.
func (p *Plan) apart(failed *gotool.Error) []*gotool.Error {
	var several []*gotool.Error
	var about []string
	for line := range strings.Lines(failed.Stderr) {
		begins := strings.HasPrefix(line, "go: ")
		switch {
		case strings.HasPrefix(line, "go: downloading "):
		case begins:
			x := p.Mentioned(line)
			if x == nil {
				return nil
			}
			if i := slices.Index(about, x.Path); i >= 0 {
				several[i].Stderr += line
				continue
			}
			one := *failed
			one.Stderr = line
			several, about = append(several, &one), append(about, x.Path)
		case len(several) > 0:
			several[len(several)-1].Stderr += line
		}
	}
	return several
}

// blameOne is blame for a complaint about one thing.
func (p *Plan) blameOne(step fault.Step, failed *gotool.Error) error {
	shown := *failed
	shown.Stderr = p.Unpacked(failed.Stderr)
	out := &fault.Error{Step: step}
	if fault.Mismatch.MatchString(shown.Stderr) { // a build that stops at it has compiled nothing
		out.Step = fault.StepResolve
	}
	if x := p.Mentioned(shown.Stderr); x != nil {
		out.Package, out.Pos = x.Path, x.Pos
	}
	reason, next := fault.Explain(shown.Stderr)
	out.Hint = next
	if x := p.Holder(out.Package); x != nil {
		out.Hint = cmp.Or(x.MajorHint(), next)
	}
	out.Err = fmt.Errorf("%s\n%w", cmp.Or(reason, "the go command refused it"), &shown)
	return out
}

// Mentioned is the external package that a text is about: that of the first line that names one, by its path, its directory, or a path
// above it that may be its module's.
func (p *Plan) Mentioned(text string) *Package {
	external := p.External()
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "go: downloading ") {
			continue
		}
		for i, x := range external {
			if mentions(line, x.Path, "/") {
				return &external[i]
			}
			if m := p.LocalModule(x.Local); m != nil && (mentions(line, m.Path, "/") || mentions(line, m.Directory, "/")) {
				return &external[i]
			}
		}
		for i, x := range external {
			for above := path.Dir(x.Path); strings.Contains(above, "/"); above = path.Dir(above) {
				if mentions(line, above, "") {
					return &external[i]
				}
			}
		}
	}
	return nil
}

// mentions reports whether a line has a path as a whole, or, with further "/", as the beginning of one.
func mentions(line, name, further string) bool {
	return regexp.MustCompile(`(^|[\s"'(:])` + regexp.QuoteMeta(name) + `($|[\s"'@:,;)` + further + `])`).MatchString(line)
}

// MajorHint says how the major version and the end of the path of a package go together, "" where they do or nobody can tell.
func (x *Package) MajorHint() string {
	if !Exact(x.Query) {
		return ""
	}
	major, inPath := semver.Major(x.Query), ""
	for element := range strings.SplitSeq(x.Path, "/") {
		if majorElement.MatchString(element) {
			inPath = element
		}
	}
	switch {
	case strings.HasSuffix(x.Query, "+incompatible"):
		return ""
	case inPath == "" && major != "v0" && major != "v1":
		return fmt.Sprintf("from v2 on a module's path ends with its major version, such as %s/%s@%s", x.Path, major, x.Query)
	case inPath != "" && inPath != major:
		return fmt.Sprintf("the path has %s in it: ask for a version of that major, or leave %s out of the path", inPath, inPath)
	}
	return ""
}

var majorElement = regexp.MustCompile(`^v([2-9]|[1-9][0-9]+)$`)

// Culprits are the packages from elsewhere that an error of resolving, inspecting, compiling or starting names, each once.
func (p *Plan) Culprits(err error) []*fault.Error {
	var found []*fault.Error
	var look func(error)
	look = func(err error) {
		if joined, ok := err.(interface{ Unwrap() []error }); ok {
			for _, one := range joined.Unwrap() {
				look(one)
			}
			return
		}
		var e *fault.Error
		if !errors.As(err, &e) || e.Step == fault.StepManifest {
			return
		}
		named := func(x Package) bool { return x.Path == e.Package }
		if slices.ContainsFunc(p.External(), named) && !slices.ContainsFunc(found, func(l *fault.Error) bool { return l.Package == e.Package }) {
			found = append(found, e)
		}
	}
	look(err)
	return found
}
