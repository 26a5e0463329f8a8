package httpstream

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/coder/websocket"
	"go.uber.org/goleak"

	"github.com/gliderlabs/logspout-builder/core"
	"github.com/gliderlabs/logspout-builder/core/moduletest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// tap hands batches to one reader at a time.
type tap struct {
	batches   chan []core.Message
	following chan *core.Filter // one for each Follow
	ended     chan error        // what send or Follow ended with
	late      chan struct{}     // closed: the reader is late
}

func newTap() *tap {
	return &tap{batches: make(chan []core.Message), following: make(chan *core.Filter, 1), ended: make(chan error, 100), late: make(chan struct{})}
}

func (t *tap) Follow(ctx context.Context, filter *core.Filter, send func([]core.Message) error) (err error) {
	t.following <- filter
	defer func() { t.ended <- err }()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.late:
			return core.ErrLate
		case batch, ok := <-t.batches:
			if !ok {
				return nil
			}
			if err := send(batch); err != nil {
				return err
			}
		}
	}
}

func serve(t *testing.T, vars core.Vars) (*tap, *httptest.Server) {
	t.Helper()
	source := newTap()
	env := moduletest.NewEnv(t, vars)
	env.Logs = source
	h, err := New(env)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return source, server
}

// get opens a stream; its lines come one by one.
func get(t *testing.T, source *tap, url string, header ...string) (answer http.Header, next func() string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		response.Body.Close()
		http.DefaultClient.CloseIdleConnections()
	})
	if response.StatusCode == http.StatusOK {
		source.following <- <-source.following // it follows
	}
	reader := bufio.NewReader(response.Body)
	return response.Header, func() string {
		line, err := reader.ReadString('\n')
		if err != nil {
			return "ended: " + err.Error()
		}
		return strings.TrimSuffix(line, "\n")
	}
}

func line(name, data string) core.Message {
	return core.Message{
		Container: &core.Container{
			ID: strings.Repeat(name, 12), Name: "/" + name, Image: "sha256:1",
			Config: core.Config{Image: "nginx:1", Hostname: "h", Labels: map[string]string{"a": "b"}, Env: []string{"SECRET=hunter2"}, Cmd: []string{"--password=hunter2"}},
		},
		Source: "stdout", Data: data, Time: time.Date(2020, 1, 2, 3, 4, 5, 6, time.UTC),
	}
}

