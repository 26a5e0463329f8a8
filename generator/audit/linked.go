package audit

import (
	"bytes"
	"debug/elf"
	"debug/macho"
	"debug/pe"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
)

// LinkedPackages are the import paths of the packages whose code is in a Go binary, as its function table has them: stripping leaves that in
// place, since stack traces need it. It names functions that were inlined, too; a package without any function in the binary has no
// code there that could run. An error says that this cannot be told.
func LinkedPackages(file string) (map[string]bool, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read
	tables, err := candidates(f)
	if err != nil {
		return nil, err
	}
	for _, table := range tables {
		names, err := functionNames(table)
		if err != nil {
			continue
		}
		packages := map[string]bool{}
		for name := range bytes.SplitSeq(names, []byte{0}) {
			if p := packageOf(string(name)); p != "" {
				packages[p] = true
			}
		}
		if packages["runtime"] && packages["main"] { // else it is no function table of a Go program
			return packages, nil
		}
	}
	return nil, errors.New("its function table is none that this builder knows")
}

// candidates are the data in which the function table may lie, from its first byte on.
func candidates(f io.ReaderAt) ([][]byte, error) {
	var sections []interface{ Data() ([]byte, error) }
	if x, err := elf.NewFile(f); err == nil {
		for _, s := range x.Sections {
			if strings.HasSuffix(s.Name, ".gopclntab") {
				sections = append(sections, s)
			}
		}
	} else if x, err := macho.NewFile(f); err == nil {
		for _, s := range x.Sections {
			if s.Name == "__gopclntab" {
				sections = append(sections, s)
			}
		}
	} else if x, err := pe.NewFile(f); err == nil {
		for _, s := range x.Sections { // it has no section of its own there
			if s.Name == ".rdata" || s.Name == ".text" || s.Name == ".data" || strings.Contains(s.Name, "pclntab") {
				sections = append(sections, s)
			}
		}
	} else {
		return nil, errors.New("it is no ELF, Mach-O or PE file")
	}
	var out [][]byte
	for _, s := range sections {
		data, err := s.Data()
		if err != nil {
			return nil, err
		}
		out = append(out, headers(data)...)
	}
	return out, nil
}

// magics are the first bytes of function tables since Go 1.18 (debug/gosym, runtime/symtab.go).
//
//nolint:gochecknoglobals // constant
var magics = []uint32{0xfffffff1, 0xfffffff0}

// headers are the places in data where a function table may begin.
func headers(data []byte) [][]byte {
	var out [][]byte
	for _, magic := range magics {
		for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
			mark := order.AppendUint32(nil, magic)
			mark = append(mark, 0, 0) // padding
			for rest := data; ; {
				i := bytes.Index(rest, mark)
				if i < 0 {
					break
				}
				out, rest = append(out, rest[i:]), rest[i+len(mark):]
			}
		}
	}
	return out
}

// functionNames is the part of a function table that holds the names, each with a NUL behind it.
func functionNames(table []byte) ([]byte, error) {
	const fixed = 8 // magic, two bytes of padding, size of an instruction, size of a pointer
	if len(table) < fixed {
		return nil, io.ErrUnexpectedEOF
	}
	var order binary.ByteOrder = binary.LittleEndian
	if table[0] == 0xff {
		order = binary.BigEndian
	}
	size := int(table[7])
	if quantum := table[6]; quantum != 1 && quantum != 2 && quantum != 4 || size != 4 && size != 8 || len(table) < fixed+8*size {
		return nil, errors.New("no header of a function table")
	}
	word := func(n int) uint64 { // the n-th behind the fixed part
		at := table[fixed+n*size:]
		if size == 4 {
			return uint64(order.Uint32(at))
		}
		return order.Uint64(at)
	}
	const nameOffset, unitOffset = 3, 4 // behind the numbers of functions and files, and the start of the code
	start, end := word(nameOffset), word(unitOffset)
	if start < fixed || start >= end || end > uint64(len(table)) {
		return nil, fmt.Errorf("names from %d to %d of %d bytes", start, end, len(table))
	}
	return table[start:end], nil
}

// packageOf is the import path in a function's name: `gopkg.in/yaml%2ev3.(*Decoder).Decode` is of gopkg.in/yaml.v3. It is "" for what the
// compiler made ("type:.eq.x").
func packageOf(name string) string {
	name, _, _ = strings.Cut(name, "[") // type arguments have import paths of their own
	slash := strings.LastIndexByte(name, '/') + 1
	dot := strings.IndexByte(name[slash:], '.')
	if dot < 0 || strings.HasPrefix(name, "type:") || strings.HasPrefix(name, "go:") {
		return ""
	}
	path, err := url.PathUnescape(name[:slash+dot])
	if err != nil {
		return name[:slash+dot]
	}
	return path
}
