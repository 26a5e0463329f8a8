package generator

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/mod/semver"

	"github.com/gliderlabs/logspout-builder/generator/gotool"
	"github.com/gliderlabs/logspout-builder/generator/manifest"
)

// blame makes the error of a step of what a go command said: the package of the plan that it is about, what is wrong with it, the go
// command's own words, and the next step for what happens often.
func (p *Plan) blame(step Step, err error) error {
	var failed *gotool.Error
	if !errors.As(err, &failed) {
		return stepOf(step, err)
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
	if e, ok := errors.AsType[*Error](err); ok {
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
			x := p.mentioned(line)
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
func (p *Plan) blameOne(step Step, failed *gotool.Error) error {
	shown := *failed
	shown.Stderr = p.unpacked(failed.Stderr)
	out := &Error{Step: step}
	if x := p.mentioned(shown.Stderr); x != nil {
		out.Package, out.Pos = x.Path, x.Pos
	}
	reason, next := explain(shown.Stderr)
	out.Hint = next
	if x := p.holder(out.Package); x != nil {
		out.Hint = cmp.Or(x.majorHint(), next)
	}
	out.Err = fmt.Errorf("%s\n%w", cmp.Or(reason, "the go command refused it"), &shown)
	return out
}

// mentioned is the external package that a text is about: that of the first line that names one, by its path, its directory, or a path
// above it that may be its module's.
func (p *Plan) mentioned(text string) *Package {
	external := p.external()
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "go: downloading ") {
			continue
		}
		for i, x := range external {
			if mentions(line, x.Path, "/") {
				return &external[i]
			}
			if m := p.localModule(x.Local); m != nil && (mentions(line, m.Path, "/") || mentions(line, m.Directory, "/")) {
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

// conflict is how the go command says that two versions do not go together.
var conflict = regexp.MustCompile(`(?m)^go: (\S+) (?:\(.*\) )?requires (\S+)@(\S+), (?:but \S+ is requested|not \S+)`)

// otherPath is how the go command says that a module was asked for by another path than its own.
var otherPath = regexp.MustCompile(`module declares its path as: (\S+)\s+but was required as: (\S+)`)

// majorHint says how the major version and the end of the path of a package go together, "" where they do or nobody can tell.
func (x *Package) majorHint() string {
	if !exact(x.Query) {
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

const (
	nextVersion = "look at the module's tags, or leave the version out for the latest"
	nextPrivate = "if it is private, set GOPRIVATE for it and let git authenticate (https://go.dev/ref/mod#private-modules)"
)

// explain says in a line what the go command's stderr means, and what to do about it; both are "" for what it says best itself.
func explain(stderr string) (reason, next string) {
	if m := conflict.FindStringSubmatch(stderr); m != nil {
		if m[2] == manifest.CorePath {
			return fmt.Sprintf("%s needs the core at %s, and this builder carries an older one", m[1], m[3]), "use a newer logspout-builder, or an older version of the module"
		}
		return fmt.Sprintf("the versions asked for cannot be had together: %s needs %s at %s", m[1], m[2], m[3]),
			fmt.Sprintf("ask for %s@%s or newer, or for an older version of %s", m[2], m[3], m[1])
	}
	if m := otherPath.FindStringSubmatch(stderr); m != nil {
		return "it calls itself " + m[1], fmt.Sprintf("name it %s, or take it under replace: {%s: %s@VERSION}", m[1], m[2], m[1])
	}
	for _, e := range []struct{ says, reason, next string }{
		{"refusing to pass credentials to insecure URL", "the password in GOPROXY would travel unencrypted", "take an https:// address, or keep the password in a netrc file"},
		{"invalid proxy URL", "GOPROXY has an address that cannot be used", "want https://host/path, file:///path, direct or off, with commas between (go help goproxy)"},
		{"is not a secure URL", "the address of the proxy is not encrypted", "take an https:// address"},
		{"checksum database disabled by GOSUMDB=off", "its checksum is not known, and GOSUMDB=off forbids to ask for it", "set GOSUMDB, or lock it where it can be asked for"},
		{"but does not contain package", "the module has no such package", "check the package's path, and that this version of the module has it"},
		{"checksum mismatch", "the module's content is not what its checksum says", "do not use it before you know who changed it"},
		{"terminal prompts disabled", "no access to the module's repository", nextPrivate},
		{"could not read Username", "no access to the module's repository", nextPrivate},
		{"401 Unauthorized", "no access to the module", nextPrivate},
		{"403 Forbidden", "no access to the module", "check its path and version; " + nextPrivate},
		{"module lookup disabled by GOPROXY=off", "it is not in the module cache, and GOPROXY=off forbids to fetch it", "build once with a proxy, or set GOPROXY"},
		{"unknown revision", "there is no such version", nextVersion},
		{"no matching versions for query", "there is no such version", nextVersion},
		{"invalid version", "there is no such version", nextVersion},
		{"requires go >=", "it needs a newer Go", "install that Go, or set GOTOOLCHAIN=auto"},
		{"proxyconnect tcp", "the HTTP proxy cannot be reached", "check HTTP_PROXY, HTTPS_PROXY and the network"},
		{"dial tcp", "the module proxy cannot be reached", "check the network, GOPROXY and HTTPS_PROXY"},
		{"404 Not Found", "there is no such module, or no such version of it", "check its path and version; " + nextPrivate},
		{"410 Gone", "there is no such module, or no such version of it", "check its path and version; " + nextPrivate},
		{"no required module provides package", "there is no such package", "check its path"},
		{"cannot find module providing package", "there is no such package", "check its path"},
		{"unrecognized import path", "there is no such module", "check its path"},
		{"/link: ", "the linker refused it", "look at build.ldflags of the manifest"},
		{"no space left on device", "the disk is full", "make room, or let GOCACHE, GOMODCACHE, TMPDIR and LOGSPOUT_BUILDER_CACHE point elsewhere"},
	} {
		if strings.Contains(stderr, e.says) {
			return e.reason, e.next
		}
	}
	return "", ""
}

// clashes are the names that two packages of the plan register at one extension point.
func (p *Plan) clashes(found []Extension) []error {
	type slot struct{ point, name string }
	holders := map[slot][]string{}
	for _, e := range p.extensions(found) {
		if s := (slot{e.Point, e.Name}); e.Point != "" && e.Name != "" { // what only the running program knows, it has to tell itself
			holders[s] = append(holders[s], e.Package)
		}
	}
	var problems []error
	for _, e := range p.extensions(found) {
		s := slot{e.Point, e.Name}
		packages := holders[s]
		if len(packages) < 2 {
			continue
		}
		delete(holders, s)
		slices.Sort(packages)
		out := &Error{Step: StepResolve, Err: fmt.Errorf("%s %q is registered by %s", e.Point, e.Name, strings.Join(packages, " and by "))}
		for _, holder := range packages {
			x := p.holder(holder)
			if x == nil {
				continue
			}
			if x.Bundled {
				out.Hint = fmt.Sprintf("a name can be had once: leave one of them out (--without %s)", x.Name)
			} else {
				out.Package, out.Pos = x.Path, x.Pos
			}
		}
		if out.Hint == "" {
			out.Hint = "a name can be had once: leave one of them out"
		}
		out.Hint += p.renameHint(packages, e.Name)
		problems = append(problems, out)
	}
	return problems
}

// renameHint shows how one of the packages that register a name gets another: the last one that the plan names itself.
func (p *Plan) renameHint(packages []string, name string) string {
	for _, holder := range slices.Backward(packages) {
		x := p.holder(holder)
		if x == nil || x.Bundled {
			continue
		}
		own := name
		for old, newName := range x.Rename {
			if newName == name {
				own = old
			}
		}
		return fmt.Sprintf(", or give one another name in the manifest: {package: %s, rename: {%s: %s-%s}}", x.Path, own, path.Base(x.Path), own)
	}
	return ""
}
