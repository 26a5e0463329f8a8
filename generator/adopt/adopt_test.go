package adopt

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gliderlabs/logspout-builder/generator/manifest"
	// Modules, so that this test's binary has some to be found.
	_ "github.com/gliderlabs/logspout-builder/modules/adapters/raw"
	_ "github.com/gliderlabs/logspout-builder/modules/transports/tcp"
)

func registryOf(tb testing.TB) *manifest.Registry {
	tb.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "registry.json"))
	if err != nil {
		tb.Fatal(err)
	}
	reg, err := manifest.ParseRegistry(data)
	if err != nil {
		tb.Fatal(err)
	}
	return reg
}

// body is a draft's manifest without its first comments, and its notes.
func body(t *testing.T, d Draft) (text string, notes []string) {
	t.Helper()
	data, notes, err := d.Manifest(registryOf(t))
	if err != nil {
		t.Fatal(err)
	}
	head, text, ok := strings.Cut(string(data), "\n\n")
	if !ok || !strings.HasPrefix(head, "# yaml-language-server: $schema=") || d.From != "" && !strings.Contains(head, d.From) {
		t.Errorf("it begins with\n%s", head)
	}
	return text, notes
}

func same(t *testing.T, what string, want, got any, options ...cmp.Option) {
	t.Helper()
	if diff := cmp.Diff(want, got, options...); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestRoutesMakeAManifestThatServesThem(t *testing.T) {
	text, notes := body(t, Draft{Routes: []string{"syslog+tls://a:1?filter.name=*_app", "kafka://b1:9092,b2:9092/t"}})
	same(t, "manifest", `# Without the key modules, what the routes need goes in: docker, health, kafka, syslog, tls.

# Where to deliver when neither arguments nor ROUTE_URIS say.
routes:
  - syslog+tls://a:1?filter.name=*_app
  - kafka://b1:9092,b2:9092/t
`, text)
	same(t, "notes", []string(nil), notes)
	text, _ = body(t, Draft{})
	same(t, "of nothing", "modules:\n  - standard\n", text)
}

func TestRouteThatNothingServesStaysAsAComment(t *testing.T) {
	text, notes := body(t, Draft{Routes: []string{"gelf://a:1", "tcp://b:1"}})
	if len(notes) != 1 || !strings.Contains(notes[0], `route gelf://a:1 needs adapter "gelf"`) {
		t.Errorf("%q", notes)
	}
	same(t, "manifest", `modules:
  - docker
  - health
  - raw
  - tcp

# Where to deliver when neither arguments nor ROUTE_URIS say.
routes:
  # `+notes[0]+`
  # - gelf://a:1
  - tcp://b:1
`, text)
}

func TestSecretsAreNotWrittenDown(t *testing.T) {
	text, notes := body(t, Draft{
		Routes: []string{"kafka://user:hunter2@b:9092/t?sasl=plain&api.key=hunter2&filter.name=x", "syslog+tcp://u:${PASSWORD}@a:1", "tcp://c:1?token=xxxxx"},
		Env:    map[string]string{"LOGSPOUT_TOKEN": "hunter2", "PORT": "8080"},
	})
	if strings.Contains(text, "hunter2") || strings.Contains(strings.Join(notes, "\n"), "hunter2") {
		t.Errorf("%s\n%q", text, notes)
	}
	for _, want := range []string{
		"  - kafka://user:${ROUTE_1_PASSWORD}@b:9092/t?sasl=plain&api.key=${ROUTE_1_API_KEY}&filter.name=x\n",
		"  - syslog+tcp://u:${PASSWORD}@a:1\n", "  - tcp://c:1?token=${ROUTE_3_TOKEN}\n", "env:\n  PORT: 8080\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if len(notes) != 4 {
		t.Errorf("%q", notes)
	}
}

const compose = `
x-env: &env
  DEBUG: "true"
services:
  web:
    image: nginx
    environment: [ROUTE_URIS=raw://x]
  logs:
    image: gliderlabs/logspout:v3.2.14
    command: "'syslog+tls://logs.example.com:6514?filter.name=*_app,kafka://${BROKER:-b:9092}/t?x=$$HOST' "
    environment:
      <<: *env
      PORT: 8000
      RATIO: 1.5
      RAW_FORMAT: "{{ .Data }}\n"
      HOSTNAME: ${HOSTNAME}
      ROUTE_URIS: raw://ignored
      EXCLUDE_LABELS:
      COST: 5$$
      LOGSPOUT: ignore
  other-logspout:
    build: .
    env_file: .env
    environment:
      - ROUTE_URIS=tcp://$$COLLECTOR:1
      - TAIL
`

func TestComposeFileTellsRoutesAndEnvironment(t *testing.T) {
	d, err := Compose("c.yml", []byte(compose), "logs")
	if err != nil {
		t.Fatal(err)
	}
	same(t, "draft", Draft{
		From: "c.yml, service logs", Modules: []string{"standard"},
		Routes: []string{"syslog+tls://logs.example.com:6514?filter.name=*_app", "kafka://b:9092/t?x=$HOST"},
		Env:    map[string]string{"DEBUG": "true", "PORT": "8000", "RATIO": "1.5", "RAW_FORMAT": "{{ .Data }}\n", "COST": "5$"},
		Notes: []string{
			"EXCLUDE_LABELS comes from the environment of compose: give it to the binary where it runs",
			"HOSTNAME is filled in by compose: give it to the binary where it runs",
			`command: BROKER is filled in by compose: its default, "b:9092", is written down`,
		},
	}, d, cmp.AllowUnexported(Draft{}))
	text, _ := body(t, d)
	if !strings.Contains(text, "modules:\n  - standard\n  - kafka\n") || !strings.Contains(text, `  RAW_FORMAT: "{{ .Data }}\n"`) {
		t.Error(text)
	}
	d, err = Compose("c.yml", []byte(compose), "other-logspout")
	if err != nil || len(d.Notes) != 2 || !cmp.Equal(d.Routes, []string{"tcp://$COLLECTOR:1"}) || d.buildContext != "." {
		t.Errorf("%+v, %v", d, err)
	}
}

func TestComposeFileThatBuildsItsImageTellsItsModules(t *testing.T) {
	dir, reg := t.TempDir(), registryOf(t)
	file := filepath.Join(dir, "compose.yaml")
	for name, text := range map[string]string{
		"custom/modules.go": "package main\n\nimport _ \"" + legacyPath + "/adapters/raw\"\nimport _ \"example.com/gelf\"\n", "plain/Dockerfile": "",
		"compose.yaml": "services:\n  logspout: {build: {context: ./custom}, command: 'raw+udp://a:1'}\n  short: {build: custom}\n  plain: {build: plain}\n  far: {build: 'https://example.com/x.git'}\n",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for service, want := range map[string][]string{
		"logspout": {"raw", "example.com/gelf", "docker"}, "short": {"raw", "example.com/gelf", "docker"}, "plain": {"standard"}, "far": {"standard"},
	} {
		d, err := Find(t.Context(), Source{From: file, Service: service}, reg)
		if err != nil {
			t.Fatal(err)
		}
		same(t, service, want, d.Modules)
		if text, _ := body(t, d); service == "logspout" && !strings.Contains(text, "  - udp\n") {
			t.Error(text)
		}
	}
}

func TestServiceOfAComposeFileHasToBeClear(t *testing.T) {
	for _, row := range []struct{ text, service, want string }{
		{compose, "", "c.yml: more than one service looks like logspout (logs, other-logspout): name one by --service"},
		{compose, "log", `c.yml has no service "log" (it has: logs, other-logspout, web); did you mean "logs"?`},
		{"services: {web: {image: nginx}}", "", "c.yml: no service's name or image has logspout in it (there is: web): name one by --service"},
		{"modules: [standard]", "", "c.yml is no compose file: it has no services"},
		{"services: [a]", "", "c.yml is no compose file: malformed YAML: "},
		{"a: [", "", "c.yml is no compose file: malformed YAML: "},
	} {
		if _, err := Compose("c.yml", []byte(row.text), row.service); err == nil || !strings.HasPrefix(err.Error(), row.want) {
			t.Errorf("%.40q, %s: %v", row.text, row.service, err)
		}
	}
	d, err := Compose("c.yml", []byte("services: {a: {image: x/logspout, command: [logspout, 'raw+tcp://a:1']}}"), "")
	if err != nil || !cmp.Equal(d.Routes, []string{"raw+tcp://a:1"}) {
		t.Errorf("%+v, %v", d, err)
	}
	d, err = Compose("c.yml", []byte("services: {logspout: {image: x, command: [\"${ROUTES}\"]}}"), "")
	if err != nil || !cmp.Equal(d.Routes, []string{"${ROUTES}"}) {
		t.Errorf("%+v, %v", d, err)
	}
	if text, _ := body(t, d); !strings.Contains(text, "  - standard\n") || !strings.Contains(text, "  - ${ROUTES}\n") {
		t.Error(text)
	}
	d, err = Compose("c.yml", []byte("services: {logspout: {image: x}}"), "")
	if err != nil || len(d.Notes) != 1 || len(d.Routes) != 0 {
		t.Errorf("%+v, %v", d, err)
	}
}

func TestRunningForwarderTellsItsRoutes(t *testing.T) {
	const routes = `[
		{"id": "1", "adapter": "syslog+tls", "address": "logs.example.com:6514", "filter_name": "*_app", "filter_sources": ["stdout", "stderr"], "filter_labels": ["a:b c"], "options": {"x": "1&2", "tag": "$me"}},
		{"id": "2", "adapter": "kafka", "address": "b:9092", "path": "/t", "user": "u@x", "password": "xxxxx"},
		{"id": "3", "filter_id": "abc", "adapter": "raw+unix", "address": "", "path": "/run/log.sock"}
	]`
	status := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/routes" || r.Method != http.MethodGet {
			t.Errorf("%s %s", r.Method, r.URL)
		}
		if r.Header.Get("Authorization") != "Bearer secret" && status == http.StatusOK {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(routes))
	}))
	defer server.Close()
	for _, address := range []string{server.URL, server.URL + "/", server.URL + "/routes"} {
		d, err := Find(t.Context(), Source{From: address, Token: "secret"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "routes", []string{
			"syslog+tls://logs.example.com:6514?filter.name=*_app&filter.sources=stdout,stderr&filter.labels=a:b%20c&tag=$$me&x=1%262",
			"kafka://u%40x:xxxxx@b:9092/t",
			"raw+unix:///run/log.sock?filter.id=abc",
		}, d.Routes)
		text, notes := body(t, d)
		if !strings.Contains(text, "  - kafka://u%40x:${ROUTE_2_PASSWORD}@b:9092/t\n") || len(notes) != 1 {
			t.Errorf("%s\n%q", text, notes)
		}
	}
	for code, want := range map[int]string{http.StatusOK: "set LOGSPOUT_TOKEN", http.StatusNotFound: "without routesapi", http.StatusTeapot: "it answers 418"} {
		status = code
		if _, err := Forwarder(t.Context(), server.URL, ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%d: %v", code, err)
		}
	}
	server.Close()
	withPassword := strings.Replace(server.URL, "http://", "http://u:hunter2@", 1)
	if _, err := Forwarder(t.Context(), withPassword, ""); err == nil || !strings.Contains(err.Error(), "refused") || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("%v", err)
	}
	for _, bad := range []string{`{}`, `[{}]`, `[`} {
		if _, err := routesFromJSON([]byte(bad)); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}

