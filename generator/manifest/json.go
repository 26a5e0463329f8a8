package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// parseJSON reads one JSON document with the places of its values.
func (r *reader) parseJSON(file string, data []byte) (root node, ok bool) {
	j := jsonReader{file: file, data: data, dec: json.NewDecoder(bytes.NewReader(data))}
	j.dec.UseNumber()
	root, err := j.value(0)
	if err == nil {
		_, err = j.dec.Token()
		if err == nil {
			err = errors.New("something stands behind the document")
		} else if errors.Is(err, io.EOF) {
			return root, true
		}
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	r.add(j.place(j.dec.InputOffset()), "malformed JSON: %s", err)
	return node{}, false
}

// jsonReader turns a token stream into nodes.
type jsonReader struct {
	file string
	data []byte
	dec  *json.Decoder
	at   int64 // place is asked for ascending offsets
	line int   // before at
	col  int   // characters of the line before at
}

// next is the place of the token that comes next.
func (j *jsonReader) next() Pos {
	offset := j.dec.InputOffset()
	for offset < int64(len(j.data)) && strings.IndexByte(" \t\r\n,:", j.data[offset]) >= 0 {
		offset++
	}
	return j.place(offset)
}

func (j *jsonReader) place(offset int64) Pos {
	for offset = min(offset, int64(len(j.data))); j.at < offset; j.at++ {
		switch c := j.data[j.at]; {
		case c == '\n':
			j.line++
			j.col = 0
		case utf8.RuneStart(c):
			j.col++
		}
	}
	return Pos{File: j.file, Line: j.line + 1, Col: j.col + 1}
}

func (j *jsonReader) value(depth int) (node, error) {
	n := node{pos: j.next()}
	if depth > maxDepth {
		return n, fmt.Errorf("nested more than %d deep", maxDepth)
	}
	t, err := j.dec.Token()
	if err != nil {
		return n, err
	}
	switch v := t.(type) {
	case bool:
		n.kind, n.text = boolKind, strconv.FormatBool(v)
	case json.Number:
		n.kind, n.text = numberKind, v.String()
	case string:
		n.kind, n.text = textKind, v
	case json.Delim:
		if v == '[' {
			n.kind = listKind
			for j.dec.More() {
				item, err := j.value(depth + 1)
				if err != nil {
					return n, err
				}
				n.items = append(n.items, item)
			}
		} else {
			n.kind = mappingKind
			for j.dec.More() {
				key, err := j.value(depth + 1)
				if err != nil {
					return n, err
				}
				value, err := j.value(depth + 1)
				if err != nil {
					return n, err
				}
				n.fields = append(n.fields, field{key: key.text, pos: key.pos, value: value})
			}
		}
		_, err = j.dec.Token() // the closing bracket
		return n, err
	}
	return n, nil
}
