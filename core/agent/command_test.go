package agent

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gliderlabs/logspout-builder/core"
)

func TestVersionNamesBinaryAndCore(t *testing.T) {
	b := newBinary(t)
	b.build = Build{Name: "acme-logs", Version: "1.4", Core: "v0.0.0-abc"}
	if code := b.run(t.Context(), "--version"); code != exitOK || b.stdout.String() != "acme-logs 1.4 (core v0.0.0-abc)\n" {
		t.Errorf("%d %q", code, b.stdout.String())
	}
}

func TestHelpListsEveryVariable(t *testing.T) {
	b := newBinary(t)
	if code := b.run(t.Context(), "--help"); code != exitOK {
		t.Errorf("exit code %d", code)
	}
	for _, v := range variables {
		if !strings.Contains(b.stdout.String(), "  "+v.name+" ") {
			t.Errorf("%s is not in the help", v.name)
		}
	}
}

func TestModulesAreListedSortedWithTheirPackages(t *testing.T) {
	b := newBinary(t)
	b.build = Build{Name: "acme-logs", Version: "1.4", Core: "v0.0.0-abc", Digest: "sha256:1", Manifest: "sha256:2", Lock: "sha256:3"}
	b.sink("zeta")
	b.sink("alpha")
	b.joins(nil)
	b.says("health", "")
	b.feed("feed")
	if code := b.run(t.Context(), "modules", "--json"); code != exitOK {
		t.Fatalf("exit code %d", code)
	}
	var got struct {
		Name, Version, Core, Digest, Manifest, Lock string
		Extensions                                  []struct{ Point, Name, Package string }
	}
	if err := json.Unmarshal([]byte(b.stdout.String()), &got); err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, e := range got.Extensions {
		list = append(list, e.Point+" "+e.Name+" "+e.Package)
	}
	want := "AdapterFactory alpha example.com/alpha, AdapterFactory zeta example.com/zeta, HTTPHandler health example.com/health, " +
		"LogRouter feed example.com/feed, Processor join example.com/join"
	if strings.Join(list, ", ") != want || got.Name != "acme-logs" || got.Core != "v0.0.0-abc" || got.Digest != "sha256:1" || got.Manifest != "sha256:2" || got.Lock != "sha256:3" {
		t.Errorf("got %+v", got)
	}
	text := newBinary(t)
	text.ext = b.ext
	if code := text.run(t.Context(), "modules"); code != exitOK || !strings.Contains(text.stdout.String(), "zeta") {
		t.Errorf("%d %q", code, text.stdout.String())
	}
	if names := b.ext.Names("AdapterFactory"); strings.Join(names, " ") != "alpha zeta" {
		t.Errorf("names %q", names)
	}
}

func TestBinaryWithoutModulesListsNone(t *testing.T) {
	b := newBinary(t)
	if b.run(t.Context(), "modules", "--json"); !strings.Contains(b.stdout.String(), `"extensions": []`) {
		t.Errorf("%s", b.stdout.String())
	}
}

func TestCommandLineThatIsNotUnderstoodShowsTheUsage(t *testing.T) {
	for _, args := range [][]string{{"--verbose"}, {"module"}, {"check", "--all"}, {"modules", "--yaml"}, {"raw://x", "-d"}, {"localhost:514"}} {
		b := newBinary(t)
		b.feed("feed")
		if code := b.run(t.Context(), args...); code != exitUsage || !strings.Contains(b.stderr.String(), "usage:") {
			t.Errorf("%q: %d %q", args, code, b.stderr.String())
		}
		if args[0] == "module" && !strings.Contains(b.stderr.String(), `did you mean "modules"`) {
			t.Errorf("no near match in %q", b.stderr.String())
		}
	}
}

func TestMisspeltVariablesAreToldOf(t *testing.T) {
	b := newBinary(t)
	b.feed("feed")
	maps.Copy(b.env, map[string]string{"LOGSPOUT_TOKN": "x", "LOGSPOUT_HTTP_ORIGINS": "https://a.example", "LOGSPOUT_MAX_LINE": "1m"})
	if code := b.run(t.Context(), "check"); code != exitOK {
		t.Fatalf("%d %q", code, b.stderr.String())
	}
	got := b.stderr.String()
	if !strings.Contains(got, "LOGSPOUT_TOKN is not a variable of this program; did you mean LOGSPOUT_TOKEN?") {
		t.Errorf("no warning of LOGSPOUT_TOKN in %q", got)
	}
	if strings.Contains(got, "ORIGINS") || strings.Contains(got, "MAX_LINE") {
		t.Errorf("variables of modules are taken for mistakes: %q", got)
	}
}

