package syslog

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/gliderlabs/logspout-builder/core"
	"github.com/gliderlabs/logspout-builder/core/render"
)

// options are the route options of the adapter; each is stronger than the variable SYSLOG_<NAME> (framing: SYSLOG_TCP_FRAMING).
var options = []string{ //nolint:gochecknoglobals // constant
	"format", "framing", "facility", "priority", "timestamp", "hostname", "tag", "append_tag", "pid", "structured_data", "data",
}

// facilities by name, RFC 5424 table 1.
var facilities = strings.Fields("kern user mail daemon auth syslog lpr news uucp cron authpriv ftp ntp audit alert clock " + //nolint:gochecknoglobals // constant
	"local0 local1 local2 local3 local4 local5 local6 local7")

// timestamps are what the timestamp may be named by, beside a template.
var timestamps = map[string]string{ //nolint:gochecknoglobals // constant
	"s":  "{{.Timestamp}}",
	"ms": `{{.Time.Format "2006-01-02T15:04:05.000Z07:00"}}`,
	"us": `{{.Time.Format "2006-01-02T15:04:05.000000Z07:00"}}`,
}

// Lengths that RFC 5424 section 6 allows, and RFC 3164 section 4.1.3.
const (
	maxHostname = 255
	maxTag      = 48
	maxTag3164  = 32
	maxPid      = 128
)

type template = render.Template[*Message]

// format encodes messages as records. It is used by one goroutine.
type format struct {
	rfc3164      bool
	octetCounted bool
	lineBased    bool // a line feed ends the record
	message      Message

	priority, timestamp, hostname, tag, pid, structuredData, data *template

	record []byte
}

// newFormat reads the route's options over the environment's variables; every problem is reported.
func newFormat(env core.Env, route *core.Route) (*format, error) {
	var problems []error
	setting := func(option, variable, def string) (source, value string) {
		if v := route.Option(option, ""); v != "" {
			return "option " + option, v
		}
		return variable, env.Vars.Or(variable, def)
	}
	f := &format{message: Message{host: env.Hostname, facility: -1}}
	source, value := setting("format", "SYSLOG_FORMAT", "rfc5424")
	switch value {
	case "rfc5424":
	case "rfc3164":
		f.rfc3164 = true
	default:
		problems = append(problems, fmt.Errorf("%s %q: want rfc5424 or rfc3164", source, value))
	}
	transport := route.Transport("syslog", "udp")
	source, value = setting("framing", "SYSLOG_TCP_FRAMING", "traditional")
	switch value {
	case "traditional":
	case "octet-counted":
		// The variable is meant for TCP; a socket of unix may be one for datagrams.
		f.octetCounted = transport != "udp" && (transport != "unix" || route.Option("framing", "") != "")
	default:
		problems = append(problems, fmt.Errorf("%s %q: want traditional or octet-counted", source, value))
	}
	f.lineBased = !f.octetCounted && transport != "udp"
	if v := route.Option("facility", ""); v != "" {
		n, err := facility(v)
		problems = append(problems, err)
		f.message.facility = n
	}
	compile := func(t **template, source, text string, o render.Options[*Message]) {
		compiled, err := render.New(source, text, o)
		*t, problems = compiled, append(problems, err)
	}
	plain := templateOptions()
	field := func(t **template, option, def string) {
		source, value := setting(option, "SYSLOG_"+strings.ToUpper(option), def)
		compile(t, source, value, plain)
	}
	field(&f.priority, "priority", "{{.Priority}}")
	field(&f.tag, "tag", "{{.ContainerName}}"+route.Option("append_tag", ""))
	field(&f.pid, "pid", "{{.Container.State.Pid}}")
	field(&f.data, "data", "{{.Data}}")
	source, value = setting("timestamp", "SYSLOG_TIMESTAMP", "s")
	if named, ok := timestamps[value]; ok {
		value = named
	}
	compile(&f.timestamp, source, value, plain)
	source, value = setting("hostname", "SYSLOG_HOSTNAME", "{{.Container.Config.Hostname}}")
	if env.Hostname != "" && route.Option("hostname", "") == "" { // the host's own name is stronger than the variable
		value = "{{.Hostname}}"
	}
	compile(&f.hostname, source, value, plain)
	source, value = setting("structured_data", "SYSLOG_STRUCTURED_DATA", "-")
	if value != "-" && !strings.HasPrefix(value, "[") {
		value = "[" + value + "]"
	}
	escaped := templateOptions()
	escaped.Escape = appendParamValue
	compile(&f.structuredData, source, value, escaped)
	return f, errors.Join(problems...)
}

