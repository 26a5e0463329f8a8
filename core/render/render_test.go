package render_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"text/template"
	"time"

	"pgregory.net/rapid"

	"github.com/gliderlabs/logspout-builder/core"
	"github.com/gliderlabs/logspout-builder/core/render"
)

type options = render.Options[*core.Message]

func message(name, data string) *core.Message {
	return &core.Message{
		Container: &core.Container{
			ID: "8dfafdbc3a40e4a5b9d7c6f1", Name: "/" + name, Image: "sha256:1234", Created: time.Unix(1600000000, 0).UTC(),
			Config: core.Config{
				Hostname: "8dfafdbc3a40", Image: "nginx:1", Labels: map[string]string{"app": name, "a.b": "<c>"},
				Env: []string{"A=1"}, Cmd: []string{"run", "-x"},
			},
			State:      core.State{Pid: 42},
			HostConfig: map[string]any{"NetworkMode": "bridge", "Deep": map[string]any{"N": json.Number("7")}},
		},
		Source: "stdout", Data: data, Time: time.Unix(1577934245, 123456789).UTC(), Ordinal: 3,
	}
}

// reference is what text/template itself makes of it.
func reference(text string, m *core.Message) (string, error) {
	t, err := template.New("T").Option("missingkey=zero").Funcs(template.FuncMap{
		"toJSON": func(v any) (string, error) { b, err := json.Marshal(v); return string(b), err },
		"join":   strings.Join, "replace": strings.Replace, "split": strings.Split,
	}).Parse(text)
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	err = t.Execute(&b, m)
	return b.String(), err
}

var pieces = []string{
	"plain ", "<14>1 ", `\n`, "{{.Data}}", "{{ .Source }}", "{{.Container.Name}}", "{{.Container.ID}}", "{{.Container.Image}}", "{{.Container.Config.Hostname}}",
	"{{.Container.Config.Image}}", "{{.Container.State.Pid}}", "{{.Container.BareName}}", "{{.Container.ShortID}}", "{{.Ordinal}}", "{{$.Data}}",
	`{{.Time.Format "2006-01-02T15:04:05.000Z07:00"}}`, "{{.Time}}", "{{.Time.Unix}}", "{{toJSON .Data}}", "{{.Data | toJSON}}", "{{.Container.Name | toJSON | printf \"%q\"}}",
	"{{toJSON .Container.Config.Labels}}", `{{index .Container.Config.Labels "app"}}`, "{{.Container.Config.Labels.app}}", "{{.Container.Config.Labels.nope}}", `{{index .Container.Config.Labels "nope"}}`, `{{index .Container.Config.Labels "a.b"}}`, "{{toJSON .Container.Config.Labels.app}}",
	"{{.Container.Config.Cmd}}", `{{join .Container.Config.Cmd " "}}`, `{{.Container.Getenv "A"}}`, "{{if eq .Source \"stdout\"}}out{{else}}err{{.Data}}{{end}}",
	"{{range $k, $v := .Container.Config.Labels}}{{$k}}={{$v}} {{end}}", "{{with .Container}}{{.Name}}{{$.Data}}{{end}}", "{{- .Data -}}", " {{/* c */}} ",
	"{{.Container.HostConfig.NetworkMode}}", "{{.Container.HostConfig.Deep.N}}", `{{len .Data}}`, `{{printf "%.3s" .Data}}`, "{{toJSON .Container.State}}", "{{print .Data}}",
	"{{$x := .Data}}", "{{define \"d\"}}[{{.}}]{{end}}", "{{block \"e\" .Data}}({{.}}){{end}}", "{{.Container.Created}}", "{{.Key}}",
}

func TestFastAndSlowWaysGiveTheBytesOfTextTemplate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 8).Draw(t, "pieces"), "")
		m := message(rapid.String().Draw(t, "name"), string(rapid.SliceOf(rapid.Byte()).Draw(t, "data")))
		same(t, text, m)
	})
}

func same(t rapid.TB, text string, m *core.Message) {
	t.Helper()
	want, wantErr := reference(text, m)
	tmpl, err := render.New("T", text, options{})
	if err != nil {
		if wantErr == nil {
			t.Fatalf("New(%q): %v, but text/template takes it", text, err)
		}
		return
	}
	got, err := tmpl.Append([]byte("before "), m)
	if (err != nil) != (wantErr != nil) {
		t.Fatalf("%q: error %v, text/template's %v", text, err, wantErr)
	}
	if err != nil {
		want = "" // nothing stays of a message that failed
	}
	if string(got) != "before "+want {
		t.Fatalf("%q: got %q, want %q", text, got, "before "+want)
	}
}

