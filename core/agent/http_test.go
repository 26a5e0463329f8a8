package agent

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gliderlabs/logspout-builder/core"
)

var listening = regexp.MustCompile(`msg="http listening" address=\S*:(\d+)`)

// address is where a running forwarder's HTTP server answers, as its log says.
func (b *binary) address(t *testing.T) string {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if m := listening.FindStringSubmatch(b.stderr.String()); m != nil {
			return "127.0.0.1:" + m[1]
		}
	}
	t.Fatal("the log does not tell the HTTP server's address")
	return ""
}

// get is a request with a connection of its own.
func get(t *testing.T, url string, send ...string) (code int, body string, header http.Header) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Close = true
	for i := 0; i < len(send); i += 2 {
		request.Header.Set(send[i], send[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text), response.Header
}

func (b *binary) says(name, text string) {
	b.serve(name, func(w http.ResponseWriter, r *http.Request) { _, _ = fmt.Fprint(w, text, " ", r.URL.Path) })
}

func TestOnlyHealthAndMetricsAnswerWithoutTheToken(t *testing.T) {
	const secret = "correct horse"
	for _, row := range []struct {
		name, token, open, path, authorization string
		code                                   int
		text                                   string
	}{
		{"health needs none", secret, "", "/health", "", 200, "healthy /health"},
		{"metrics needs none", secret, "", "/metrics", "", 200, "numbers /metrics"},
		{"health without any token set", "", "", "/health", "", 200, ""},
		{"no token set", "", "", "/logs", "", 403, "LOGSPOUT_TOKEN"},
		{"no token set, one is sent", "", "", "/logs", "Bearer " + secret, 403, "LOGSPOUT_HTTP_OPEN"},
		{"no token set, an empty one is sent", "", "", "/logs", "Bearer ", 403, ""},
		{"none sent", secret, "", "/logs", "", 401, "Authorization: Bearer"},
		{"the right one", secret, "", "/logs", "Bearer " + secret, 200, "lines /logs"},
		{"the right one, below", secret, "", "/logs/name:a%2Fb", "Bearer " + secret, 200, "lines /logs/name:a/b"},
		{"the scheme in lower case", secret, "", "/logs", "bearer " + secret, 200, ""},
		{"a wrong one", secret, "", "/logs", "Bearer wrong", 401, ""},
		{"the beginning of it", secret, "", "/logs", "Bearer " + secret[:5], 401, ""},
		{"another scheme", secret, "", "/logs", "Basic " + secret, 401, ""},
		{"in the query", secret, "", "/logs?token=" + secret[:7], "", 401, ""},
		{"an unknown path tells nothing without it", secret, "", "/nothing", "", 401, ""},
		{"an unknown path", secret, "", "/nothing", "Bearer " + secret, 404, "/health /logs /metrics"},
		{"a name that only begins so", secret, "", "/healthy", "", 401, ""},
		{"a way around", secret, "", "/health/../logs", "", 200, "healthy /health/../logs"},
		{"two slashes", secret, "", "//logs", "", 401, ""},
		{"open", "", "true", "/logs", "", 200, "lines"},
		{"open although there is a token", secret, "true", "/logs", "", 200, "lines"},
		{"closed on purpose", "", "false", "/logs", "", 403, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBinary(t)
			b.env["LOGSPOUT_TOKEN"], b.env["LOGSPOUT_HTTP_OPEN"] = row.token, row.open
			b.says("health", "healthy")
			b.says("metrics", "numbers")
			b.says("logs", "lines")
			b.feed("feed")
			r := b.start(t)
			header := []string{}
			if row.authorization != "" {
				header = append(header, "Authorization", row.authorization)
			}
			code, body, answer := get(t, "http://"+b.address(t)+row.path, header...)
			if code != row.code || !strings.Contains(body, row.text) {
				t.Errorf("%d %q, want %d with %q", code, body, row.code, row.text)
			}
			if code == http.StatusUnauthorized && answer.Get("WWW-Authenticate") == "" {
				t.Error("a 401 has to say how")
			}
			if strings.Contains(body+b.stderr.String(), secret) {
				t.Error("the token was shown")
			}
			if err := r.wait(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestHandlerThatPanicsAnswers500AndTheProcessLives(t *testing.T) {
	b := newBinary(t)
	b.env["LOGSPOUT_HTTP_OPEN"] = "true"
	b.serve("bad", func(http.ResponseWriter, *http.Request) { panic("oops") })
	b.serve("late", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, "half")
		_ = http.NewResponseController(w).Flush()
		panic("oops")
	})
	b.says("health", "healthy")
	b.feed("feed")
	r := b.start(t)
	address := b.address(t)
	if code, body, _ := get(t, "http://"+address+"/bad"); code != 500 || strings.Contains(body, "goroutine") {
		t.Errorf("%d %q", code, body)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/late", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(response.Body); err == nil {
		t.Error("an answer that was cut short looks whole")
	}
	_ = response.Body.Close()
	if code, _, _ := get(t, "http://"+address+"/health"); code != 200 {
		t.Errorf("/health answers %d", code)
	}
	if err := r.wait(); err != nil {
		t.Fatal(err)
	}
	if log := b.stderr.String(); strings.Count(log, "http handler panicked") != 2 || !strings.Contains(log, "http_test.go") {
		t.Error("the log does not tell where it panicked")
	}
}

func TestStreamsEndAtShutdownAndBodiesAreBounded(t *testing.T) {
	b := newBinary(t)
	b.env["LOGSPOUT_HTTP_OPEN"] = "true"
	b.serve("logs", func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	b.serve("hijack", func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		defer func() { _ = conn.Close() }()
		_, _ = conn.Write([]byte("HTTP/1.1 101 Switching Protocols\r\n\r\n"))
		<-r.Context().Done()
	})
	b.serve("routes", func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		_, _ = fmt.Fprint(w, n, " ", err)
	})
	b.feed("feed")
	r := b.start(t)
	address := b.address(t)
	var streams []net.Conn
	for _, path := range []string{"/logs", "/hijack"} {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		_, _ = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path)
		if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil {
			t.Fatalf("%q %v", line, err)
		}
		streams = append(streams, conn)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+"/routes", strings.NewReader(strings.Repeat("x", 1<<20+10)))
	if err != nil {
		t.Fatal(err)
	}
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if !strings.Contains(string(text), "1048576") || !strings.Contains(string(text), "too large") {
		t.Errorf("a body of more than 1 MiB: %q", text)
	}
	start := time.Now()
	if err := r.wait(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took > 3*time.Second {
		t.Errorf("the stop took %s with streams open", took)
	}
	for _, conn := range streams {
		_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
		if _, err := io.Copy(io.Discard, conn); err != nil {
			t.Errorf("the stream did not end: %v", err)
		}
	}
}

func TestPortThatIsTakenEndsTheStart(t *testing.T) {
	taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	b := newBinary(t)
	s := b.sink("net")
	b.says("health", "healthy")
	b.feed("feed")
	_, b.env["PORT"], _ = net.SplitHostPort(taken.Addr().String())
	b.env["HTTP_BIND_ADDRESS"] = "127.0.0.1"
	if code := b.run(t.Context(), "net://x"); code != exitError {
		t.Errorf("exit code %d", code)
	}
	if log := b.stderr.String(); !strings.Contains(log, "PORT") || !strings.Contains(log, "address already in use") {
		t.Errorf("log %q", log)
	}
	if s.closed != 1 {
		t.Errorf("the adapter was closed %d times", s.closed)
	}
}

func TestBinaryWithoutHandlersOpensNoPort(t *testing.T) {
	b := newBinary(t)
	b.sink("net")
	b.router("feed", func(context.Context, core.Intake) error { return nil })
	if code := b.run(t.Context(), "net://x"); code != exitOK {
		t.Errorf("exit code %d", code)
	}
	if strings.Contains(b.stderr.String(), "http") {
		t.Error("it opened a port")
	}
}

func TestHandlersAskAndSteerTheRunningAgent(t *testing.T) {
	b := newBinary(t)
	b.env["LOGSPOUT_HTTP_OPEN"] = "true"
	b.sink("net")
	b.feed("feed")
	b.handler("routes", func(env core.Env) (http.Handler, error) {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if _, err := env.Routes.AddRoute(r.Context(), &core.Route{ID: "added", Adapter: "net"}); err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			s := env.Status()
			s.Routes = nil // not for JSON
			_ = json.NewEncoder(w).Encode(s)
		}), nil
	})
	b.build.Version = "1.2.3"
	r := b.start(t, "net://x")
	code, body, _ := get(t, "http://"+b.address(t)+"/routes")
	if code != 200 || !strings.Contains(body, `"Version":"1.2.3"`) || !strings.Contains(body, `"Name":"feed"`) {
		t.Errorf("%d %s", code, body)
	}
	if n := len(r.table.Routes()); n != 2 {
		t.Errorf("%d routes", n)
	}
	if err := r.wait(); err != nil {
		t.Fatal(err)
	}
}
