// Package sbom writes software bills of materials: CycloneDX 1.6 and SPDX 2.3, both as JSON. The same program gives the same bytes: nothing
// in them is random, and the only time is the one that the caller gives.
package sbom

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/module"
)

// Program is what a bill of materials is about: a binary, or what a binary would be made of.
type Program struct {
	Name     string
	Version  string    // of the program, may be ""
	SHA256   string    // of the binary in hexadecimal, "" when there is none
	Platform string    // "linux/amd64"; "" when it is not known
	Go       string    // version of the toolchain, "1.26.8"
	Modules  []Module  // in any order, the standard library left out
	Tool     string    // version of the program that writes the bill, may be ""
	Created  time.Time // zero is none
}

// Module is one module of a program.
type Module struct {
	Path    string
	Version string
	Sum     string // "h1:...", as in go.sum; may be ""
	License string // an SPDX expression; "" when it is not known
	For     string // the module in whose place it stands, "" for itself
}

// stdlib is the name that vulnerability databases have for the standard library.
const stdlib = "stdlib"

// PURL is a module's package URL (https://github.com/package-url/purl-spec, type golang), which has no capital letters in its path.
func PURL(m module.Version) string {
	at := "pkg:golang/" + escape(strings.ToLower(m.Path), "/")
	if m.Version != "" {
		at += "@" + escape(m.Version, "")
	}
	return at
}

// escape percent-encodes all but what a package URL leaves as it is, and the characters of also.
func escape(s, also string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte(".-_~:"+also, c) >= 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// components are the standard library and the modules, sorted.
func (p *Program) components() []Module {
	all := slices.Clone(p.Modules)
	if p.Go != "" {
		all = append(all, Module{Path: stdlib, Version: p.Go, License: "BSD-3-Clause"})
	}
	slices.SortFunc(all, func(a, b Module) int {
		return cmp.Or(strings.Compare(a.Path, b.Path), strings.Compare(a.Version, b.Version))
	})
	return all
}

func (m Module) purl() string { return PURL(module.Version{Path: m.Path, Version: m.Version}) }

// digest identifies a bill by its content.
func digest(parts ...[]byte) string {
	h := sha256.New()
	for _, part := range parts {
		h.Write(part)
	}
	return hex.EncodeToString(h.Sum(nil))
}