// facility is the code of a facility's name or number.
func facility(s string) (int, error) {
	for i, name := range facilities {
		if name == strings.ToLower(s) || strconv.Itoa(i) == s {
			return i, nil
		}
	}
	return -1, fmt.Errorf("option facility=%q: want a number from 0 to 23 or one of %s", s, strings.Join(facilities, " "))
}

// append appends the record of m, framed.
func (f *format) append(dst []byte, m *core.Message) ([]byte, error) {
	f.message.Message = m
	if !f.octetCounted {
		return f.appendRecord(dst)
	}
	record, err := f.appendRecord(f.record[:0])
	if err != nil {
		return dst, err
	}
	if f.record = record; cap(record) > 1<<20 {
		f.record = nil
	}
	dst = strconv.AppendInt(dst, int64(len(record)), 10)
	return append(append(dst, ' '), record...), nil
}

// appendRecord appends one record with its line feed, as RFC 5424 section 6 or RFC 3164 section 4 has it, whatever the templates gave.
func (f *format) appendRecord(dst []byte) ([]byte, error) {
	var err error
	part := func(t *template, mend func(dst []byte, at int) []byte) {
		at := len(dst)
		if err != nil {
			return
		}
		if dst, err = t.Append(dst, &f.message); err == nil {
			dst = mend(dst, at)
		}
	}
	dst = append(dst, '<')
	part(f.priority, f.mendPriority)
	if f.rfc3164 {
		dst = append(dst, '>')
		part(f.timestamp, mendText)
		dst = append(dst, ' ')
		part(f.hostname, mendHostname)
		dst = append(dst, ' ')
		part(f.tag, mendTag3164)
		dst = append(dst, '[')
		part(f.pid, mendPid)
		dst = append(dst, "]: "...)
	} else {
		dst = append(dst, ">1 "...)
		part(f.timestamp, f.mendTimestamp)
		dst = append(dst, ' ')
		part(f.hostname, mendHostname)
		dst = append(dst, ' ')
		part(f.tag, mendTag)
		dst = append(dst, ' ')
		part(f.pid, mendPid)
		dst = append(dst, " - "...)
		part(f.structuredData, f.mendStructuredData)
		dst = append(dst, ' ')
	}
	part(f.data, f.mendData)
	return append(dst, '\n'), err
}

// mendPriority makes dst[at:] a number from 0 to 191, the message's own where it is none.
func (f *format) mendPriority(dst []byte, at int) []byte {
	n, digits := 0, dst[at:]
	ok := len(digits) > 0 && len(digits) <= 3
	for _, d := range digits {
		ok = ok && '0' <= d && d <= '9'
		n = n*10 + int(d-'0')
	}
	if !ok || n > 191 {
		n = f.message.Priority()
	}
	return strconv.AppendInt(dst[:at], int64(n), 10)
}

// mendTimestamp makes dst[at:] what RFC 5424 section 6.2.3 allows: with at most six decimals, and the message's own time where it is
// none at all.
func (f *format) mendTimestamp(dst []byte, at int) []byte {
	if out, ok := cutTimestamp(dst, at); ok {
		return out
	}
	out := f.message.Time.AppendFormat(dst[:at], time.RFC3339)
	if out, ok := cutTimestamp(out, at); ok {
		return out
	}
	return append(dst[:at], '-') // a year that no timestamp can have
}

// mendData keeps a line-based record in its line, as rsyslog writes control characters; a NUL ends a record for syslog-ng.
func (f *format) mendData(dst []byte, at int) []byte {
	if f.lineBased {
		return escapeEnds(dst, at)
	}
	return dst
}

// mendStructuredData makes dst[at:] what RFC 5424 section 6.3 allows, "-" where it is none.
func (f *format) mendStructuredData(dst []byte, at int) []byte {
	if len(dst) == at+1 && dst[at] == '-' {
		return dst
	}
	if f.lineBased {
		dst = escapeEnds(dst, at)
	}
	if !validStructuredData(dst[at:]) {
		return append(dst[:at], '-')
	}
	return dst
}