func FuzzTemplate(f *testing.F) {
	for _, p := range pieces {
		f.Add(p, "web", "hello")
	}
	f.Add(strings.Join(pieces, " "), "a\u2028b<\xff", "\x00\"\\\r\n\t")
	f.Fuzz(func(t *testing.T, text, name, data string) {
		if strings.Contains(text, "range") || strings.Contains(text, "template") || strings.Contains(text, "block") || strings.Contains(text, "%") {
			t.Skip("may loop, recurse or pad to gigabytes: the user's own configuration")
		}
		m := message(name, data)
		if _, err := render.New("T", text, options{}); err != nil {
			return // stricter than text/template: a chain that does not exist is refused even where it would never run
		}
		same(t, text, m)
	})
}

func TestWrongTemplateIsRefusedWithItsPlaceAndTheNearestName(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"{{.Contaner.Name}}", `SYSLOG_TAG:1:11: there is no "Contaner" in .Contaner.Name; did you mean "Container"?`},
		{"a\nb {{if .Data}}{{.Container.Config.Label}}{{end}}", `SYSLOG_TAG:2:26: there is no "Label"`},
		{"{{with .Data}}{{$.Contaner}}{{end}}", `there is no "Contaner"`},
		{"{{.Data.Nope}}", `there is no "Nope"`},
		{"{{.Data", "SYSLOG_TAG:1: unclosed action"},
		{"{{nope .Data}}", `function "nope" not defined`},
		{`{{template "x"}}`, `template "x" is not defined`},
	} {
		_, err := render.New("SYSLOG_TAG", c.text, options{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: error %v, want one with %q", c.text, err, c.want)
		}
	}
}

func TestBackslashesInPlainTextAreLineFeedsAndTabs(t *testing.T) {
	tmpl, err := render.New("RAW_FORMAT", `{{if .Data}}{{.Source}}\t{{printf "%s\\n" .Data}}\n{{end}}\n`, options{Backslashes: true})
	if err != nil {
		t.Fatal(err)
	}
	got, err := tmpl.Append(nil, message("web", "x"))
	if want := "stdout\tx\\n\n\n"; err != nil || string(got) != want {
		t.Fatalf("got %q, %v, want %q", got, err, want)
	}
}

func TestEscapeAppliesToEveryActionAndToNoPlainText(t *testing.T) {
	upper := func(dst []byte, s string) []byte { return append(dst, strings.ToUpper(s)...) }
	for text, want := range map[string]string{
		`id a="{{.Data}}"`: `id a="X"`,
		`id {{if .Data}}a="{{.Source}}"{{end}}{{$d := .Data}}{{$d}} lower`:        `id a="STDOUT"X lower`,
		`{{range .Container.Config.Cmd}}c="{{.}}" {{end}}`:                        `c="RUN" c="-X" `,
		`{{define "d"}}d={{.}} {{end}}{{template "d" .Data}}{{template "d" "é"}}`: `d=X d=É `,
		`{{.Container.State.Pid}}{{.Time.Format "Jan"}}{{toJSON .Data}}`:          `42JAN"X"`,
	} {
		tmpl, err := render.New("T", text, options{Escape: upper})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := tmpl.Append(nil, message("web", "x")); err != nil || string(got) != want {
			t.Errorf("%q: got %q, %v, want %q", text, got, err, want)
		}
	}
}

func TestFailingMessageLeavesTheBufferAsItWas(t *testing.T) {
	tmpl, err := render.New("T", `{{.Data}}{{.Container.HostConfig.No.Such}}`, options{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := tmpl.Append([]byte("kept"), message("web", "x"))
	if err == nil || !strings.Contains(err.Error(), "T:1:") || string(got) != "kept" {
		t.Fatalf("got %q, error %v", got, err)
	}
}

func TestPlainTemplatesDoNotAllocate(t *testing.T) {
	tmpl, err := render.New("T", `{{.Container.Name}} {{index .Container.Config.Labels "a.b"}} {{.Container.State.Pid}} {{.Time.Format "15:04:05"}} {{toJSON .Data}}\n`, options{Backslashes: true})
	if err != nil {
		t.Fatal(err)
	}
	m, buf := message("web", "hello \"you\""), make([]byte, 0, 256)
	if n := testing.AllocsPerRun(100, func() { buf, _ = tmpl.Append(buf[:0], m) }); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

func BenchmarkAppend(b *testing.B) {
	b.Run("floor", func(b *testing.B) {
		m, buf := message("web", strings.Repeat("x", 100)), make([]byte, 0, 256)
		for b.Loop() {
			buf = append(append(append(append(buf[:0], m.Container.Name...), ' '), m.Data...), '\n')
		}
		b.SetBytes(int64(len(buf)))
	})
	for name, text := range map[string]string{
		"fast": "{{.Container.Name}} {{.Data}}\n",
		"slow": "{{print .Container.Name}} {{.Data}}\n",
	} {
		b.Run(name, func(b *testing.B) {
			tmpl, err := render.New("T", text, options{})
			if err != nil {
				b.Fatal(err)
			}
			m, buf := message("web", strings.Repeat("x", 100)), make([]byte, 0, 256)
			b.ReportAllocs()
			for b.Loop() {
				buf, _ = tmpl.Append(buf[:0], m)
			}
			b.SetBytes(int64(len(buf)))
		})
	}
}