func TestOneContainerIsStreamedAsPlainLines(t *testing.T) {
	source, server := serve(t, nil)
	header, next := get(t, source, server.URL+"/logs/name:web")
	if got := header.Get("Content-Type"); got != "text/plain; charset=utf-8" {
		t.Errorf("type %q", got)
	}
	if f := <-source.following; f.Name != "web" || f.ID != "" {
		t.Errorf("filter %+v", f)
	}
	source.batches <- []core.Message{line("web", "first"), line("web", "sec\tond é")}
	source.batches <- []core.Message{line("web", "")}
	for _, want := range []string{"first", "sec\tond é", ""} {
		if got := next(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestSeveralContainersAreNamedAlignedAndColored(t *testing.T) {
	for query, want := range map[string][]string{
		"":            {"\x1b[1;37m             web|a\x1b[0m", "\x1b[1;36ma-name-of-20-letters|b\x1b[0m", "\x1b[1;37m                 web|c\x1b[0m"},
		"?colors=off": {"             web|a", "a-name-of-20-letters|b", "                 web|c"},
	} {
		source, server := serve(t, nil)
		_, next := get(t, source, server.URL+"/logs"+query)
		<-source.following
		source.batches <- []core.Message{line("web", "a"), line("a-name-of-20-letters", "b"), line("web", "c")}
		for i, w := range want {
			if got := next(); got != w {
				t.Errorf("%s line %d: got %q, want %q", query, i, got, w)
			}
		}
	}
}

func TestSelectorsAndSources(t *testing.T) {
	for path, want := range map[string]core.Filter{
		"/logs":                             {},
		"/logs/":                            {},
		"/logs/id:0123456789abcdef":         {ID: "0123456789abcdef"},
		"/logs/name:web_*":                  {Name: "web_*"},
		"/logs/name:a%2Fb":                  {Name: "a/b"},
		"/logs?sources=stdout,stderr":       {Sources: []string{"stdout", "stderr"}},
		"/logs/id:a?source=stderr&colors=x": {ID: "a", Sources: []string{"stderr"}},
	} {
		source, server := serve(t, nil)
		get(t, source, server.URL+path)
		if f := <-source.following; f.ID != want.ID || f.Name != want.Name || fmt.Sprint(f.Sources) != fmt.Sprint(want.Sources) {
			t.Errorf("%s: %+v", path, f)
		}
	}
}

func TestUnknownSelectorsAreRefusedWithTheForms(t *testing.T) {
	_, server := serve(t, nil)
	for path, code := range map[string]int{"/logs/foo:x": 404, "/logs/id:": 404, "/logs/web": 404, "/logs/name:[": 400} {
		response, err := http.Get(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		response.Body.Close()
		if response.StatusCode != code || code == 404 && !strings.Contains(string(body), "/logs/name:<glob>") {
			t.Errorf("%s: %d %s", path, response.StatusCode, body)
		}
	}
	response, err := http.Post(server.URL+"/logs", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusMethodNotAllowed || response.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %d, Allow %q", response.StatusCode, response.Header.Get("Allow"))
	}
	http.DefaultClient.CloseIdleConnections()
}

// checkObject makes sure that a line is the message as Logspout has always shown it, without secrets.
func checkObject(t *testing.T, line string, m core.Message) {
	t.Helper()
	var got struct {
		Container struct {
			ID     string `json:"Id"`
			Name   string
			Image  string
			Config struct {
				Image    string
				Hostname string
				Labels   map[string]string
			}
		}
		Source, Data string
		Time         time.Time
	}
	if err := json.Unmarshal([]byte(line), &got); err != nil {
		t.Fatalf("%v in %s", err, line)
	}
	c := m.Container
	if got.Source != m.Source || got.Data != m.Data || !got.Time.Equal(m.Time) || got.Container.ID != c.ID || got.Container.Name != c.Name ||
		got.Container.Config.Image != c.Config.Image || got.Container.Config.Labels["a"] != "b" || got.Container.Image != c.Image {
		t.Errorf("got %s", line)
	}
	if strings.Contains(line, "hunter2") {
		t.Errorf("a secret is in %s", line)
	}
}

func TestJSONIsOneObjectALine(t *testing.T) {
	source, server := serve(t, nil)
	header, next := get(t, source, server.URL+"/logs", "Accept", "application/json")
	if got := header.Get("Content-Type"); got != "application/json" {
		t.Errorf("type %q", got)
	}
	<-source.following
	batch := []core.Message{line("web", "a <b> \x1b[31m \x00 \"q\""), line("db", "b"), line("web", "c")}
	source.batches <- batch
	for _, m := range batch {
		checkObject(t, next(), m)
	}
}

func TestLateReaderIsToldAndDropped(t *testing.T) {
	for accept, want := range map[string]string{"": lateText, "application/json": `{"Error":"` + lateText + `"}`} {
		source, server := serve(t, nil)
		_, next := get(t, source, server.URL+"/logs", "Accept", accept)
		<-source.following
		source.batches <- []core.Message{line("web", "a")}
		next()
		close(source.late)
		if got := next(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if got := next(); got != "ended: EOF" {
			t.Errorf("then %q", got)
		}
	}
}

func TestClientThatLeavesEndsItsFollow(t *testing.T) {
	source, server := serve(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	request, _ := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+"/logs", nil)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	<-source.following
	cancel()
	select {
	case <-source.ended:
	case <-time.After(10 * time.Second):
		t.Fatal("it still follows")
	}
}

func TestClientThatStopsReadingIsGivenUp(t *testing.T) {
	source := newTap()
	h := &handler{logs: source, writeTime: 200 * time.Millisecond}
	server := httptest.NewServer(http.HandlerFunc(h.serve))
	defer server.Close()
	for _, upgrade := range []string{"", "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n"} {
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "GET /logs HTTP/1.1\r\nHost: %s\r\n%s\r\n", server.Listener.Addr(), upgrade)
		<-source.following
		batch := []core.Message{line("web", strings.Repeat("x", 1<<20))}
		deadline := time.After(20 * time.Second)
		for gone := false; !gone; {
			select {
			case source.batches <- batch:
			case err := <-source.ended:
				if gone = true; err == nil {
					t.Error("the write did not fail")
				}
			case <-deadline:
				t.Fatal("still writing to a client that does not read")
			}
		}
		conn.Close()
	}
}

func dialWebSocket(t *testing.T, server *httptest.Server, origin string) (conn *websocket.Conn, status int, err error) {
	t.Helper()
	header := http.Header{}
	if origin != "" {
		header.Set("Origin", origin)
	}
	conn, response, err := websocket.Dial(t.Context(), server.URL+"/logs/name:web", &websocket.DialOptions{HTTPHeader: header})
	if response != nil {
		status = response.StatusCode
		if response.Body != nil {
			response.Body.Close()
		}
	}
	return conn, status, err
}

func TestWebSocketCarriesOneObjectAFrame(t *testing.T) {
	source, server := serve(t, nil)
	conn, _, err := dialWebSocket(t, server, server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow()
	if f := <-source.following; f.Name != "web" {
		t.Errorf("filter %+v", f)
	}
	batch := []core.Message{line("web", "a"), line("web", "b \x00 é")}
	source.batches <- batch
	for _, m := range batch {
		kind, frame, err := conn.Read(t.Context())
		if err != nil || kind != websocket.MessageText {
			t.Fatal(kind, err)
		}
		checkObject(t, string(frame), m)
	}
	conn.Close(websocket.StatusNormalClosure, "")
	if err := <-source.ended; err != nil {
		t.Errorf("follow ended with %v", err)
	}
}

func TestLateWebSocketIsClosedWithTheReason(t *testing.T) {
	source, server := serve(t, nil)
	conn, _, err := dialWebSocket(t, server, "")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow()
	<-source.following
	close(source.late)
	_, _, err = conn.Read(t.Context())
	if websocket.CloseStatus(err) != websocket.StatusTryAgainLater || !strings.Contains(err.Error(), lateText) {
		t.Errorf("got %v", err)
	}
}

func TestWebSocketIsClosedWhenTheForwarderStops(t *testing.T) {
	source, server := serve(t, nil)
	conn, _, err := dialWebSocket(t, server, "")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow()
	<-source.following
	close(source.batches)
	if _, _, err = conn.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusGoingAway {
		t.Errorf("got %v", err)
	}
}

func TestForeignOriginsMayNotOpenAWebSocketUnlessNamed(t *testing.T) {
	_, server := serve(t, nil)
	if _, status, err := dialWebSocket(t, server, "https://evil.example.com"); err == nil || status != http.StatusForbidden {
		t.Errorf("got %v", err)
	}
	source, server := serve(t, core.Vars{"LOGSPOUT_HTTP_ORIGINS": "https://ops.example.com, *.example.org"})
	conn, _, err := dialWebSocket(t, server, "https://ops.example.com")
	if err != nil {
		t.Fatal(err)
	}
	<-source.following
	conn.CloseNow()
	<-source.ended
}

func TestControlCharactersAreShownNotSent(t *testing.T) {
	for in, want := range map[string]struct{ on, off string }{
		"plain é 日本\t|":                   {"plain é 日本\t|", "plain é 日本\t|"},
		"\x1b[31mred\x1b[0m":              {"\x1b[31mred\x1b[0m", "red"},
		"\x1b[38;5;9;48:2:1mx":            {"\x1b[38;5;9;48:2:1mx", "x"},
		"\x1b]0;title\x07":                {"^[]0;title^G", "^[]0;title^G"},
		"\x1b[2J\x1b[H":                   {"^[[2J^[[H", "^[[2J^[[H"},
		"\x1b[31":                         {"^[[31", "^[[31"},
		"\x1b":                            {"^[", "^["},
		"a\nb|spoofed\r\x00\x7f":          {"a^Jb|spoofed^M^@^?", "a^Jb|spoofed^M^@^?"},
		"c1 \u009b2J":                     {`c1 \u009b2J`, `c1 \u009b2J`},
		"raw \x9b2J":                      {`raw \x9b2J`, `raw \x9b2J`},
		"latin \xe9\xff":                  {"latin \xe9\xff", "latin \xe9\xff"},
		"\x1b[" + strings.Repeat("1", 99): {"^[[" + strings.Repeat("1", 99), "^[[" + strings.Repeat("1", 99)},
	} {
		if got := string(appendVisible(nil, in, true)); got != want.on {
			t.Errorf("%q with colours: %q, want %q", in, got, want.on)
		}
		if got := string(appendVisible(nil, in, false)); got != want.off {
			t.Errorf("%q without: %q, want %q", in, got, want.off)
		}
	}
}

func TestColorOfALineDoesNotReachTheNext(t *testing.T) {
	e := &text{colors: true}
	if got := string(e.append(nil, []core.Message{line("web", "\x1b[31mred"), line("web", "plain")})); got != "\x1b[31mred\x1b[0m\nplain\n" {
		t.Errorf("got %q", got)
	}
}

func TestBytesPassAsTheyAreWhenAskedFor(t *testing.T) {
	source, server := serve(t, nil)
	_, next := get(t, source, server.URL+"/logs/id:web?escape=off")
	<-source.following
	source.batches <- []core.Message{line("web", "\x1b[2J\x00")}
	if got := next(); got != "\x1b[2J\x00" {
		t.Errorf("got %q", got)
	}
}

func TestHostileNamesStayInTheirColumn(t *testing.T) {
	e := &text{several: true}
	m := line("web", "x")
	m.Container.Name = "/" + strings.Repeat("é", 5000) + "\x1b[2J"
	if got := utf8.RuneCount(e.append(nil, []core.Message{m})); got != greatestName+len("|x\n") {
		t.Errorf("%d characters", got)
	}
}

func TestManyContainersDoNotGrowTheColorMemory(t *testing.T) {
	e := &text{several: true, colors: true}
	for i := range 5 * colorMemory {
		m := line("web", "x")
		m.Container.ID = strconv.Itoa(i)
		e.append(nil, []core.Message{m})
	}
	if len(e.color) > colorMemory {
		t.Errorf("%d are remembered", len(e.color))
	}
}

func TestHeadAnswersWithoutAStream(t *testing.T) {
	_, server := serve(t, nil)
	response, err := http.Head(server.URL + "/logs")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("got %d", response.StatusCode)
	}
	http.DefaultClient.CloseIdleConnections()
}

func FuzzNoLineControlsATerminal(f *testing.F) {
	f.Add("\x1b]0;x\x07\u009b\x9b", true)
	f.Add("\x1b[31m\x1b[31", false)
	f.Fuzz(func(t *testing.T, line string, colors bool) {
		out := string(appendVisible(nil, line, colors))
		for i := 0; i < len(out); {
			r, n := utf8.DecodeRuneInString(out[i:])
			switch {
			case r == utf8.RuneError && n == 1:
				if out[i] < 0xa0 {
					t.Fatalf("%q: byte %#x at %d of %q", line, out[i], i, out)
				}
			case r == 0x1b && colors:
				if n = sgr(out[i:]); n == 0 {
					t.Fatalf("%q: an escape sequence at %d of %q", line, i, out)
				}
			case unicode.IsControl(r) && r != '\t':
				t.Fatalf("%q: %#x at %d of %q", line, r, i, out)
			}
			i += n
		}
	})
}

// ending is a tap without lines.
type ending struct{}

func (ending) Follow(ctx context.Context, _ *core.Filter, _ func([]core.Message) error) error {
	<-ctx.Done()
	return nil
}

func TestLogsKeepsTheContractOfHandlers(t *testing.T) {
	moduletest.TestHTTPHandler(t, moduletest.HTTPHandlerSuite{
		Handler: New, Name: "logs", Paths: []string{"", "/id:a", "/name:web_*"},
		Env: func(tb testing.TB) core.Env {
			tb.Helper()
			e := moduletest.NewEnv(tb, nil)
			e.Logs = ending{}
			return e
		},
	})
}
