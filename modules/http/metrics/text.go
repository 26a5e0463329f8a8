package metrics

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// encoder writes the Prometheus text exposition format, version 0.0.4:
// https://prometheus.io/docs/instrumenting/exposition_formats/#text-format-details
type encoder struct {
	dst  []byte
	name string // of the family that samples belong to
}

// family begins a metric: kind is "counter" or "gauge". All its samples follow before the next family.
func (e *encoder) family(name, kind, help string) {
	help = strings.NewReplacer(`\`, `\\`, "\n", `\n`).Replace(help)
	e.dst = fmt.Appendf(e.dst, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
	e.name = name
}

// count writes one sample of a counter. labels are names and values in turn.
func (e *encoder) count(value uint64, labels ...string) {
	e.series(labels)
	e.dst = append(strconv.AppendUint(e.dst, value, 10), '\n')
}

// gauge writes one sample of a gauge.
func (e *encoder) gauge(value float64, labels ...string) {
	e.series(labels)
	e.dst = append(strconv.AppendFloat(e.dst, value, 'g', -1, 64), '\n')
}

func (e *encoder) series(labels []string) {
	e.dst = append(e.dst, e.name...)
	for i := 0; i+1 < len(labels); i += 2 {
		sep := byte(',')
		if i == 0 {
			sep = '{'
		}
		e.dst = append(append(append(e.dst, sep), labels[i]...), '=', '"')
		e.dst = append(appendLabelValue(e.dst, labels[i+1]), '"')
	}
	if len(labels) > 0 {
		e.dst = append(e.dst, '}')
	}
	e.dst = append(e.dst, ' ')
}

// appendLabelValue escapes what the format gives a meaning. Bytes that are not UTF-8, which the format cannot carry, are shown as
// \xNN: two values that differ stay different, for a series that comes twice makes a server refuse the whole answer.
func appendLabelValue(dst []byte, s string) []byte {
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			dst = fmt.Appendf(dst, `\\x%02x`, s[i])
		case r == '\\' || r == '"':
			dst = append(dst, '\\', s[i])
		case r == '\n':
			dst = append(dst, `\n`...)
		default:
			dst = append(dst, s[i:i+n]...)
		}
		i += n
	}
	return dst
}