func TestEveryProblemOfTheConfigurationIsToldAtOnce(t *testing.T) {
	for _, command := range []string{"check", "run"} {
		t.Run(command, func(t *testing.T) {
			b := newBinary(t)
			s := b.sink("net")
			s.deliver = func(context.Context, []core.Message) error { t.Error("it delivers"); return nil }
			b.adapter("panics", func(core.Env, *core.Route) (core.Adapter, error) { panic("nil map") })
			b.adapter("nothing", func(core.Env, *core.Route) (core.Adapter, error) { return nil, nil })
			b.adapter("picky", func(core.Env, *core.Route) (core.Adapter, error) {
				return nil, errors.Join(errors.New("option a: bad"), errors.New("parse http://u:hunter22@x: option b: worse"))
			})
			b.processor("noprocess", func(core.Env, *core.Route) (core.Process, error) { panic("no process") })
			b.handler("broken", func(core.Env) (http.Handler, error) { return nil, errors.New("no certificates") })
			b.job("job", nil, nil)
			feed := b.router("feed", func(context.Context, core.Intake) error { t.Error("it reads"); return nil })
			feed.check = func(core.Env) error { return errors.Join(errors.New("TAIL=x: bad"), errors.New("BACKLOG=y: bad")) }
			maps.Copy(b.env, map[string]string{
				"PORT": "http", "DEBUG": "perhaps", "LOG_FORMAT": "xml", "LOG_LEVEL": "loud", "LOG_ROUTERS": "feed,fed",
				"LOGSPOUT_GRACE": "soon", "LOGSPOUT_STALL": "-1s", "LOGSPOUT_JOURNAL_MEMORY": "1k", "LOGSPOUT_BATCH_LINES": "0",
				"LOGSPOUT_BATCH_BYTES": "big", "GOGC": "few", "LOGSPOUT_HTTP_OPEN": "maybe",
			})
			args := []string{
				"net://good", "nte://x", "net", "net://x?filter.name=[", "panics://x", "nothing://x", "picky://u:hunter22@x",
				"noprocess+net://x?full=perhaps", "net://$NOWHERE", "join+net://x", "net://x?filter.nam=x",
			}
			args[2] = "net+://x"
			if command == "check" {
				args = append([]string{"check"}, args...)
			}
			if code := b.run(t.Context(), args...); code != exitError {
				t.Errorf("exit code %d", code)
			}
			for _, want := range []string{
				"PORT=", "DEBUG=", "LOG_FORMAT=", "LOG_LEVEL=", `LOG_ROUTERS: unknown log router "fed"`, "LOGSPOUT_GRACE=", "LOGSPOUT_STALL=",
				"LOGSPOUT_JOURNAL_MEMORY=", "LOGSPOUT_BATCH_LINES=", "LOGSPOUT_BATCH_BYTES=", "GOGC=", "LOGSPOUT_HTTP_OPEN=",
				`unknown adapter "nte"`, `did you mean "net"?`, "malformed scheme", "malformed glob", `adapter "panics" (example.com/panics): panic: nil map`,
				`adapter "nothing" (example.com/nothing) made nothing`, "option a: bad", "parse http://u:xxxxx@x: option b: worse", "no process", "full=\"perhaps\"",
				`unknown adapter or processor "join"`, "filter.nam", "$NOWHERE is not set", "no certificates", "TAIL=x", "BACKLOG=y",
			} {
				if !strings.Contains(b.stderr.String(), want) {
					t.Errorf("not told of: %s", want)
				}
			}
			if strings.Contains(b.stderr.String(), "hunter22") {
				t.Error("a password is shown")
			}
			if s.closed == 0 {
				t.Error("the adapter of the good route was not closed")
			}
		})
	}
}

