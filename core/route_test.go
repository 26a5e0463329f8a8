package core_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/gliderlabs/logspout-builder/core"
)

func TestRouteURIsAreTakenApart(t *testing.T) {
	for _, row := range []struct {
		uri  string
		want core.Route
	}{
		{"raw://h:514", core.Route{Adapter: "raw", Address: "h:514"}},
		{"SYSLOG+TLS://h", core.Route{Adapter: "syslog+tls", Address: "h"}},
		{"multiline+syslog+tcp://[::1]:514", core.Route{Adapter: "multiline+syslog+tcp", Address: "[::1]:514"}},
		{"raw+unix:///run/log.sock", core.Route{Adapter: "raw+unix", Path: "/run/log.sock"}},
		{"raw://", core.Route{Adapter: "raw"}},
		{"kafka://b1:9092,b2:9092/topic", core.Route{Adapter: "kafka", Address: "b1:9092,b2:9092", Path: "/topic"}},
		{"kafka://b1,b2/topic@home", core.Route{Adapter: "kafka", Address: "b1,b2", Path: "/topic@home"}},
		{"https://user:p%40ss%2Fw%3Ard@h:8443/a%20b?x=1", core.Route{
			Adapter: "https", User: "user", Password: "p@ss/w:rd", Address: "h:8443", Path: "/a b", Options: map[string]string{"x": "1"},
		}},
		{"https://user:a@b@h", core.Route{Adapter: "https", User: "user", Password: "a@b", Address: "h"}},
		{"https://token@h", core.Route{Adapter: "https", User: "token", Address: "h"}},
		{"https://h:80/mail@x", core.Route{Adapter: "https", Address: "h:80", Path: "/mail@x"}},
		{"https://h/?to=a@b", core.Route{Adapter: "https", Address: "h", Path: "/", Options: map[string]string{"to": "a@b"}}},
		{"raw://h?filter.id=0123456789abcdef&filter.name=*_app,!x&filter.sources=stdout,,stderr&filter.labels=a:b*,!c", core.Route{
			Adapter: "raw", Address: "h",
			Filter: core.Filter{ID: "0123456789abcdef", Name: "*_app,!x", Sources: []string{"stdout", "stderr"}, Labels: []string{"a:b*", "!c"}},
		}},
		{"raw://h?a=b+c&d=%2B&e&f=", core.Route{Adapter: "raw", Address: "h", Options: map[string]string{"a": "b c", "d": "+", "e": "", "f": ""}}},
		{"raw://h?structured_data=x=%22y%22", core.Route{Adapter: "raw", Address: "h", Options: map[string]string{"structured_data": `x="y"`}}},
	} {
		got, err := core.ParseRoute(row.uri)
		if err != nil {
			t.Errorf("%s: %v", row.uri, err)
			continue
		}
		if !core.ValidRouteID(got.ID) || got.Validate() != nil {
			t.Errorf("%s: id %q, %v", row.uri, got.ID, got.Validate())
		}
		row.want.ID = got.ID
		if row.want.Options == nil {
			row.want.Options = map[string]string{}
		}
		if !reflect.DeepEqual(*got, row.want) {
			t.Errorf("%s:\n got %#v\nwant %#v", row.uri, *got, row.want)
		}
	}
}

func TestMalformedRouteURIsAreRefusedWithReasonAndWithoutSecrets(t *testing.T) {
	for uri, want := range map[string]string{
		"":                                   "no scheme",
		"localhost:514":                      "no scheme",
		"raw:/h":                             "no scheme",
		"://h":                               "malformed scheme",
		"1raw://h":                           "malformed scheme",
		"r/aw://h":                           "malformed scheme",
		"raw://h 1":                          "write it as %20",
		"raw://h\n":                          "write it as %0A",
		"raw://h%zz":                         "address",
		"raw://h/%zz":                        "path",
		"raw://u:hunter22%zz@h":              "malformed %-escape",
		"raw://h%0a":                         "control character",
		"raw://h%2Fx":                        "no part of it",
		"raw://h/%00":                        "control character",
		"raw://u:hunter22/hunter22@h":        "write / ? # in it as %2F %3F %23",
		"raw://u:hunter22?hunter22@h":        "write / ? # in it as %2F %3F %23",
		"raw://u:hunter22@h?x=%zz":           "query",
		"raw://h?a=1;b=2":                    "parted by &",
		"raw://h?a=1&a=2":                    `option "a" is given 2 times`,
		"raw://h?filter.nam=x":               `did you mean "filter.name"`,
		"raw://h?filter.name=[":              "malformed glob",
		"raw://h?filter.labels=:x":           "no label name",
		"raw://h?filter.labels=a:[":          "malformed glob",
		"raw://h?a=1&a=2&filter.name=[":      "malformed glob",
		"raw://h?token=hunter22&filter.ids=": "unknown option",
	} {
		r, err := core.ParseRoute(uri)
		if _, ok := errors.AsType[*core.RouteError](err); !ok || r != nil {
			t.Errorf("%q: %v, %v, want a RouteError", uri, r, err)
			continue
		}
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q in it", uri, err, want)
		}
		if strings.Contains(err.Error(), "hunter22") {
			t.Errorf("%q: a secret is shown: %v", uri, err)
		}
	}
}

