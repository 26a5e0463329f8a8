package core_test

import (
	"strings"
	"testing"
	"time"

	"github.com/gliderlabs/logspout-builder/core"
)

func TestFilterWantsWhatAllItsPartsWant(t *testing.T) {
	c := &core.Container{
		ID: "8dfafdbc3a40f1e2d3c4b5a6", Name: "/shop_web.1/alias",
		Config: core.Config{Labels: map[string]string{"app": "web", "tier": "front/end", "empty": "", "url": "http://x"}},
	}
	for query, want := range map[string]bool{
		"":                                                   true,
		"filter.id=8dfafdbc3a40":                             true,
		"filter.id=8dfafdbc3a40f1e2d3":                       true, // longer than the short id
		"filter.id=8dfafdbc3a40f1e2d3c4b5a6":                 true,
		"filter.id=8dfafdbc3a40f1e2d3c4b5a6ff":               false,
		"filter.id=dfaf":                                     false,
		"filter.name=shop_*":                                 true,
		"filter.name=*":                                      true,
		"filter.name=shop*alias":                             true, // a slash is a character like others
		"filter.name=shop":                                   false,
		"filter.name=/shop_*":                                false,
		"filter.name=SHOP_*":                                 false,
		"filter.name=db_*,shop_*":                            true,
		"filter.name=db_*,mail_*":                            false,
		"filter.name=!db_*":                                  true,
		"filter.name=!shop_*":                                false,
		"filter.name=*,!*alias":                              false,
		"filter.name=shop_[vw]eb.%3F/alias":                  true,
		"filter.name=" + strings.Repeat("*a", 40):            false,
		"filter.labels=app:web":                              true,
		"filter.labels=app:w*":                               true,
		"filter.labels=app:db":                               false,
		"filter.labels=app":                                  true,
		"filter.labels=none":                                 false,
		"filter.labels=none:*":                               false,
		"filter.labels=none:":                                false,
		"filter.labels=empty:":                               true,
		"filter.labels=empty:*":                              true,
		"filter.labels=tier:front*":                          true,
		"filter.labels=url:http://*":                         true,
		"filter.labels=app:web,tier:back*":                   false,
		"filter.labels=!app:web":                             false,
		"filter.labels=!app:db":                              true,
		"filter.labels=!none":                                true,
		"filter.labels=!app":                                 false,
		"filter.sources=stdout":                              true,
		"filter.sources=stderr":                              false,
		"filter.sources=stderr,stdout":                       true,
		"filter.sources=std*":                                false,
		"filter.sources=!stderr":                             true,
		"filter.sources=!stdout":                             false,
		"filter.name=shop*&filter.labels=app&filter.id=8":    true,
		"filter.name=shop*&filter.labels=app:db&filter.id=8": false,
		"filter.name=shop*&filter.labels=app&filter.id=9":    false,
		"filter.name=&filter.labels=&filter.sources=,":       true,
	} {
		r, err := core.ParseRoute("raw://h?" + query)
		if err != nil {
			t.Errorf("%s: %v", query, err)
			continue
		}
		if got := r.Match(&core.Message{Container: c, Source: "stdout"}); got != want {
			t.Errorf("%s: %v, want %v", query, got, want)
		}
	}
}

func TestContainerWithoutLabelsMatchesNoLabelFilter(t *testing.T) {
	f := core.Filter{Labels: []string{"app:*"}}
	if f.MatchContainer(&core.Container{}) {
		t.Error("it matched")
	}
}

func TestGlobTakesTimeThatIsBounded(t *testing.T) {
	start := time.Now()
	core.Glob(strings.Repeat("*a", 500)+"b", strings.Repeat("a", 20000))
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
}

