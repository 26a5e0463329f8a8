// Package license tells the licence of a module from the licence files at its root, as an SPDX licence expression.
//
// The texts are recognised by github.com/google/licensecheck, which pkg.go.dev uses: it knows every text of the SPDX list in its many
// printings, and says how much of a file it recognised, where a list of well-known phrases would guess.
package license

import (
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/google/licensecheck"
)

const (
	// enough is how many percent of a file have to be the text of known licences (pkg.go.dev asks for the same).
	enough = 75
	// allButAll is how many percent of a file are taken from the few licences that nearly all modules have: they are known in milliseconds, and
	// all licences in a second. A condition added to one of them is a licence of its own, so there must be no room for it.
	allButAll = 97
	// maxBytes is how much of a licence file is read.
	maxBytes = 1 << 20
)

// fileName are the names of licence files. Those of documentation (LICENSE.docs) do not concern a binary.
var fileName = regexp.MustCompile(`(?i)^(un)?(licen[cs]es?|copying|copyright)([.-][a-z0-9.-]*)?$`)

// IsFile reports whether a file at the root of a module is its licence, or one of them, by its name.
func IsFile(name string) bool {
	return fileName.MatchString(name) && !regexp.MustCompile(`(?i)\.(go|docs|html|sh|py|json)$`).MatchString(name)
}

// Of is the SPDX expression of the licence files at the root of a module. Several licences are joined by AND: whether one may choose among
// them, a text does not say. It is "" when there is no such file, or one of them is not known.
func Of(module fs.FS) (string, error) {
	entries, err := fs.ReadDir(module, ".")
	if err != nil {
		return "", err
	}
	var texts [][]byte
	for _, e := range entries {
		if !IsFile(e.Name()) || !e.Type().IsRegular() {
			continue
		}
		text, err := read(module, e.Name())
		if err != nil {
			return "", fmt.Errorf("read licence: %w", err)
		}
		texts = append(texts, text)
	}
	return OfTexts(texts), nil
}

// OfTexts is Of for the texts of the licence files.
func OfTexts(texts [][]byte) string {
	var ids []string
	for _, text := range texts {
		found := Recognise(text)
		if len(found) == 0 {
			return ""
		}
		ids = append(ids, found...)
	}
	slices.Sort(ids)
	return strings.Join(slices.Compact(ids), " AND ")
}

func read(module fs.FS, name string) ([]byte, error) {
	f, err := module.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read
	return io.ReadAll(io.LimitReader(f, maxBytes))
}

// Recognise gives the SPDX identifiers of the licences that a text consists of, sorted; none when less than three quarters of it is the
// text of licences.
func Recognise(text []byte) []string {
	coverage := scan(text)
	if coverage.Percent < enough {
		return nil
	}
	var ids []string
	for _, m := range coverage.Match {
		switch {
		case m.IsURL, strings.HasPrefix(m.ID, "GooglePatent"): // a reference, and a grant of patents beside a licence
		case slices.Contains(notSPDX, m.ID):
			return nil
		default:
			ids = append(ids, m.ID)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

func scan(text []byte) licensecheck.Coverage {
	if scanner := usual(); scanner != nil {
		if coverage := scanner.Scan(text); coverage.Percent >= allButAll {
			return coverage
		}
	}
	return licensecheck.Scan(text)
}

// usual knows the licences that nearly all modules have.
//
//nolint:gochecknoglobals // made once
var usual = sync.OnceValue(func() *licensecheck.Scanner {
	few := []string{"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MPL-2.0"}
	scanner, err := licensecheck.NewScanner(slices.DeleteFunc(licensecheck.BuiltinLicenses(), func(l licensecheck.License) bool {
		return !slices.Contains(few, l.ID)
	}))
	if err != nil {
		return nil // the full list is still there
	}
	return scanner
})

// notSPDX are what licensecheck knows under names of its own. No SPDX expression says what they say, and without them it would say less than
// the file does.
//
//nolint:gochecknoglobals // constant
var notSPDX = []string{
	"Aladdin-9", "Anti996", "BSD-1-Clause-Clear", "BSD-3-Clause-NoTrademark", "CC-BY-NC-SA-3.0-US", "CommonsClause", "GPL-2.0-or-3.0", "MIT-NoAd",
	"Prosperity-3.0.0",
}
