// Package goflags says which build tags and linker flags a manifest may have: those that leave a binary static, reproducible and free of the machine's
// paths, and that run no program. Pure.
package goflags

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

var (
	tagForm = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.]*$`)
	setForm = regexp.MustCompile(`^[^\s=]+\.[A-Za-z_][A-Za-z0-9_]*=`)

	// refusedTags are those that promise what the build does not hold.
	refusedTags = map[string]string{ //nolint:gochecknoglobals // constant
		"cgo":    "binaries are static and built without cgo",
		"race":   "the race detector needs cgo, and binaries are built without",
		"msan":   "it needs cgo, and binaries are built without",
		"asan":   "it needs cgo, and binaries are built without",
		"ignore": "it marks files that are never to be built",
		"gccgo":  "binaries are built by the go command's own compiler",
	}
	// linkerFlags are those that the linker may get; true: a value follows.
	linkerFlags = map[string]bool{ //nolint:gochecknoglobals // constant
		"X": true, "s": false, "w": false, "buildid": true, "compressdwarf": false, "checklinkname": false, "linkmode": true, "B": true,
	}
	// refusedFlags have a reason of their own.
	refusedFlags = map[string]string{ //nolint:gochecknoglobals // constant
		"extld":         "it runs a program that the manifest names",
		"extldflags":    "there is no external linker: binaries are static and built without cgo",
		"extar":         "it runs a program that the manifest names",
		"o":             "the output's place is the command line's to say",
		"trimpath":      "the build is always trimmed",
		"r":             "it puts a path of this machine into the binary",
		"I":             "binaries are static: there is no dynamic linker",
		"linkshared":    "binaries are static",
		"buildmode":     "binaries are plain executables",
		"race":          "the race detector needs cgo, and binaries are built without",
		"msan":          "it needs cgo, and binaries are built without",
		"asan":          "it needs cgo, and binaries are built without",
		"installsuffix": "it changes which packages are linked",
	}
)

// CheckTag says what is wrong with a build tag, "" when nothing is.
func CheckTag(tag string) string {
	if !tagForm.MatchString(tag) {
		hint := ""
		if strings.ContainsAny(tag, ", ") {
			hint = ": write each tag as an entry of its own"
		}
		return fmt.Sprintf("tag %q: want letters, digits, _ and .%s", clip(tag), hint)
	}
	if reason, refused := refusedTags[tag]; refused {
		return fmt.Sprintf("tag %s is refused: %s", tag, reason)
	}
	if strings.HasPrefix(tag, "go1.") {
		return fmt.Sprintf("tag %q is refused: the toolchain sets it", clip(tag))
	}
	return ""
}

// CheckLinker says all that is wrong with linker flags, which are split as `go build -ldflags` splits them. debug is whether the binary keeps its symbols.
func CheckLinker(flags string, debug bool) (problems []string) {
	add := func(format string, values ...any) { problems = append(problems, fmt.Sprintf(format, values...)) }
	args, err := splitFlags(flags)
	if err != nil {
		add("%s", err)
		return problems
	}
	known := make([]string, 0, len(linkerFlags))
	for name := range linkerFlags {
		known = append(known, "-"+name)
	}
	slices.Sort(known)
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		name, value, hasValue := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(arg, "-"), "-"), "=")
		if !strings.HasPrefix(arg, "-") || name == "" {
			add("want a flag, found %q", clip(arg))
			continue
		}
		wantsValue, allowed := linkerFlags[name]
		if reason, refused := refusedFlags[name]; refused || !allowed {
			if !refused {
				reason = "allowed are " + strings.Join(known, ", ")
			}
			add("-%s is refused: %s", clip(name), reason)
			if !hasValue && len(args) > 0 && !strings.HasPrefix(args[0], "-") {
				args = args[1:]
			}
			continue
		}
		if wantsValue && !hasValue {
			if len(args) == 0 {
				add("-%s wants a value", name)
				continue
			}
			value, args = args[0], args[1:]
		}
		switch {
		case name == "X" && !setForm.MatchString(value):
			add("-X wants importpath.name=value, found %q", clip(value))
		case name == "linkmode" && value != "internal":
			add("-linkmode=%s is refused: binaries are static and linked by the go command's own linker", clip(value))
		case (name == "s" || name == "w") && debug && value != "false" && value != "0":
			add("-%s strips what debug: true keeps", name)
		}
	}
	return problems
}

// clip cuts a text to a length that a message can hold.
func clip(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "..."
}

// splitFlags splits as the go command does: by white space, and by single or double quotes around a whole argument, in which nothing is escaped.
func splitFlags(s string) ([]string, error) {
	const space = " \t\r\n"
	var args []string
	for {
		s = strings.TrimLeft(s, space)
		if s == "" {
			return args, nil
		}
		if quoteMark := s[0]; quoteMark == '"' || quoteMark == '\'' {
			end := strings.IndexByte(s[1:], quoteMark)
			if end < 0 {
				return nil, fmt.Errorf("a quote (%c) is not closed", quoteMark)
			}
			args = append(args, s[1:1+end])
			s = s[end+2:]
			continue
		}
		end := strings.IndexAny(s, space)
		if end < 0 {
			end = len(s)
		}
		args = append(args, s[:end])
		s = s[end:]
	}
}