func TestVariablesAreReadAsPeopleWriteThem(t *testing.T) {
	vars := core.ParseVars([]string{"A=1", "A=2", "EMPTY=", "EQ=a=b", "=bad", "bad", "BOOL=Yes", "SPAN=90", "SPAN2=1m30s", "SIZE=32MiB", "N= 7 "})
	if len(vars) != 8 || vars["A"] != "2" || vars["EQ"] != "a=b" || vars.Get("EMPTY", "NONE", "A") != "2" || vars.Or("EMPTY", "d") != "d" {
		t.Errorf("%v", vars)
	}
	if b, err := vars.Bool("BOOL", false); !b || err != nil {
		t.Errorf("%v %v", b, err)
	}
	if n, err := vars.Int("N", 0, 0, 10); n != 7 || err != nil {
		t.Errorf("%v %v", n, err)
	}
	for _, name := range []string{"SPAN", "SPAN2"} {
		if d, err := vars.Duration(name, 0); d != 90*time.Second || err != nil {
			t.Errorf("%s: %v %v", name, d, err)
		}
	}
	if n, err := vars.Size("SIZE", 0); n != 32<<20 || err != nil {
		t.Errorf("%v %v", n, err)
	}
	for _, name := range []string{"EMPTY", "NONE"} {
		b, err1 := vars.Bool(name, true)
		n, err2 := vars.Int(name, 5, 0, 1)
		d, err3 := vars.Duration(name, time.Second)
		size, err4 := vars.Size(name, 9)
		if !b || n != 5 || d != time.Second || size != 9 || err1 != nil || err2 != nil || err3 != nil || err4 != nil {
			t.Errorf("%s: the defaults are not taken", name)
		}
	}
}

func TestBadValuesAreRefusedWithTheirName(t *testing.T) {
	for _, value := range []string{"x", "-1", "1x", "9999999999999999999999", "NaN", "1e3", "0x10", "--1", " "} {
		vars := core.Vars{"V": value}
		_, err1 := vars.Bool("V", false)
		_, err2 := vars.Int("V", 0, 0, 100)
		_, err3 := vars.Duration("V", 0)
		_, err4 := vars.Size("V", 0)
		for i, err := range []error{err1, err2, err3, err4} {
			if err == nil || !strings.Contains(err.Error(), `V="`+value+`"`) {
				t.Errorf("%q as number %d: %v", value, i, err)
			}
		}
	}
}

func TestSizes(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "1": 1, "1b": 1, "2k": 2048, "2KB": 2048, "2KiB": 2048, "3 m": 3 << 20, "1g": 1 << 30, "1GiB": 1 << 30, "4294967296": 1 << 32,
	} {
		if got, err := core.ParseSize(text); got != want || err != nil {
			t.Errorf("%q: %d %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "k", "1t", "1.5g", "9223372036854775807g", "8589934592g", "-1k", "1kk", "i", "b", "5i", "1ib"} {
		if got, err := core.ParseSize(text); err == nil {
			t.Errorf("%q: %d, want an error", text, got)
		}
	}
}

func TestNearestNameIsProposed(t *testing.T) {
	for name, want := range map[string]string{
		"syslg": "syslog", "sysolg": "syslog", "SYSLOG": "syslog", "tpc": "tcp", "TCPP": "tcp", "completely-else": "", "": "", "x": "",
		"foo": "", "row": "raw", "wra": "", "logs": "", "sylsgo": "syslog", "metrisc": "", "tls": "", "routsapi": "routesapi", "rutsapi": "routesapi",
	} {
		if got := core.Nearest(name, []string{"raw", "job", "syslog", "tcp", "udp", "routesapi"}); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
	err := &core.UnknownError{Kind: "adapter", Name: "syslg", Have: []string{"syslog", "raw"}}
	if want := `unknown adapter "syslg" (this binary has: raw, syslog); did you mean "syslog"?`; err.Error() != want {
		t.Errorf("%s", err)
	}
	err.Name = "kafka"
	if want := `unknown adapter "kafka" (this binary has: raw, syslog); 'logspout-builder modules' lists what can be built in`; err.Error() != want {
		t.Errorf("%s", err)
	}
}

func TestMessageKeyTellsLinesApart(t *testing.T) {
	m := core.Message{Container: &core.Container{ID: "c1"}, Source: "stdout", Time: time.Unix(3, 7), Ordinal: 2}
	if m.Key() != "c1/stdout/3000000007/2" || string(m.AppendKey([]byte("x"))) != "xc1/stdout/3000000007/2" {
		t.Errorf("%s", m.Key())
	}
}

func TestContainerNamesAsPeopleKnowThem(t *testing.T) {
	c := core.Container{ID: "0123456789abcdef", Name: "/web", Config: core.Config{Env: []string{"A=1", "LOGSPOUT=ignore", "AB=2"}}}
	if c.BareName() != "web" || c.ShortID() != "0123456789ab" || c.Getenv("LOGSPOUT") != "ignore" || c.Getenv("B") != "" {
		t.Errorf("%q %q", c.BareName(), c.ShortID())
	}
	if short := (&core.Container{ID: "abc"}).ShortID(); short != "abc" {
		t.Errorf("%q", short)
	}
}