func TestCheckTellsWhatWouldRunAndConnectsToNothing(t *testing.T) {
	b := newBinary(t)
	s := b.sink("net")
	s.deliver = func(context.Context, []core.Message) error { t.Error("it delivers"); return nil }
	dir := b.withRoutes(t)
	if err := saveRoute(dir, &core.Route{ID: "kept", Adapter: "net", Address: "y"}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "bad.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.router("feed", func(context.Context, core.Intake) error { t.Error("it reads"); return nil })
	b.env["ROUTE_URIS"] = "net://user:hunter22@x,net://$TARGET/path?secret.token=hunter22"
	b.env["ROUTE_URIS"] += ",net://x?format=a$HERE$$THERE$$$HERE,net://u:pass$hunter@z"
	b.env["TARGET"] = "expanded"
	b.env["RETRY_COUNT"], b.env["LOGSPOUT_HTTP_OPEN"], b.env["LOGSPOUT_TOKEN"] = "3", "true", "hunter22"
	if code := b.run(t.Context(), "check"); code != exitOK {
		t.Fatalf("exit code %d", code)
	}
	out := b.stdout.String()
	for _, want := range []string{"ok: 5 routes", "net://user:xxxxx@x", "net://expanded/path", "kept  net://y", "log routers: feed"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in %q", want, out)
		}
	}
	if strings.Contains(out, "hunter22") {
		t.Error("a secret is shown")
	}
	if !strings.Contains(b.stderr.String(), "bad.json") {
		t.Error("the bad persisted route is not told of")
	}
	for _, want := range []string{"RETRY_COUNT has no effect", "LOGSPOUT_TOKEN is not asked for", "routes: $HERE is not set", "routes: a variable is not set"} {
		if strings.Count(b.stderr.String(), want) != 1 {
			t.Errorf("no warning %q", want)
		}
	}
	if strings.Contains(b.stderr.String(), "hunter") || strings.Contains(b.stderr.String(), "THERE") {
		t.Error("a part of a password, or what is no variable, is told of as one")
	}
	if s.closed != 5 {
		t.Errorf("%d adapters closed, want 5", s.closed)
	}
}

func TestArgumentsOverrideTheEnvironmentWhichOverridesWhatIsBakedIn(t *testing.T) {
	for _, row := range []struct {
		name, uris string
		args       []string
		want       string
	}{
		{"baked in", "", nil, "net://baked"},
		{"environment", "net://environment", nil, "net://environment"},
		{"arguments", "net://environment", []string{"net://one,net://two", "net://$THREE"}, "net://one net://two net://3"},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBinary(t)
			b.sink("net")
			b.feed("feed")
			b.build = Build{Routes: []string{"net://baked"}, Env: map[string]string{"LOGSPOUT_GRACE": "3s", "LOGSPOUT_STALL": "3s", "THREE": "3"}}
			b.env["LOGSPOUT_STALL"], b.env["ROUTE_URIS"] = "4s", row.uris
			f, err := b.program().prepare(t.Context(), row.args)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, dest := range f.first {
				got = append(got, dest.route.String())
			}
			if strings.Join(got, " ") != row.want {
				t.Errorf("routes %q, want %q", got, row.want)
			}
			if f.config.grace.String() != "3s" || f.config.stall.String() != "4s" {
				t.Errorf("grace %s and stall %s, want 3s and 4s", f.config.grace, f.config.stall)
			}
		})
	}
}

func TestModulesGetTheHostsNameAndTheirOwnLogger(t *testing.T) {
	b := newBinary(t)
	b.sys.hostname = filepath.Join(t.TempDir(), "host_hostname")
	if err := os.WriteFile(b.sys.hostname, []byte("node-7\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.env["LOG_FORMAT"], b.env["DEBUG"] = "json", "true"
	b.adapter("net", func(env core.Env, _ *core.Route) (core.Adapter, error) {
		env.Logger.Debug("made", "hostname", env.Hostname, "has_net", len(env.Modules.Names("AdapterFactory")))
		return &sink{}, nil
	})
	b.router("feed", func(context.Context, core.Intake) error { return nil })
	if code := b.run(t.Context(), "net://x"); code != exitOK {
		t.Fatalf("exit code %d", code)
	}
	line, _, _ := strings.Cut(b.stderr.String(), "\n")
	var got map[string]any
	if err := json.Unmarshal([]byte(line), &got); err != nil {
		t.Fatal(err)
	}
	if got["hostname"] != "node-7" || got["adapter"] != "net" || got["route"] == "" || got["level"] != "DEBUG" {
		t.Errorf("logged %v", got)
	}
}

func TestBinaryWithoutLogRouterIsRefused(t *testing.T) {
	b := newBinary(t)
	b.sink("net")
	if code := b.run(t.Context(), "net://x"); code != exitError || !strings.Contains(b.stderr.String(), "no log router") {
		t.Errorf("%d %q", code, b.stderr.String())
	}
}
