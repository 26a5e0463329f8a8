package main

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/goproxytest"
)

// varying are the parts of an output that differ from run to run and from machine to machine, and what stands for each there.
var varying = []struct{ shown, printed *regexp.Regexp }{
	{regexp.MustCompile(`(\d+m)?\d[\d.]*m?s\b|go1[\d.]+|\bv1[\d.]+\b|\blinux/amd64\b`), regexp.MustCompile(`\S+`)},
	{regexp.MustCompile(`\d[\d.]* MB`), regexp.MustCompile(`\S+ MB`)},
	{regexp.MustCompile(`\b\d+ (of (the )?\d+|lines wait)`), regexp.MustCompile(`\d+ (of (the )?\d+|lines wait)`)},
	{regexp.MustCompile(` (/usr|/home)/[\w./-]+`), regexp.MustCompile(` /\S+`)},               // a place on the reader's machine
	{regexp.MustCompile(`https?://proxy\.example\.com[\w,]*`), regexp.MustCompile(`[^\s)]+`)}, // the reader's GOPROXY
	{regexp.MustCompile(`[├└]─`), regexp.MustCompile(`[├└]─`)},                                // which of two steps takes longer
}

// columns are the spaces of a table, as many as its cells need.
var columns = regexp.MustCompile(" {2,}")

// pattern is what matches a line of output that a page shows.
func pattern(line string) string {
	for i, v := range varying {
		line = v.shown.ReplaceAllLiteralString(line, fmt.Sprintf("\x00%d\x00", i))
	}
	line = columns.ReplaceAllString(regexp.QuoteMeta(line), " +")
	for i, v := range varying {
		line = strings.ReplaceAll(line, fmt.Sprintf("\x00%d\x00", i), v.printed.String())
	}
	return `(?m)^` + line
}

// TestTheExamplesOfThePagesRun runs every block of the pages that shows commands.
func TestTheExamplesOfThePagesRun(t *testing.T) {
	g := newGuide(t)
	for _, page := range pages(t) {
		blocks := readBlocks(t, page)
		for _, b := range blocks {
			if b.runs() {
				t.Run(page, func(t *testing.T) { g.runPage(t, blocks) })
				break
			}
		}
	}
	for _, example := range []string{"kafka", "minimal", "routes"} { // of "external" the modules are nowhere
		b := exampleCommands(t, example)
		t.Run(b.page, func(t *testing.T) { g.runPage(t, []block{b}) })
	}
}

// exampleCommands are the commands that an example's manifest names in its comments.
func exampleCommands(t *testing.T, example string) block {
	t.Helper()
	b := block{page: "examples/" + example + "/logspout.yaml", info: "sh", line: 1}
	text, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(b.page)))
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range regexp.MustCompile(`(?m)^ *#   (.*)$`).FindAllStringSubmatch(string(text), -1) {
		b.text += command[1] + "\n"
	}
	if !strings.Contains(b.text, "logspout-builder build -f "+b.page) {
		t.Fatalf("%s does not say how to build it", b.page)
	}
	return b
}

// guide is what the examples of all pages share: programs in the PATH, modules from elsewhere, and a forwarder.
type guide struct {
	environ   []string
	files     map[string]string // files that examples name, and those that stand for them
	forwarder string            // the address of the HTTP side of one that runs, once an example needs it
	binary    string
	test      *testing.T
}

// stands are the programs that stand for those of the reader. A forwarder reports on its routes instead of delivering to them, and so does
// one in a container; make tells what it would do.
var stands = map[string]string{
	"logspout":   `exec "$FORWARDER_BINARY" check "$@"`,
	"make":       `exec "$REAL_MAKE" --no-print-directory -n -C "$REPOSITORY" "$@"`,
	"journalctl": `echo a line`,
	"jq":         `cat >/dev/null`,
	"docker": `shift # run
while :; do case $1 in -e) export "$2"; shift 2;; -v | --label) shift 2;; *) break;; esac; done
image=$1; shift; [ "$image" != logspout ] || exec logspout "$@"`,
}

