package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// startForwarder BINARY URI: starts a forwarder that reads standard input, which stays open until the script ends, and sets FORWARDER to the URL
// of its HTTP side.
func startForwarder(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: forwarder BINARY URI")
	}
	address, stop, err := listeningForwarder(ts.MkAbs(args[0]), args[1], "LOGSPOUT_TOKEN="+ts.Getenv("LOGSPOUT_TOKEN"))
	ts.Check(err)
	ts.Defer(stop)
	ts.Setenv("FORWARDER", "http://"+address)
}

// listeningForwarder starts a binary with a route and a line on its standard input, and returns the address of its HTTP side and what ends it.
func listeningForwarder(binary, route string, environ ...string) (address string, stop func(), err error) {
	cmd := exec.Command(binary, route)
	cmd.Env = append(environ, "PORT=0", "HTTP_BIND_ADDRESS=127.0.0.1", "LOG_FORMAT=json")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return "", nil, err
	}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return "", nil, err
	}
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	stop = func() {
		_ = stdin.Close()
		_ = cmd.Process.Kill() // its destination answers to nobody
		_ = cmd.Wait()
	}
	if _, err := io.WriteString(stdin, "a line\n"); err != nil {
		stop()
		return "", nil, err
	}
	var log strings.Builder
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		var line struct {
			Message string `json:"msg"`
			Address string `json:"address"`
		}
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Message == "http listening" {
			go func() { // until it ends, which closes the pipe
				for lines.Scan() {
				}
			}()
			return line.Address, stop, nil
		}
		fmt.Fprintln(&log, lines.Text())
	}
	stop()
	return "", nil, fmt.Errorf("%s did not listen: %s", binary, &log)
}

// startForwarder builds a binary of all that comes with the builder and of the example module, and starts it with a destination that refuses,
// so that it is unhealthy. Done once.
func (g *guide) startForwarder() {
	g.test.Helper()
	if g.forwarder != "" {
		return
	}
	manifest := filepath.Join(g.test.TempDir(), "all.yaml")
	if err := os.WriteFile(manifest, []byte("name: logspout\nmodules: [standard, kafka, stdin]\n"), 0o600); err != nil {
		g.test.Fatal(err)
	}
	module := "example.com/logspout-webhook=" + must(filepath.Abs(filepath.Join("..", "..", "examples", "webhook")))
	build := exec.Command("bash", "-c", `exec logspout-builder build -f "$0" --lock "$1" --with "$2" -o "$3"`, manifest, manifest+".lock", module, g.binary)
	build.Env = append(g.environ, "LOGSPOUT_BUILDER_CACHE="+g.test.TempDir())
	if out, err := build.CombinedOutput(); err != nil {
		g.test.Fatalf("%v: %s", err, out)
	}
	address, stop, err := listeningForwarder(g.binary, "syslog+tls://127.0.0.1:6514", "LOG_ROUTERS=stdin", "LOGSPOUT_TOKEN=secret", "LOGSPOUT_STALL=1s")
	if err != nil {
		g.test.Fatal(err)
	}
	g.test.Cleanup(stop)
	g.forwarder = address
	for ; ; time.Sleep(50 * time.Millisecond) {
		response, err := http.Get("http://" + address + "/health")
		if err != nil {
			g.test.Fatal(err)
		}
		if _ = response.Body.Close(); response.StatusCode == http.StatusServiceUnavailable {
			return
		}
	}
}

// curl [-N] [-i] [-X METHOD] [-H HEADER] [-d BODY] localhost/PATH asks the forwarder at FORWARDER. As the real one it prints the body, with -i
// what comes before it, too; of a stream (-N) it prints nothing. Without -i an answer that is no success is an error.
func curl() {
	if err := ask(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "curl:", err)
		os.Exit(22)
	}
}

func ask(args []string, stdout io.Writer) error {
	method, body, url := http.MethodGet, "", ""
	header := http.Header{}
	var stream, head bool
	for ; len(args) > 0; args = args[1:] {
		switch args[0] {
		case "-N":
			stream = true
			continue
		case "-i":
			head = true
			continue
		case "-X", "-H", "-d":
			if len(args) < 2 {
				return errors.New("no value behind " + args[0])
			}
		default:
			url = args[0]
			continue
		}
		switch args[0] {
		case "-X":
			method = args[1]
		case "-d":
			method, body = http.MethodPost, args[1]
		case "-H":
			name, value, _ := strings.Cut(args[1], ": ")
			header.Set(name, value)
		}
		args = args[1:]
	}
	path, ok := strings.CutPrefix(url, "localhost/")
	if !ok {
		return fmt.Errorf("%q is not on localhost", url)
	}
	request, err := http.NewRequest(method, "http://"+os.Getenv("FORWARDER")+"/"+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	request.Header = header
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if head {
		_, _ = fmt.Fprintf(stdout, "%s %s\n\n", response.Proto, response.Status)
	} else if response.StatusCode >= 300 {
		return errors.New(response.Status)
	}
	if !stream {
		_, err = io.Copy(stdout, response.Body)
	}
	return err
}