func TestCommaPartsRoutesOnlyWhereANewSchemeBegins(t *testing.T) {
	for list, want := range map[string][]string{
		"":                                      nil,
		" , ":                                   nil,
		"raw://a":                               {"raw://a"},
		"raw://a,raw://b":                       {"raw://a", "raw://b"},
		"raw://a,\n  syslog+tcp://b,\n":         {"raw://a", "syslog+tcp://b"},
		",raw://a,,raw://b,,":                   {"raw://a", "raw://b"},
		"kafka://b1:9092,b2:9092/t,raw://c":     {"kafka://b1:9092,b2:9092/t", "raw://c"},
		"raw://a?filter.labels=x:1,y:2,raw://b": {"raw://a?filter.labels=x:1,y:2", "raw://b"},
		"raw://a?filter.name=x%2Cy":             {"raw://a?filter.name=x%2Cy"},
	} {
		if got := core.SplitRoutes(list); !reflect.DeepEqual(got, want) && len(got)+len(want) > 0 {
			t.Errorf("%q: got %q, want %q", list, got, want)
		}
	}
}

func TestVariablesInRoutesAreExpanded(t *testing.T) {
	vars := core.Vars{"HOST": "h", "MORE": "raw://x,raw://y"}
	routes, err := core.ParseRoutes([]string{"raw://$HOST:1,raw://${HOST}:2?a=$$b&c=$NONE", "$MORE"}, vars)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range routes {
		got = append(got, r.String())
	}
	if want := "raw://h:1 raw://h:2?a=$b&c= raw://x raw://y"; strings.Join(got, " ") != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestProblemsOfAllRoutesAreToldAtOnce(t *testing.T) {
	routes, err := core.ParseRoutes([]string{"raw://a,raw://b?filter.name=[", "nope", "raw://h?x=1&x=2"}, nil)
	if err == nil || len(routes) != 1 || routes[0].Address != "a" {
		t.Fatalf("%v %v", routes, err)
	}
	for _, want := range []string{"malformed glob", "nope: no scheme", "given 2 times"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %v", want, err)
		}
	}
}

func TestRouteIDsAreStableDistinctAndTellNoSecret(t *testing.T) {
	parse := func(uri string) string {
		r, err := core.ParseRoute(uri)
		if err != nil {
			t.Fatal(err)
		}
		return r.ID
	}
	if parse("raw://h?a=1&b=2") != parse("raw://h?b=2&a=1") {
		t.Error("the order of options changes the id")
	}
	if parse("raw://u:old@h?sasl.password=old") != parse("raw://u:new@h?sasl.password=new") {
		t.Error("a password changes the id, so that the id tells of it")
	}
	if parse("raw://h") == parse("raw://i") {
		t.Error("two routes have one id")
	}
	routes, err := core.ParseRoutes([]string{"raw://h,raw://h", "raw://h"}, nil)
	if err != nil || len(routes) != 3 || routes[0].ID == routes[1].ID || routes[1].ID == routes[2].ID || !core.ValidRouteID(routes[2].ID) {
		t.Errorf("%v %v", routes, err)
	}
}

func TestRouteIDsAreSafeAsFileNames(t *testing.T) {
	for id, want := range map[string]bool{
		"a": true, "0": true, "_": true, "-": true, "a.b": true, "A-z_0.9": true, strings.Repeat("a", 64): true,
		"": false, ".": false, "..": false, ".a": false, "a/b": false, `a\b`: false, "../x": false, "a b": false, "a\n": false, "a\x00": false, "ä": false,
		strings.Repeat("a", 65): false,
	} {
		if core.ValidRouteID(id) != want {
			t.Errorf("%q: want %v", id, want)
		}
	}
}

