package gotool

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/gliderlabs/logspout-builder/generator/nearest"
)

// Platform is what a binary runs on: an operating system and architecture by their names in Go, and the variant of the architecture as
// images have it ("v7" of arm, "v3" of amd64), "" for the usual one.
type Platform struct{ OS, Arch, Variant string }

// platforms are those that static binaries can be built for: `go tool dist list` without phones and WebAssembly.
//
//nolint:gochecknoglobals // constant
var platforms = strings.Fields(`aix/ppc64 darwin/amd64 darwin/arm64 dragonfly/amd64 freebsd/386 freebsd/amd64 freebsd/arm freebsd/arm64
	illumos/amd64 linux/386 linux/amd64 linux/arm linux/arm64 linux/loong64 linux/mips linux/mips64 linux/mips64le linux/mipsle linux/ppc64
	linux/ppc64le linux/riscv64 linux/s390x netbsd/386 netbsd/amd64 netbsd/arm netbsd/arm64 openbsd/386 openbsd/amd64 openbsd/arm
	openbsd/arm64 openbsd/ppc64 openbsd/riscv64 plan9/386 plan9/amd64 plan9/arm solaris/amd64 windows/386 windows/amd64 windows/arm64`)

// variants are the go command's variables for variants of an architecture: the usual value first, and how images call them.
//
//nolint:gochecknoglobals // constant
var variants = map[string]struct {
	variable string
	values   []string
	called   map[string]string
}{
	"386":      {"GO386", []string{"sse2", "softfloat"}, nil},
	"amd64":    {"GOAMD64", []string{"v1", "v2", "v3", "v4"}, nil},
	"arm":      {"GOARM", []string{"7", "6", "5"}, map[string]string{"v7": "7", "v6": "6", "v5": "5"}},
	"arm64":    {"GOARM64", []string{"v8.0", "v8.1", "v8.2", "v8.3", "v8.4", "v8.5", "v8.6", "v8.7", "v8.8", "v8.9", "v9.0", "v9.1", "v9.2", "v9.3", "v9.4", "v9.5"}, map[string]string{"v8": "v8.0", "v9": "v9.0"}},
	"mips":     {"GOMIPS", []string{"hardfloat", "softfloat"}, nil},
	"mipsle":   {"GOMIPS", []string{"hardfloat", "softfloat"}, nil},
	"mips64":   {"GOMIPS64", []string{"hardfloat", "softfloat"}, nil},
	"mips64le": {"GOMIPS64", []string{"hardfloat", "softfloat"}, nil},
	"ppc64":    {"GOPPC64", []string{"power8", "power9", "power10"}, nil},
	"ppc64le":  {"GOPPC64", []string{"power8", "power9", "power10"}, nil},
	"riscv64":  {"GORISCV64", []string{"rva20u64", "rva22u64", "rva23u64"}, nil},
}

// ParsePlatform reads OS/ARCH[/VARIANT], as images and the go command have it.
func ParsePlatform(text string) (Platform, error) {
	parts := strings.Split(text, "/")
	if len(parts) < 2 || len(parts) > 3 || slices.Contains(parts, "") {
		return Platform{}, fmt.Errorf("platform %q: want OS/ARCH or OS/ARCH/VARIANT, such as linux/amd64 or linux/arm/v7", text)
	}
	p := Platform{OS: parts[0], Arch: parts[1]}
	if pair := p.OS + "/" + p.Arch; !slices.Contains(platforms, pair) {
		return Platform{}, fmt.Errorf("platform %q: there are no static Go binaries for it%s", text, nearest.DidYouMean(pair, platforms))
	}
	if len(parts) == 2 {
		return p, nil
	}
	v := variants[p.Arch]
	value := cmp.Or(v.called[parts[2]], parts[2])
	i := slices.Index(v.values, value)
	switch {
	case i < 0 && len(v.values) == 0:
		return Platform{}, fmt.Errorf("platform %q: %s has no variants", text, p.Arch)
	case i < 0:
		return Platform{}, fmt.Errorf("platform %q: %s has the variants %s", text, p.Arch, strings.Join(v.values, ", "))
	case i > 0 || p.Arch == "arm": // which is never written without its variant
		p.Variant = parts[2]
	}
	return p, nil
}

// String is OS/ARCH or OS/ARCH/VARIANT.
func (p Platform) String() string {
	if p.Variant == "" {
		return p.OS + "/" + p.Arch
	}
	return p.OS + "/" + p.Arch + "/" + p.Variant
}

// Environ is the user's environment with the platform in it: the usual variant where it names none, whatever the environment said.
func (p Platform) Environ(environ []string) []string {
	if p == (Platform{}) {
		return environ
	}
	out := append(slices.Clone(environ), "GOOS="+p.OS, "GOARCH="+p.Arch)
	for arch, v := range variants {
		value := v.values[0]
		if arch == p.Arch && p.Variant != "" {
			value = cmp.Or(v.called[p.Variant], p.Variant)
		}
		if arch == p.Arch || v.variable != variants[p.Arch].variable {
			out = append(out, v.variable+"="+value)
		}
	}
	return out
}
