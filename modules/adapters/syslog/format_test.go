package syslog_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gliderlabs/logspout-builder/core"
	"github.com/gliderlabs/logspout-builder/modules/adapters/syslog"
)

func message(data string) *core.Message {
	return &core.Message{
		Container: &core.Container{
			ID: strings.Repeat("8dfafdbc3a40", 5), Name: "/web.db",
			Config: core.Config{Hostname: "8dfafdbc3a40", Image: "nginx:1", Labels: map[string]string{"app": "shop"}},
			State:  core.State{Pid: 42},
		},
		Source: "stdout", Data: data, Time: time.Date(2020, 1, 2, 3, 4, 5, 123456789, time.UTC),
	}
}

func encode(tb testing.TB, vars core.Vars, uri string, m *core.Message) string {
	tb.Helper()
	return encodeWith(tb, core.Env{Vars: vars}, uri, m)
}

func encodeWith(tb testing.TB, env core.Env, uri string, m *core.Message) string {
	tb.Helper()
	route, err := core.ParseRoute(uri)
	if err != nil {
		tb.Fatal(err)
	}
	f, err := syslog.Encode(env, route)
	if err != nil {
		tb.Fatal(err)
	}
	b, err := f([]byte("before"), m)
	if err != nil {
		tb.Fatal(err)
	}
	return strings.TrimPrefix(string(b), "before")
}