func TestSecretsOfARouteAreHidden(t *testing.T) {
	r, err := core.ParseRoute("https://user:hunter22@h/p?sasl.password=hunter22&splunk-token=hunter22&api_key=hunter22&tls.passphrase=hunter22&" +
		"aws.secret_access_key=hunter22&Authorization=hunter22&user=shown&key=shown")
	if err != nil {
		t.Fatal(err)
	}
	redacted, err := json.Marshal(r.Redacted())
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{r.String(), string(redacted)} {
		if strings.Contains(text, "hunter22") || !strings.Contains(text, "user") || !strings.Contains(text, "shown") {
			t.Errorf("%s", text)
		}
	}
	if r.Password != "hunter22" || r.Options["api_key"] != "hunter22" {
		t.Error("the route itself was changed")
	}
}

func TestUnknownOptionsAreToldWithTheNearest(t *testing.T) {
	r, err := core.ParseRoute("raw://h?raw.fromat=x&full=block&tls.ca=y&zzz=1")
	if err != nil {
		t.Fatal(err)
	}
	err = r.CheckOptions("raw.format", "tls.")
	if err == nil || !strings.Contains(err.Error(), `"raw.fromat"; did you mean "raw.format"?`) || !strings.Contains(err.Error(), "zzz") ||
		strings.Contains(err.Error(), "tls.ca") || strings.Contains(err.Error(), `"full"`) {
		t.Errorf("%v", err)
	}
}

func TestTransportStandsBehindTheAdapter(t *testing.T) {
	for scheme, want := range map[string]string{
		"syslog": "udp", "syslog+tcp": "tcp", "multiline+syslog+tls": "tls", "multiline+syslog": "udp", "other+tcp": "udp",
	} {
		if got := (&core.Route{Adapter: scheme}).Transport("syslog", "udp"); got != want {
			t.Errorf("%s: %q, want %q", scheme, got, want)
		}
	}
}

func FuzzParseRoute(f *testing.F) {
	for _, uri := range []string{
		"raw://h:514", "multiline+syslog+tcp://u:p@[::1]:514/a%20b?filter.name=*_x,!y&filter.labels=a:b&x=%26", "kafka://a,b/t", "raw+unix:///x",
		"raw://h?a=b+c&=d", "raw://%25?%3D=%23", "raw://a@b@c:d/e@f?g@h=i", "raw://h/\xff?\xff=\xff", "A://@:A/@0", "A://00?filter.labels&",
	} {
		f.Add(uri)
	}
	f.Fuzz(func(t *testing.T, uri string) {
		r, err := core.ParseRoute(uri)
		if err != nil {
			if _, ok := errors.AsType[*core.RouteError](err); !ok {
				t.Fatalf("%q: %T", uri, err)
			}
			return
		}
		if err := r.Validate(); err != nil {
			t.Fatalf("%q parses, and is not valid: %v", uri, err)
		}
		shown := r.String()
		if strings.ContainsFunc(shown, func(c rune) bool { return c <= ' ' || c == 0x7f }) {
			t.Fatalf("%q is shown as %q", uri, shown)
		}
		hidden := *r.Redacted()
		again, err := core.ParseRoute(shown)
		if err != nil {
			t.Fatalf("%q is shown as %q, which does not parse: %v", uri, shown, err)
		}
		if !reflect.DeepEqual(*again, hidden) {
			t.Fatalf("%q is shown as %q:\n got %#v\nwant %#v", uri, shown, *again, hidden)
		}
	})
}

func TestWhatAnAdapterWouldIgnoreIsTold(t *testing.T) {
	for uri, want := range map[string]string{
		"x://h:1":              "",
		"x://h:1/":             "",
		"x:///run/log.sock":    "",
		"x://ops@h:1":          `user "ops": x sends none and would connect without; take what stands in front of the @ out of the URI`,
		"x://:hunter2@h:1":     `password: x sends none and would connect without; take what stands in front of the @ out of the URI`,
		"x+y://a:hunter2@h/in": "user \"a\" and password: x+y sends none and would connect without; take what stands in front of the @ out of the URI\npath \"/in\": x+y has no use for it; take it out of the URI",
	} {
		route, err := core.ParseRoute(uri)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if err := route.CheckAddressOnly(); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: %q, want %q", uri, got, want)
		}
	}
}
