package syslog

import (
	"bytes"
	"unicode/utf8"
)

func mendHostname(dst []byte, at int) []byte { return mendName(dst, at, maxHostname) }
func mendTag(dst []byte, at int) []byte      { return mendName(dst, at, maxTag) }
func mendTag3164(dst []byte, at int) []byte  { return mendName(dst, at, maxTag3164) }
func mendPid(dst []byte, at int) []byte      { return mendName(dst, at, maxPid) }

// mendName makes dst[at:] 1 to limit characters of PRINTUSASCII (RFC 5424 section 6): every other character becomes "_", nothing "-".
func mendName(dst []byte, at, limit int) []byte {
	plain := true
	for _, c := range dst[at:] {
		plain = plain && '!' <= c && c <= '~'
	}
	if !plain {
		out := dst[:at] // never longer than what it is made from
		for i := at; i < len(dst); {
			if c := dst[i]; '!' <= c && c <= '~' {
				out = append(out, c)
				i++
				continue
			}
			_, size := utf8.DecodeRune(dst[i:])
			out = append(out, '_')
			i += size
		}
		dst = out
	}
	if len(dst) == at {
		return append(dst, '-')
	}
	return dst[:min(len(dst), at+limit)]
}

// mendText makes dst[at:] text on one line: every control character becomes "_", nothing "-".
func mendText(dst []byte, at int) []byte {
	for i := at; i < len(dst); i++ {
		if dst[i] < ' ' || dst[i] == 0x7f {
			dst[i] = '_'
		}
	}
	if len(dst) == at {
		return append(dst, '-')
	}
	return dst
}

// escapeEnds replaces what may end a record in dst[at:]: line feeds by "#012" and NULs by "#000".
func escapeEnds(dst []byte, at int) []byte {
	text := dst[at:]
	n := bytes.Count(text, []byte{'\n'}) + bytes.Count(text, []byte{0})
	if n == 0 {
		return dst
	}
	from := len(dst)
	dst = append(dst, make([]byte, 3*n)...)
	to := len(dst)
	for from > at { // from the end, so that nothing is overwritten before it is read
		from--
		switch c := dst[from]; c {
		case '\n':
			to -= 4
			copy(dst[to:], "#012")
		case 0:
			to -= 4
			copy(dst[to:], "#000")
		default:
			to--
			dst[to] = c
		}
	}
	return dst
}

// cutTimestamp checks that dst[at:] is a timestamp of RFC 5424 section 6.2.3 and cuts decimals behind the sixth.
func cutTimestamp(dst []byte, at int) ([]byte, bool) {
	t := dst[at:]
	const form = "0000-00-00T00:00:00"
	if len(t) < len(form)+1 {
		return dst, false
	}
	for i := range len(form) {
		if digit := '0' <= t[i] && t[i] <= '9'; form[i] == '0' && !digit || form[i] != '0' && t[i] != form[i] {
			return dst, false
		}
	}
	if !between(t[5:7], 1, 12) || !between(t[8:10], 1, daysIn(t)) || !between(t[11:13], 0, 23) || !between(t[14:16], 0, 59) || !between(t[17:19], 0, 59) {
		return dst, false
	}
	i := len(form)
	if t[i] == '.' {
		for i++; i < len(t) && '0' <= t[i] && t[i] <= '9'; i++ {
		}
		decimals := i - len(form) - 1
		if decimals == 0 {
			return dst, false
		}
		if decimals > 6 {
			n := copy(t[len(form)+7:], t[i:])
			i = len(form) + 7
			t = t[:i+n]
		}
	}
	zone := t[i:]
	utc := len(zone) == 1 && zone[0] == 'Z'
	offset := len(zone) == 6 && (zone[0] == '+' || zone[0] == '-') && zone[3] == ':' && between(zone[1:3], 0, 23) && between(zone[4:6], 0, 59)
	return dst[:at+len(t)], utc || offset
}

// daysIn is how many days the month of t has, which begins with "YYYY-MM".
func daysIn(t []byte) int {
	number := func(digits []byte) int {
		n := 0
		for _, d := range digits {
			n = n*10 + int(d-'0')
		}
		return n
	}
	switch year := number(t[:4]); number(t[5:7]) {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// between reports whether two digits are a number from lo to hi.
func between(two []byte, lo, hi int) bool {
	if two[0] < '0' || two[0] > '9' || two[1] < '0' || two[1] > '9' {
		return false
	}
	n := int(two[0]-'0')*10 + int(two[1]-'0')
	return lo <= n && n <= hi
}

// appendParamValue appends value as it may stand inside of a PARAM-VALUE (RFC 5424 section 6.3.3): escaped, and UTF-8.
func appendParamValue(dst []byte, value string) []byte {
	for i := 0; i < len(value); {
		r, size := utf8.DecodeRuneInString(value[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			dst = append(dst, "\uFFFD"...)
		case r == '"' || r == '\\' || r == ']':
			dst = append(dst, '\\', byte(r))
		default:
			dst = append(dst, value[i:i+size]...)
		}
		i += size
	}
	return dst
}

// validStructuredData reports whether b is 1*SD-ELEMENT of RFC 5424 section 6.3.
func validStructuredData(b []byte) bool {
	if len(b) == 0 || !utf8.Valid(b) {
		return false
	}
	for len(b) > 0 {
		if b[0] != '[' {
			return false
		}
		n := sdName(b[1:])
		if n == 0 {
			return false
		}
		b = b[1+n:]
		for len(b) > 0 && b[0] == ' ' {
			n = sdName(b[1:])
			if n == 0 || len(b) < n+3 || b[n+1] != '=' || b[n+2] != '"' {
				return false
			}
			b = b[n+3:]
			end := paramEnd(b)
			if end < 0 {
				return false
			}
			b = b[end+1:]
		}
		if len(b) == 0 || b[0] != ']' {
			return false
		}
		b = b[1:]
	}
	return true
}

// sdName is the length of the SD-NAME that b begins with, 0 when that is none.
func sdName(b []byte) int {
	n := 0
	for n < len(b) && '!' <= b[n] && b[n] <= '~' && b[n] != '=' && b[n] != ']' && b[n] != '"' {
		n++
	}
	if n > 32 {
		return 0
	}
	return n
}

// paramEnd is where the quote stands that ends a PARAM-VALUE, -1 when there is none before a bare bracket.
func paramEnd(b []byte) int {
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			return i
		case ']':
			return -1
		case '\\':
			i++
		}
	}
	return -1
}
