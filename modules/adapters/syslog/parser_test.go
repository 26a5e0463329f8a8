package syslog_test

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// record is a parsed RFC 5424 record.
type record struct {
	priority                                int
	timestamp, hostname, app, proc, msg, sd string
}

// The grammar of RFC 5424 section 6, by regular expressions and time.Parse: on purpose not the way the adapter does it.
var header = regexp.MustCompile(`^<(0|[1-9][0-9]{0,2})>1 (-|\S+) (-|[!-~]{1,255}) (-|[!-~]{1,48}) (-|[!-~]{1,128}) (-|[!-~]{1,32}) `)

var (
	timeForm = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)$`)
	element  = regexp.MustCompile(`^\[[!#-<>-\\^-~]{1,32}( [!#-<>-\\^-~]{1,32}="(?:[^"\\\]]|\\["\\\]]|\\)*?")*\]`)
)

// parse reads one record without framing; a line feed at its end, which this adapter has always sent, is not the message's.
func parse(b string) (record, error) {
	var r record
	h := header.FindStringSubmatch(b)
	if h == nil {
		return r, fmt.Errorf("malformed header in %q", b)
	}
	r.priority, _ = strconv.Atoi(h[1])
	r.timestamp, r.hostname, r.app, r.proc = h[2], h[3], h[4], h[5]
	if r.priority > 191 {
		return r, fmt.Errorf("priority %d", r.priority)
	}
	if r.timestamp != "-" {
		if _, err := time.Parse(time.RFC3339Nano, r.timestamp); err != nil || !timeForm.MatchString(r.timestamp) {
			return r, fmt.Errorf("timestamp %q: %w", r.timestamp, err)
		}
	}
	rest := b[len(h[0]):]
	if strings.HasPrefix(rest, "-") {
		r.sd, rest = "-", rest[1:]
	}
	for r.sd != "-" && strings.HasPrefix(rest, "[") {
		e := element.FindString(rest)
		if e == "" || !utf8.ValidString(e) {
			return r, fmt.Errorf("malformed structured data in %q", rest)
		}
		r.sd, rest = r.sd+e, rest[len(e):]
	}
	if r.sd == "" {
		return r, errors.New("no structured data")
	}
	if !strings.HasPrefix(rest, " ") || !strings.HasSuffix(rest, "\n") {
		return r, fmt.Errorf("message %q: want a space before it and a line feed behind it", rest)
	}
	r.msg = rest[1 : len(rest)-1]
	return r, nil
}

// deframe splits what a connection carried by octet counting (RFC 6587 section 3.4.1), or else by lines.
func deframe(b string, octetCounted bool) ([]string, error) {
	var records []string
	for b != "" {
		n := strings.IndexAny(b, "\n\x00") + 1 // syslog-ng ends a record at a NUL, too
		if octetCounted {
			digits, rest, ok := strings.Cut(b, " ")
			length, err := strconv.Atoi(digits)
			if !ok || err != nil || length > len(rest) || strings.HasPrefix(digits, "0") {
				return nil, fmt.Errorf("malformed frame at %q", b)
			}
			b, n = rest, length
		}
		if n == 0 {
			return nil, fmt.Errorf("unterminated record %q", b)
		}
		records = append(records, b[:n])
		b = b[n:]
	}
	return records, nil
}
