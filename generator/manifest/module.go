package manifest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/mod/module"

	"github.com/gliderlabs/logspout-builder/generator/nearest"
)

var (
	queryForm    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/+~-]*$`)
	bareSemver   = regexp.MustCompile(`^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+.*)?$`)
	urlPrefix    = regexp.MustCompile(`^[a-z+]+://`)
	scpForm      = regexp.MustCompile(`^[\w.-]+@([\w.-]+):(.+)$`)
	windowsDrive = regexp.MustCompile(`^[A-Za-z]:[\\/]`)
	noneQueries  = []string{"none"} //nolint:gochecknoglobals // constant
)

// ParseModule reads NAME[@VERSION][=DIR], where NAME is a registry's name, StandardName or a package path: a flag's value, or an entry
// of modules. pos is the place for messages. Its error is Errors.
func ParseModule(spec string, pos Pos, reg *Registry) (Module, error) {
	var ps problems
	m, _ := parseSpec(&ps, spec, pos, reg)
	return m, ps.err()
}

// ID is what the module is told from others by: its name in the registry, else its package path.
func (m Module) ID() string {
	if m.Name != "" {
		return m.Name
	}
	return m.Package
}

// String is the module as ParseModule reads it.
func (m Module) String() string {
	s := m.ID()
	if m.Version != "" {
		s += "@" + m.Version
	}
	if m.Dir != "" {
		s += "=" + m.Dir
	}
	return s
}

func parseSpec(ps *problems, spec string, pos Pos, reg *Registry) (Module, bool) {
	before := len(*ps)
	m := Module{Pos: pos}
	if looksLikeDir(spec) {
		ps.add(pos, "%s is a directory: write the import path of its package before it, such as example.com/you/module=%s", quote(spec), clip(spec))
		return m, false
	}
	if scp := scpForm.FindStringSubmatch(spec); scp != nil {
		ps.add(pos, "%s is a URL: want an import path; did you mean %s?", quote(spec), quote(scp[1]+"/"+strings.TrimSuffix(scp[2], ".git")))
		return m, false
	}
	left, dir, hasDir := strings.Cut(spec, "=")
	id, version, hasVersion := strings.Cut(left, "@")
	resolveModule(ps, &m, id, pos, reg)
	if hasVersion {
		m.Version = version
		checkModuleVersion(ps, version, pos)
	}
	if hasDir {
		m.Dir = dir
		checkDir(ps, dir, pos)
	}
	checkFixed(ps, m, reg)
	return m, len(*ps) == before
}

// resolveModule sets the module's name or package path. A package that the registry knows gets its name, so that a module is the same
// module however it was written.
func resolveModule(ps *problems, m *Module, id string, pos Pos, reg *Registry) {
	if id == StandardName {
		m.Name = id
		return
	}
	if id != "" && !looksLikePath(id) {
		m.Name = id
		if _, err := reg.Lookup(id); err != nil {
			ps.add(pos, "%s", err)
		}
		return
	}
	if e, ok := reg.ByPackage(id); ok {
		m.Name = e.Name
		return
	}
	m.Package = id
	if message := checkPackage(id, reg); message != "" {
		ps.add(pos, "%s", message)
	}
}

// looksLikePath tells a package path from a name, in which there is neither slash nor dot.
func looksLikePath(id string) bool { return strings.ContainsAny(id, `./\:`) }