// The binary of this test has the modules that it imports; it is looked at as one for another platform would be.
func TestBinaryThatCannotRunIsSearched(t *testing.T) {
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	b, err := openBinary(path, registryOf(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := b.search(manifest.CorePath); err != nil {
		t.Fatal(err)
	}
	same(t, "modules", []string{"raw", "tcp"}, b.d.Modules)
}

func TestBinaryOfTheOriginalIsSearchedForWhatHasASuccessor(t *testing.T) {
	dir := t.TempDir()
	files := map[string]string{"go.mod": "module " + legacyPath + "\n\ngo 1.21\n"}
	var imports strings.Builder
	for _, pkg := range []string{"adapters/raw", "adapters/multiline", "transports/tls", "healthcheck"} {
		files[pkg+"/x.go"] = "package x\n\nimport \"os\"\n\nfunc init() { _ = os.Setenv(\"X\", \"y\") }\n"
		imports.WriteString("import _ \"" + legacyPath + "/" + pkg + "\"\n")
	}
	files["main.go"] = "package main\n\n" + imports.String() + "\nfunc main() { panic(\"it is not run\") }\n"
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	build := exec.Command("go", "build", "-ldflags=-s -w", "-o", "old", ".")
	build.Dir = dir
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	d, err := Find(t.Context(), Source{From: filepath.Join(dir, "old")}, registryOf(t))
	if err != nil {
		t.Fatal(err)
	}
	same(t, "modules", []string{"docker", "health", "raw", "tls"}, d.Modules)
	if len(d.Notes) != 2 || !strings.Contains(d.Notes[0], "multiline") {
		t.Errorf("%q", d.Notes)
	}
}

func TestWhatIsNoSourceIsSaidToBeNone(t *testing.T) {
	reg := registryOf(t)
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	goCommand := filepath.Join(os.Getenv("GOROOT"), "bin", "go")
	for from, want := range map[string]string{
		text:                   "is neither a modules.go (.go), a compose file (.yaml, .yml) nor a Go binary",
		"/nothing/x.go":        "no such file",
		"/nothing/compose.yml": "no such file",
		"/nothing/logspout":    "no such file",
		"http://":              "malformed URL",
		goCommand:              "is no logspout: it is built from cmd/go",
	} {
		if _, err := Find(t.Context(), Source{From: from}, reg); err == nil || !strings.Contains(err.Error(), want) {
			if from != goCommand || os.Getenv("GOROOT") != "" {
				t.Errorf("%s: %v", from, err)
			}
		}
	}
	if _, err := Find(t.Context(), Source{From: "modules.go", Service: "x"}, reg); err == nil || !strings.Contains(err.Error(), "a service is one of a compose file") {
		t.Errorf("%v", err)
	}
}

func FuzzCompose(f *testing.F) {
	f.Add([]byte(compose))
	f.Add([]byte("services: {logspout: {command: ['raw://${A:-b}']}}"))
	reg := registryOf(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := Compose("c.yml", data, "")
		if err != nil {
			return
		}
		_, _, _ = d.Manifest(reg) // must not crash; what it writes is checked by itself
	})
}
