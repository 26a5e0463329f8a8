package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/gliderlabs/logspout-builder/generator"
)

// keepOthers refuses targets where something else than an executable stands, as `go build -o` does: it may be the manifest. What is no
// regular file is left to the build, which refuses it.
func keepOthers(targets []generator.Target) error {
	var problems []error
	for _, t := range targets {
		info, err := os.Stat(t.Output)
		if err != nil || !info.Mode().IsRegular() || info.Size() == 0 {
			continue
		}
		is, err := isExecutable(t.Output)
		if err != nil {
			return fmt.Errorf("look at what the output would replace: %w", err)
		}
		if !is {
			problems = append(problems, fmt.Errorf("output %s exists and is not an executable (%d bytes), want one or no file: name another with -o, or remove it", t.Output, info.Size()))
		}
	}
	if len(problems) > 0 {
		return codedError{errors.Join(problems...), exitUsage}
	}
	return nil
}

// isExecutable tells whether a file begins as `go build` makes them: ELF, Mach-O of both byte orders and fat, PE, XCOFF, Plan 9, WebAssembly.
func isExecutable(path string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer func() { _ = f.Close() }() // it was only read
	var head [4]byte
	n, err := io.ReadFull(f, head[:])
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return false, err
	}
	for _, magic := range []string{
		"\x7fELF",
		"\xfe\xed\xfa\xce", "\xfe\xed\xfa\xcf", "\xce\xfa\xed\xfe", "\xcf\xfa\xed\xfe", "\xca\xfe\xba\xbe", "\xca\xfe\xba\xbf",
		"MZ",
		"\x01\xf7",
		"\x00\x00\x01\xeb", "\x00\x00\x8a\x97", "\x00\x00\x06\x47",
		"\x00asm",
	} {
		if strings.HasPrefix(string(head[:n]), magic) {
			return true, nil
		}
	}
	return false, nil
}