// looksLikeDir tells a local directory as the go command does: by its beginning.
func looksLikeDir(s string) bool {
	s = strings.ReplaceAll(s, `\`, "/")
	return s == "." || s == ".." || strings.HasPrefix(s, "./") || strings.HasPrefix(s, "../") || strings.HasPrefix(s, "/") ||
		strings.HasPrefix(s, "~") || windowsDrive.MatchString(s)
}

// checkPackage says what is wrong with the path of a package that the registry does not know, "" when nothing is.
func checkPackage(path string, reg *Registry) string {
	elements := strings.Split(path, "/")
	switch {
	case path == "":
		return "no module is named: want a name (see logspout-builder modules) or a package path such as example.com/you/module"
	case urlPrefix.MatchString(path):
		plain := strings.TrimSuffix(urlPrefix.ReplaceAllString(path, ""), ".git")
		return fmt.Sprintf("%s is a URL: want an import path; did you mean %s?", quote(path), quote(plain))
	case tagged(path, reg):
		return quote(path) + ": a version stands behind @, as in NAME@VERSION"
	case path == CorePath+"/modules/"+StandardName:
		return "the standard set is written " + StandardName
	case Within(path, CorePath):
		message := "this builder has no module " + quote(path)
		if e, ok := reg.ByPackage(nearest.Name(path, reg.packages())); ok {
			message += fmt.Sprintf("; did you mean %q?", e.Name)
		}
		return message
	case Within(path, legacyPath):
		message := quote(path) + " belongs to the original logspout and cannot be built in"
		if e, err := reg.Lookup(legacySuccessors[strings.TrimPrefix(path, legacyPath+"/")]); err == nil {
			message += fmt.Sprintf(": the module that does this here is %q", e.Name)
		}
		return message
	case !strings.Contains(elements[0], "."):
		return fmt.Sprintf("package path %s: want a host name with a dot first, such as example.com/you/module%s", quote(path),
			nearest.DidYouMean(elements[len(elements)-1], reg.Names()))
	case slices.Contains(elements, "internal"), slices.Contains(elements, "vendor"):
		return fmt.Sprintf("package %s is internal or vendored: no other module can import it", quote(path))
	}
	if err := module.CheckImportPath(path); err != nil {
		reason := err.Error()
		if i := strings.LastIndex(reason, `": `); i >= 0 {
			reason = reason[i+3:]
		}
		return fmt.Sprintf("malformed package path %s: %s", quote(path), reason)
	}
	return ""
}

// Within reports whether an import path is dir or lies below it.
func Within(path, dir string) bool { return path == dir || strings.HasPrefix(path, dir+"/") }

// tagged tells a name with a version as images have it, NAME:TAG.
func tagged(id string, reg *Registry) bool {
	name, _, ok := strings.Cut(id, ":")
	if !ok {
		return false
	}
	_, err := reg.Lookup(name)
	return err == nil || name == StandardName
}

// checkModuleVersion takes what `go get module@version` takes, but for the queries that take a module away or compare.
func checkModuleVersion(ps *problems, version string, pos Pos) {
	const want = "want v1.2.3, latest, a branch, a tag or a commit"
	switch {
	case bareSemver.MatchString(version):
		ps.add(pos, "version %s: %s; did you mean %s?", quote(version), want, quote("v"+version))
	case !fits(queryForm, 256, version), slices.Contains(noneQueries, version), strings.Contains(version, ".."), strings.Contains(version, "//"):
		ps.add(pos, "version %s: %s", quote(version), want)
	}
}

func checkDir(ps *problems, dir string, pos Pos) {
	switch {
	case strings.HasPrefix(dir, "~"):
		ps.add(pos, "directory %s: ~ is not expanded: write the path in full", quote(dir))
	case !looksLikeDir(dir):
		hint := ""
		if dir != "" {
			hint = fmt.Sprintf("; did you mean %s?", quote("./"+dir))
		}
		if module.CheckPath(dir) == nil && strings.Contains(dir, "/") {
			hint = fmt.Sprintf("; another module takes a place under the key replace, or did you mean %s?", quote("./"+dir))
		}
		if strings.HasPrefix(dir, "v") && bareSemver.MatchString(dir[1:]) {
			hint = "; a version stands behind @: @" + clip(dir)
		}
		ps.add(pos, "directory %s: want one that begins with ./, ../ or /%s", quote(dir), hint)
	case strings.ContainsFunc(dir, func(c rune) bool { return c < ' ' || c == 0x7f }):
		ps.add(pos, "directory %s: a control character is in it", quote(dir))
	}
}

// checkFixed refuses a version or directory for what comes with the builder.
func checkFixed(ps *problems, m Module, reg *Registry) {
	if m.Name == StandardName && len(m.Rename) > 0 {
		ps.add(m.Pos, "%s is a set of modules: rename stands beside the module whose names it changes", StandardName)
	}
	if m.Version == "" && m.Dir == "" {
		return
	}
	if m.Name == StandardName {
		ps.add(m.Pos, "%s is a set of modules that come with the builder: it has neither a version nor a directory", StandardName)
		return
	}
	e, err := reg.Lookup(m.Name)
	if m.Name == "" || err != nil || !e.Bundled() {
		return
	}
	if m.Version != "" {
		ps.add(m.Pos, "%s comes with the builder and has no version of its own: leave @%s out", e.Name, clip(m.Version))
	}
	if m.Dir != "" {
		ps.add(m.Pos, "%s comes with the builder: to build your own in its place, give it an import path of its own (example.com/you/%s=%s) and leave %s out",
			e.Name, e.Name, clip(m.Dir), e.Name)
	}
}