func newGuide(t *testing.T) *guide {
	t.Helper()
	bin, self := t.TempDir(), must(os.Executable())
	for _, name := range []string{"logspout-builder", "curl"} { // the test's binary is both
		if err := os.Symlink(self, filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	for name, script := range stands {
		if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\nset -eu\n"+script+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	env := goEnv(t)
	fake := goproxytest.NewTestServer(t, filepath.Join("testdata", "proxy"), "")
	g := &guide{test: t, binary: filepath.Join(t.TempDir(), "logspout")}
	g.environ = append(
		os.Environ(),
		"PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"),
		"GOMODCACHE="+t.TempDir(), "GOCACHE="+env["GOCACHE"], "GOFLAGS=-modcacherw", "GOSUMDB=off", "GOTOOLCHAIN=local",
		"GOPROXY=file://"+filepath.ToSlash(filepath.Join(env["GOMODCACHE"], "cache", "download"))+","+fake.URL,
		"LOGSPOUT_TOKEN=secret", "KAFKA_PASSWORD=secret", "WEBHOOK_TOKEN=secret", "KAFKA_BROKERS=b1:9092", "FORWARDER_BINARY="+g.binary,
		"REPOSITORY="+must(filepath.Abs(filepath.Join("..", ".."))), "REAL_MAKE="+must(exec.LookPath("make")),
	)
	g.files = certificate(t)
	return g
}

func must(s string, err error) string {
	if err != nil {
		panic(err)
	}
	return s
}

// certificate writes a certificate and its key to the places that stand for those of the reader.
func certificate(t *testing.T) map[string]string {
	t.Helper()
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	pair := server.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	files := map[string]string{}
	for name, b := range map[string]*pem.Block{
		"/etc/ssl/own.pem": {Type: "CERTIFICATE", Bytes: pair.Certificate[0]},
		"/tls/client.pem":  {Type: "CERTIFICATE", Bytes: pair.Certificate[0]},
		"/tls/client.key":  {Type: "PRIVATE KEY", Bytes: key},
	} {
		files[name] = filepath.Join(dir, filepath.Base(name))
		if err := os.WriteFile(files[name], pem.EncodeToMemory(b), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// runPage runs a page's blocks one after the other in a directory that holds testdata/guide and the examples, and files as the page shows them: YAML as
// logspout-ops.yaml, unless its block names another file.
func (g *guide) runPage(t *testing.T, blocks []block) {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "guide"))); err != nil {
		t.Fatal(err)
	}
	for _, module := range []string{"gelf", "silent"} {
		if err := os.Rename(filepath.Join(dir, module, "go.mod.txt"), filepath.Join(dir, module, "go.mod")); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.CopyFS(filepath.Join(dir, "examples"), os.DirFS(filepath.Join("..", "..", "examples"))); err != nil {
		t.Fatal(err)
	}
	run := func(command string) (string, error) {
		for shown, real := range g.files {
			command = strings.ReplaceAll(command, shown, real)
		}
		if regexp.MustCompile(`\b(curl|docker|logspout) `).MatchString(command) {
			g.startForwarder()
		}
		cmd := exec.Command("bash", "-euo", "pipefail", "-c", command)
		cmd.Dir, cmd.Env = dir, append(g.environ, "LOGSPOUT_BUILDER_CACHE="+filepath.Join(dir, ".cache"), "FORWARDER="+g.forwarder)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	for _, b := range blocks {
		language, file, _ := strings.Cut(b.info, " ")
		switch {
		case language == "console":
			for _, example := range strings.Split("\n"+b.text, "\n$ ")[1:] {
				command, shown, _ := strings.Cut(strings.TrimRight(example, "\n"), "\n")
				out, err := run(command)
				if failed := err != nil; failed != (file == "fails") {
					t.Fatalf("%s:%d: $ %s\n%s\n%v", b.page, b.line, command, out, err)
				}
				for line := range strings.Lines(shown) {
					if line = strings.TrimRight(line, "\n"); !regexp.MustCompile(pattern(line)).MatchString(out) {
						t.Errorf("%s:%d: $ %s\nprints\n%swithout the line\n%s", b.page, b.line, command, out, line)
					}
				}
			}
		case b.info == "sh":
			if out, err := run(reporting(b.text)); err != nil {
				t.Errorf("%s:%d: %v\n%s\n%s", b.page, b.line, err, b.text, out)
			}
		case b.info == "text usage":
			g.startForwarder()
			command := g.binary + " --help"
			if strings.HasPrefix(b.text, "logspout-builder ") {
				command = strings.Join(strings.Fields(b.text)[:2], " ") + " --help"
			}
			out, err := run(command)
			for line := range strings.Lines(b.text) {
				if err != nil || !strings.Contains(out, strings.TrimSpace(line)) {
					t.Errorf("%s:%d: %s says (%v)\n%swithout\n%s", b.page, b.line, command, err, out, line)
				}
			}
		case b.info == "promql":
			out, err := run("curl localhost/metrics")
			for _, name := range regexp.MustCompile(`\blogspout_\w+`).FindAllString(b.text, -1) {
				if err != nil || !strings.Contains(out, "\n"+name+"{") && !strings.Contains(out, "\n"+name+" ") {
					t.Errorf("%s:%d: %s is not among (%v)\n%s", b.page, b.line, name, err, out)
				}
			}
		case language == "yaml" && file != "wrong", language == "go" && file != "":
			name := filepath.Join(dir, filepath.FromSlash(file))
			if file == "" {
				name = filepath.Join(dir, "logspout-ops.yaml")
			}
			if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(name, []byte(b.text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// reporting changes commands that forward logs into those that report on their routes and end, and leaves out what is to come.
func reporting(commands string) string {
	commands = regexp.MustCompile(`(?m)^.*# to come.*$`).ReplaceAllString(commands, "")
	commands = regexp.MustCompile(`(?m)(\./logspout\S*)`).ReplaceAllString(commands, "$1 check")
	return strings.NewReplacer(" --watch", "", " -- ", " -- check ").Replace(commands)
}