func TestRecordsAreThoseOfLogspout(t *testing.T) {
	const tcp, udp = "syslog+tcp://h:514", "syslog://h:514"
	long := strings.Repeat("n", 300)
	for name, c := range map[string]struct {
		vars   core.Vars
		uri    string
		change func(*core.Message)
		want   string
	}{
		"rfc5424":             {uri: tcp, want: "<14>1 2020-01-02T03:04:05Z 8dfafdbc3a40 web.db 42 - - hello\n"},
		"rfc3164":             {uri: tcp, vars: core.Vars{"SYSLOG_FORMAT": "rfc3164"}, want: "<14>2020-01-02T03:04:05Z 8dfafdbc3a40 web.db[42]: hello\n"},
		"udp":                 {uri: udp, want: "<14>1 2020-01-02T03:04:05Z 8dfafdbc3a40 web.db 42 - - hello\n"},
		"octet-counted":       {uri: tcp, vars: core.Vars{"SYSLOG_TCP_FRAMING": "octet-counted"}, want: "60 <14>1 2020-01-02T03:04:05Z 8dfafdbc3a40 web.db 42 - - hello\n"},
		"never counted: udp":  {uri: udp, vars: core.Vars{"SYSLOG_TCP_FRAMING": "octet-counted"}, want: "<14>1 2020-01-02T03:04:05Z 8dfafdbc3a40 web.db 42 - - hello\n"},
		"option over env":     {uri: tcp + "?format=rfc5424&framing=traditional", vars: core.Vars{"SYSLOG_FORMAT": "rfc3164", "SYSLOG_TCP_FRAMING": "octet-counted"}, want: "<14>1 2020-01-02T03:04:05Z 8dfafdbc3a40 web.db 42 - - hello\n"},
		"stderr":              {uri: tcp, change: func(m *core.Message) { m.Source = "stderr" }, want: "<11>1 2020-01-02T03:04:05Z 8dfafdbc3a40 web.db 42 - - hello\n"},
		"another source":      {uri: tcp, change: func(m *core.Message) { m.Source = "stdin" }, want: "<30>1 2020-01-02T03:04:05Z 8dfafdbc3a40 web.db 42 - - hello\n"},
		"facility":            {uri: tcp + "?facility=local0", want: "<134>1 2020-01-02T03:04:05Z 8dfafdbc3a40 web.db 42 - - hello\n"},
		"structured data":     {uri: tcp, vars: core.Vars{"SYSLOG_STRUCTURED_DATA": `a@1 n="{{.Container.Name}}"`}, want: "<14>1 2020-01-02T03:04:05Z 8dfafdbc3a40 web.db 42 - [a@1 n=\"/web.db\"] hello\n"},
		"its values escaped":  {uri: tcp, vars: core.Vars{"SYSLOG_STRUCTURED_DATA": `a@1 d="{{.Data}}"`}, change: func(m *core.Message) { m.Data = `"\]` }, want: "<14>1 2020-01-02T03:04:05Z 8dfafdbc3a40 web.db 42 - [a@1 d=\"\\\"\\\\\\]\"] \"\\]\n"},
		"bad structured data": {uri: tcp + "?structured_data=no quotes=here", want: "<14>1 2020-01-02T03:04:05Z 8dfafdbc3a40 web.db 42 - - hello\n"},
		"append_tag":          {uri: tcp + "?append_tag=-{{.Container.Config.Image}}", want: "<14>1 2020-01-02T03:04:05Z 8dfafdbc3a40 web.db-nginx:1 42 - - hello\n"},
		"milliseconds":        {uri: tcp + "?timestamp=ms", want: "<14>1 2020-01-02T03:04:05.123Z 8dfafdbc3a40 web.db 42 - - hello\n"},
		"microseconds by env": {uri: tcp, vars: core.Vars{"SYSLOG_TIMESTAMP": "us"}, want: "<14>1 2020-01-02T03:04:05.123456Z 8dfafdbc3a40 web.db 42 - - hello\n"},
		"nine decimals":       {uri: tcp, vars: core.Vars{"SYSLOG_TIMESTAMP": `{{.Time.Format "2006-01-02T15:04:05.999999999+01:00"}}`}, want: "<14>1 2020-01-02T03:04:05.123456+01:00 8dfafdbc3a40 web.db 42 - - hello\n"},
		"no timestamp":        {uri: tcp, vars: core.Vars{"SYSLOG_TIMESTAMP": `today`}, want: "<14>1 2020-01-02T03:04:05Z 8dfafdbc3a40 web.db 42 - - hello\n"},
		"own 3164 timestamp":  {uri: tcp, vars: core.Vars{"SYSLOG_FORMAT": "rfc3164", "SYSLOG_TIMESTAMP": `{{.Time.Format "Jan _2 15:04:05"}}`}, want: "<14>Jan  2 03:04:05 8dfafdbc3a40 web.db[42]: hello\n"},
		"wrong priority":      {uri: tcp, vars: core.Vars{"SYSLOG_PRIORITY": "192"}, want: "<14>1 2020-01-02T03:04:05Z 8dfafdbc3a40 web.db 42 - - hello\n"},
		"split name":          {uri: tcp, vars: core.Vars{"SYSLOG_TAG": `{{index (.ContainerNameSplitN "." 2) 1}}`}, want: "<14>1 2020-01-02T03:04:05Z 8dfafdbc3a40 db 42 - - hello\n"},
		"Hostname":            {uri: tcp, vars: core.Vars{"SYSLOG_HOSTNAME": `{{.Hostname}}`}, want: "<14>1 2020-01-02T03:04:05Z 8dfafdbc3a40 web.db 42 - - hello\n"},
		"data":                {uri: tcp, vars: core.Vars{"SYSLOG_DATA": `{{toJSON .Data}}`}, want: "<14>1 2020-01-02T03:04:05Z 8dfafdbc3a40 web.db 42 - - \"hello\"\n"},
		"empty fields":        {uri: tcp, change: func(m *core.Message) { m.Container.Name, m.Container.Config.Hostname = "/", "" }, want: "<14>1 2020-01-02T03:04:05Z - - 42 - - hello\n"},
		"spaces and controls": {uri: tcp, change: func(m *core.Message) { m.Container.Name, m.Container.Config.Hostname = "/a b\n<1>é", "h\x00" }, want: "<14>1 2020-01-02T03:04:05Z h_ a_b_<1>_ 42 - - hello\n"},
		"too long":            {uri: tcp, change: func(m *core.Message) { m.Container.Name, m.Container.Config.Hostname = "/"+long, long }, want: "<14>1 2020-01-02T03:04:05Z " + long[:255] + " " + long[:48] + " 42 - - hello\n"},
		"too long for 3164":   {uri: tcp + "?format=rfc3164", change: func(m *core.Message) { m.Container.Name = "/" + long }, want: "<14>2020-01-02T03:04:05Z 8dfafdbc3a40 " + long[:32] + "[42]: hello\n"},
		"line feed":           {uri: tcp, change: func(m *core.Message) { m.Data = "a\n<14>1 b\x00c" }, want: "<14>1 2020-01-02T03:04:05Z 8dfafdbc3a40 web.db 42 - - a#012<14>1 b#000c\n"},
		"line feed counted":   {uri: tcp + "?framing=octet-counted", change: func(m *core.Message) { m.Data = "a\nb" }, want: "58 <14>1 2020-01-02T03:04:05Z 8dfafdbc3a40 web.db 42 - - a\nb\n"},
		"line feed in udp":    {uri: udp, change: func(m *core.Message) { m.Data = "a\nb" }, want: "<14>1 2020-01-02T03:04:05Z 8dfafdbc3a40 web.db 42 - - a\nb\n"},
	} {
		t.Run(name, func(t *testing.T) {
			m := message("hello")
			if c.change != nil {
				c.change(m)
			}
			if got := encode(t, c.vars, strings.ReplaceAll(c.uri, " ", "%20"), m); got != c.want {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

func TestHostsOwnNameReplacesTheContainersUnlessTheRouteNamesOne(t *testing.T) {
	env := core.Env{Hostname: "node-7", Vars: core.Vars{"SYSLOG_HOSTNAME": "from-env"}}
	for uri, want := range map[string]string{"syslog://h:514": " node-7 ", "syslog://h:514?hostname={{.Container.Config.Hostname}}": " 8dfafdbc3a40 "} {
		if got := encodeWith(t, env, uri, message("x")); !strings.Contains(got, want) {
			t.Errorf("%s: %q lacks %q", uri, got, want)
		}
	}
}

func TestWrongSettingsAreAllReported(t *testing.T) {
	route, err := core.ParseRoute("syslog+tcp://h:514?format=rfc1&facility=local9&tag={{.Contaner.Name}}")
	if err != nil {
		t.Fatal(err)
	}
	_, err = syslog.Encode(core.Env{Vars: core.Vars{"SYSLOG_TCP_FRAMING": "octets", "SYSLOG_DATA": "{{"}}, route)
	for _, want := range []string{`option format "rfc1"`, `facility="local9"`, "option tag:1:", `did you mean "Container"?`, `SYSLOG_TCP_FRAMING "octets"`, "SYSLOG_DATA:1"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v lacks %s", err, want)
		}
	}
}

// Whatever templates and messages give, the bytes are exactly one valid record.
func FuzzSyslogFormat(f *testing.F) {
	f.Add("hello", "web", "host", int64(1577934245123456789), "{{.Priority}}", "{{.Timestamp}}", `a@1 d="{{.Data}}" e="{{.ContainerName}}"`, "{{.ContainerName}}", true)
	f.Add("a\nb\x00c\xff]\"\\", "\n<1>é", "", int64(-1), "{{.Data}}", "{{.Data}}", `{{.Data}}][x`, "{{.Data}}", false)
	f.Add("2020-02-30T03:04:05.1234567Z", strings.Repeat("ü", 99), " ", int64(1)<<62, "<{{.Data}}>", `{{.Time.Format "2006-01-02T15:04:05.999999999Z07:00"}}`, "[x a=\"{{.Source}}\"][y]", "-", true)
	f.Fuzz(func(t *testing.T, data, name, host string, ns int64, priority, timestamp, sd, tag string, counted bool) {
		if strings.Contains(tag+sd+priority+timestamp, "%") || strings.Contains(tag+sd+priority+timestamp, "range") || strings.Contains(tag+sd+priority+timestamp, "template") {
			t.Skip("may pad to gigabytes, loop or recurse: the user's own configuration")
		}
		framing := "traditional"
		if counted {
			framing = "octet-counted"
		}
		route := &core.Route{ID: "r", Adapter: "syslog+tcp", Address: "h:1", Options: map[string]string{
			"framing": framing, "priority": priority, "timestamp": timestamp, "structured_data": sd, "tag": tag, "hostname": host,
		}}
		encode, err := syslog.Encode(core.Env{}, route)
		if err != nil {
			return
		}
		m := message(data)
		m.Container.Name, m.Container.Config.Hostname, m.Time = "/"+name, host, time.Unix(0, ns).UTC()
		b, err := encode(nil, m)
		if err != nil {
			return
		}
		records, err := deframe(string(b), counted)
		if err != nil || len(records) != 1 {
			t.Fatalf("%d records, %v, in %q", len(records), err, b)
		}
		r, err := parse(records[0])
		if err != nil {
			t.Fatal(err)
		}
		want := data
		if !counted {
			want = strings.NewReplacer("\n", "#012", "\x00", "#000").Replace(data)
		}
		if r.msg != want {
			t.Fatalf("message %q, want %q", r.msg, want)
		}
	})
}

func TestDefaultTemplatesDoNotAllocate(t *testing.T) {
	for _, uri := range []string{"syslog+tcp://h:1", "syslog+tcp://h:1?framing=octet-counted", "syslog+tcp://h:1?format=rfc3164&timestamp=ms"} {
		route, _ := core.ParseRoute(uri)
		encode, err := syslog.Encode(core.Env{}, route)
		if err != nil {
			t.Fatal(err)
		}
		m, buf := message(strings.Repeat("x", 100)), make([]byte, 0, 512)
		if n := testing.AllocsPerRun(100, func() { buf, _ = encode(buf[:0], m) }); n != 0 {
			t.Errorf("%s: %v allocations", uri, n)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	m := message(strings.Repeat("x", 100))
	for name, query := range map[string]string{"rfc5424": "", "rfc5424-octet-counted": "?framing=octet-counted", "rfc3164": "?format=rfc3164"} {
		b.Run(name, func(b *testing.B) {
			route, _ := core.ParseRoute("syslog+tcp://h:1" + query)
			encode, err := syslog.Encode(core.Env{}, route)
			if err != nil {
				b.Fatal(err)
			}
			buf := make([]byte, 0, 512)
			b.ReportAllocs()
			for b.Loop() {
				buf, _ = encode(buf[:0], m)
			}
			b.SetBytes(int64(len(buf)))
		})
	}
	b.Run("floor-append", func(b *testing.B) {
		record := fmt.Sprintf("<14>1 2020-01-02T03:04:05Z 8dfafdbc3a40 web.db 42 - - %s\n", m.Data)
		buf := make([]byte, 0, 512)
		b.SetBytes(int64(len(record)))
		for b.Loop() {
			buf = append(buf[:0], record...)
		}
	})
}

// TestReadmeShowsTheRecordsAsTheyAre compares the records in README.md, each with its format behind it.
func TestReadmeShowsTheRecordsAsTheyAre(t *testing.T) {
	page, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	records := regexp.MustCompile(`(?m)^(<14>.*?) {2,}(rfc\d+)$`).FindAllStringSubmatch(string(page), -1)
	if len(records) != 2 {
		t.Fatalf("%d records", len(records))
	}
	for _, r := range records {
		if got := encode(t, core.Vars{"SYSLOG_FORMAT": r[2]}, "syslog+tcp://h:514", message("hello")); got != r[1]+"\n" {
			t.Errorf("%s is %q, README.md shows %q", r[2], got, r[1])
		}
	}
}
