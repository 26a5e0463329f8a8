package manifest

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestWrongRegistriesAreRefusedWithEveryProblemAtOnce(t *testing.T) {
	golden(t, "registry-*.txtar", func(name string, data []byte) string {
		_, err := ParseRegistry(data)
		if _, ok := errors.AsType[Errors](err); !ok {
			t.Errorf("%s: the error is %T", name, err)
			return "taken"
		}
		return strings.ReplaceAll(err.Error(), "registry.json:", name+":")
	})
}

func TestRegistryFindsModulesByNameAndByPackage(t *testing.T) {
	reg := registryOf(t)
	if want, got := []string{"docker", "kafka", "raw", "redis", "tcp", "valkey"}, reg.Names(); !cmp.Equal(want, got) {
		t.Errorf("names %q", got)
	}
	var standard []string
	for _, e := range reg.Standard() {
		standard = append(standard, e.Name)
	}
	if want := []string{"docker", "raw", "tcp"}; !cmp.Equal(want, standard) {
		t.Errorf("standard set %q", standard)
	}
	for _, e := range reg.Entries() {
		byName, err := reg.Lookup(e.Name)
		byPackage, ok := reg.ByPackage(e.Package)
		if err != nil || !ok || !cmp.Equal(e, byName) || !cmp.Equal(e, byPackage) {
			t.Errorf("%s: %v, %v, %+v, %+v", e.Name, err, ok, byName, byPackage)
		}
	}
	_, err := reg.Lookup("reddis")
	unknown, ok := errors.AsType[*UnknownModuleError](err)
	if !ok || unknown.Name != "reddis" || !strings.HasSuffix(err.Error(), `; did you mean "redis"?`) {
		t.Errorf("%v", err)
	}
}

func TestEmptyRegistryKnowsNothingAndSaysSo(t *testing.T) {
	var reg *Registry
	_, err := reg.Lookup("kafka")
	if err == nil || !strings.Contains(err.Error(), "the registry has: nothing") {
		t.Errorf("%v", err)
	}
	if _, ok := reg.ByPackage("example.com/a"); ok || reg.Standard() != nil || reg.Names() != nil {
		t.Error("an empty registry has something")
	}
	if _, err := ParseModule("example.com/a/b", Pos{}, reg); err != nil {
		t.Errorf("a package path needs no registry: %v", err)
	}
}

func TestRegistryOfOneLongLineIsReadSoon(t *testing.T) {
	const entry = `{"name":"m%d","package":"example.com/m%d","summary":"x","standard":false,"registers":{"Job":["m"]},"license":"MIT","home":"https://example.com","stability":"stable"}`
	var entries []string
	for i := range 5000 {
		entries = append(entries, fmt.Sprintf(entry, i, i))
	}
	data := []byte(`{"schema":1,"modules":[` + strings.Join(entries, ",") + `]}`)
	start := time.Now()
	reg, err := ParseRegistry(data)
	if err != nil || len(reg.Names()) != len(entries) {
		t.Fatal(err)
	}
	if took := time.Since(start); took > 10*time.Second { // 50 ms when nothing else runs
		t.Errorf("%d bytes took %v", len(data), took)
	}
	t.Log(time.Since(start))
}

func BenchmarkParseRegistry(b *testing.B) {
	data := readFile(b, filepath.Join("..", "..", "registry.json"))
	parse := func(b *testing.B, parse func() error) {
		b.Helper()
		b.SetBytes(int64(len(data)))
		b.ReportAllocs()
		for b.Loop() {
			if err := parse(); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.Run("registry", func(b *testing.B) {
		parse(b, func() error { _, err := ParseRegistry(data); return err })
	})
	b.Run("floor-json", func(b *testing.B) {
		parse(b, func() error { var v any; return json.Unmarshal(data, &v) })
	})
}

func BenchmarkParse(b *testing.B) {
	reg := registryOf(b)
	data := []byte("modules:\n  - standard\n  - kafka\n  - example.com/you/gelf@v1.0.0\nenv:\n  PORT: 8080\nroutes:\n  - kafka://b:9092/logs\n")
	b.Run("manifest", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := Parse("logspout.yaml", data, reg); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("floor-yaml", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if v, ok := decode(data); !ok || v == nil {
				b.Fatal(v)
			}
		}
	})
}

func TestModulesAreFoundByWhateverTellsOfThem(t *testing.T) {
	reg := bundled(t)
	names := func(words ...string) string {
		var found []string
		for _, e := range reg.Search(words...) {
			found = append(found, e.Name)
		}
		return strings.Join(found, " ")
	}
	for words, want := range map[string]string{
		"kafka": "kafka", "KAFKA_TEMPLATE": "kafka", "Kafka sasl": "kafka", "log router": "docker stdin", "nothing": "", "kafka nothing": "",
	} {
		split := strings.Split(words, " ")
		if words == "log router" {
			split = []string{words}
		}
		if got := names(split...); got != want {
			t.Errorf("%s finds %q, want %q", words, got, want)
		}
	}
	if got := names("tls"); !strings.HasPrefix(got, "tls ") {
		t.Errorf("tls finds %q first", got)
	}
}

func TestSeveralRegistriesAreOneWhoseNamesAreUnique(t *testing.T) {
	const entry = `{"name": %q, "package": %q, "summary": "x", "standard": %t, "registers": {"Job": ["j"]}, "license": "MIT", "home": "https://example.com", "stability": "stable"}`
	of := func(name, pkg string, standard bool) *Registry {
		r, err := ParseRegistry(fmt.Appendf(nil, `{"schema": 1, "modules": [`+entry+`]}`, name, pkg, standard))
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	all, err := bundled(t).With(of("mine", "example.com/mine", false), "team.json")
	if err != nil {
		t.Fatal(err)
	}
	if e, err := all.Lookup("mine"); err != nil || e.From != "team.json" {
		t.Errorf("%+v, %v", e, err)
	}
	for want, other := range map[string]*Registry{
		`registry o: "mine" is already the name of example.com/mine (registry team.json)`:                                               of("mine", "example.com/other", false),
		`registry o: "other": example.com/mine is already known as "mine" (registry team.json)`:                                         of("other", "example.com/mine", false),
		`registry o: "s": only what comes with the builder is in the standard set: say "standard": false`:                               of("s", "example.com/s", true),
		`registry o: "k": ` + CorePath + `/modules/k is of the module that comes with the builder, whose registry is the builder's own`: of("k", CorePath+"/modules/k", false),
	} {
		if _, err := all.With(other, "o"); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
