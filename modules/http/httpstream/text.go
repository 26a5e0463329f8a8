package httpstream

import (
	"fmt"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/gliderlabs/logspout-builder/core"
)

const (
	leastWidth   = 16   // of the column of names
	greatestName = 64   // characters; more of a name is not shown
	colorCount   = 14   // bright and normal ones
	colorMemory  = 1024 // containers whose colour is remembered
)

// text writes lines for people: the line alone, or with several containers the name, right-aligned, in front of it.
//
// A line is somebody else's bytes on their way to a terminal: control characters are shown as ^X, so that no log line moves the
// cursor, changes the window's title or types a command. Colours (SGR sequences) pass, or vanish when colours are off.
type text struct {
	several  bool
	colors   bool
	verbatim bool // pass control characters as they are

	width  int
	color  map[string]int // by container id, in the order in which they came
	last   *core.Container
	prefix []byte // of last
}

func (t *text) contentType() string { return "text/plain; charset=utf-8" }

func (t *text) append(dst []byte, batch []core.Message) []byte {
	for i := range batch {
		m := &batch[i]
		if t.several {
			if m.Container != t.last {
				t.setPrefix(m.Container)
			}
			dst = append(dst, t.prefix...)
		}
		colored := t.several && t.colors
		if t.verbatim {
			dst = append(dst, m.Data...)
		} else {
			before := len(dst)
			dst = appendVisible(dst, m.Data, t.colors)
			colored = colored || slices.Contains(dst[before:], 0x1b)
		}
		if colored {
			dst = append(dst, "\x1b[0m"...)
		}
		dst = append(dst, '\n')
	}
	return dst
}

func (t *text) appendNotice(dst []byte, notice string) []byte {
	return append(append(dst, notice...), '\n')
}

// setPrefix makes what stands in front of the lines of c.
func (t *text) setPrefix(c *core.Container) {
	t.last, t.prefix = c, t.prefix[:0]
	name := appendVisible(nil, c.BareName(), false)
	if utf8.RuneCount(name) > greatestName {
		name = []byte(string([]rune(string(name))[:greatestName]))
	}
	length := utf8.RuneCount(name)
	t.width = max(t.width, leastWidth, length)
	if t.colors {
		t.prefix = appendColor(t.prefix, t.colorOf(c.ID))
	}
	for range t.width - length {
		t.prefix = append(t.prefix, ' ')
	}
	t.prefix = append(append(t.prefix, name...), '|')
}

// colorOf gives neighbours different colours: they are handed out in turn.
func (t *text) colorOf(id string) int {
	color, ok := t.color[id]
	if !ok {
		if len(t.color) >= colorMemory || t.color == nil {
			t.color = make(map[string]int)
		}
		color = len(t.color) % colorCount
		t.color[id] = color
	}
	return color
}

// appendColor begins a colour: white down to red, bright ones first.
func appendColor(dst []byte, color int) []byte {
	dst = append(dst, "\x1b["...)
	if color < colorCount/2 {
		dst = append(dst, "1;"...)
	}
	dst = append(dst, '3')
	return append(strconv.AppendInt(dst, int64(7-color%7), 10), 'm')
}

// appendVisible appends s with its control characters shown as text. Tabs pass. SGR sequences pass with colors, else they are left out.
func appendVisible(dst []byte, s string, colors bool) []byte {
	from := 0 // of what is not appended yet
	for i := 0; i < len(s); {
		b := s[i]
		if b >= ' ' && b < 0x7f || b == '\t' {
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if n > 1 && r > 0x9f || n == 1 && b > 0x9f { // text, in UTF-8 or in some 8-bit code
			i += n
			continue
		}
		dst = append(dst, s[from:i]...)
		switch {
		case b == 0x1b && sgr(s[i:]) > 0:
			if n = sgr(s[i:]); colors {
				dst = append(dst, s[i:i+n]...)
			}
		case b < 0x80:
			dst = append(dst, '^', b^0x40)
		case n > 1: // U+0080 to U+009F: what a terminal takes for ESC and a character
			dst = fmt.Appendf(dst, `\u%04x`, r)
		default:
			dst = fmt.Appendf(dst, `\x%02x`, b)
		}
		i += n
		from = i
	}
	return append(dst, s[from:]...)
}

// sgr is the length of the SGR sequence (ECMA-48 8.3.117) that s begins with, 0 when it begins with none.
func sgr(s string) int {
	if len(s) < 3 || s[1] != '[' {
		return 0
	}
	for i := 2; i < min(len(s), 64); i++ {
		switch b := s[i]; {
		case b == 'm':
			return i + 1
		case (b < '0' || b > '9') && b != ';' && b != ':':
			return 0
		}
	}
	return 0
}
