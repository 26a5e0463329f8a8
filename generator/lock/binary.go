package lock

import (
	"cmp"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"

	"golang.org/x/mod/module"

	"github.com/gliderlabs/logspout-builder/generator/manifest"
)

// mainPackage is that of every project that the builder generates.
const mainPackage = "logspout"

// Difference is something in which a binary is not what its lock says.
type Difference struct {
	Name string `json:"name"`           // a module's path, "go", or a setting of the build ("-trimpath")
	Lock string `json:"lock,omitempty"` // what the lock has; "" is nothing
	Have string `json:"have,omitempty"` // what the binary has; "" is nothing
}

// String is "module example.com/x: the lock has v1.0.0, the binary v1.1.0".
func (d Difference) String() string {
	return fmt.Sprintf("%s: the lock has %s, the binary %s", d.Name, cmp.Or(d.Lock, "nothing"), cmp.Or(d.Have, "nothing"))
}

// VerifyBinary gives all differences between what the linker noted in a binary and the lock: each module of the binary is locked at its version and
// sum, the toolchain is the locked one, and it was built as this builder builds. A locked module may be missing: not every binary
// needs every module. What a local directory held cannot be verified, since a lock does not say it: those modules are unverified.
func (l *Lock) VerifyBinary(info *debug.BuildInfo) (differences []Difference, unverified []string) {
	differ := func(name, want, have string) {
		if want != have {
			differences = append(differences, Difference{name, want, have})
		}
	}
	toolchain, _, _ := strings.Cut(l.Toolchain, " ") // what follows are experiments, which binaries note elsewhere
	have, _, _ := strings.Cut(info.GoVersion, " ")
	differ("go", toolchain, have)
	differ("main package", mainPackage, info.Path)
	core := false
	for _, m := range info.Deps {
		if m.Path == manifest.CorePath {
			core = true
		}
		want, local := l.expected(m.Path)
		switch {
		case local:
			unverified = append(unverified, m.Path)
		default:
			differ(m.Path, want, described(m))
		}
	}
	if !core {
		differ(manifest.CorePath, described(&debug.Module{Path: manifest.CorePath, Version: l.Core.Version, Sum: l.Core.Sum}), "")
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	differ("CGO_ENABLED", "0", settings["CGO_ENABLED"])
	differ("-trimpath", "true", settings["-trimpath"])
	slices.SortFunc(differences, func(a, b Difference) int { return strings.Compare(a.Name, b.Name) })
	slices.Sort(unverified)
	return differences, unverified
}

// expected is what the lock has a module at, "" when it does not have it; local is that it is of a directory.
func (l *Lock) expected(path string) (want string, local bool) {
	if path == manifest.CorePath {
		return described(&debug.Module{Path: path, Version: l.Core.Version, Sum: l.Core.Sum}), false
	}
	m, locked := l.Module(path)
	switch {
	case m.To.Path == Local, slices.ContainsFunc(l.Locals, func(x LocalModule) bool { return x.Path == path }):
		return "", true
	case !locked:
		return "", false
	case m.To != (module.Version{}):
		return described(&debug.Module{Path: path, Version: m.Version, Replace: &debug.Module{Path: m.To.Path, Version: m.To.Version, Sum: m.Sum}}), false
	}
	return described(&debug.Module{Path: path, Version: m.Version, Sum: m.Sum}), false
}

// described is a module's version and sum, and what stands in its place.
func described(m *debug.Module) string {
	text := m.Version
	if m.Replace != nil {
		text += " => " + m.Replace.Path + " " + m.Replace.Version
		m = m.Replace
	}
	return strings.TrimSpace(text + " " + m.Sum)
}
