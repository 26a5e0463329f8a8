package metrics

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/gliderlabs/logspout-builder/core"
	"github.com/gliderlabs/logspout-builder/core/moduletest"
)

func snapshot(now time.Time) core.Status {
	return core.Status{
		Name: "ops", Version: "1.4", Started: now.Add(-time.Hour),
		Problems: []string{"route a: down"},
		Intakes:  []core.IntakeStatus{{Name: "docker", Lines: 7, Bytes: 70, Counts: map[string]uint64{"possible_loss": 2}}},
		Journal:  core.JournalStatus{Lines: 3, Bytes: 4096, MaxBytes: 1 << 25},
		Routes: []core.RouteStatus{
			{
				Route:     &core.Route{ID: "a", Adapter: "syslog+tls", Address: "logs.example.com:6514", User: "u", Password: "hunter2", Options: map[string]string{"token": "hunter3"}},
				Delivered: 1 << 60, Bytes: 60, Filtered: 1, Retries: 4, Err: "dial hunter4: refused",
				Lost:          map[string]uint64{core.LostRejected: 5, "udp_refused": 6},
				Counts:        map[string]uint64{"refused_datagrams": 8},
				Queue:         core.QueueStatus{Lines: 9, Bytes: 90, Oldest: now.Add(-1500 * time.Millisecond)},
				LastDelivered: now.Add(-time.Minute),
			},
			{Route: &core.Route{ID: "b", Adapter: "raw"}},
		},
	}
}

func parse(t *testing.T, text []byte) map[string]*dto.MetricFamily {
	t.Helper()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return families
}

// value is the one sample of a family whose labels hold what want says (names and values in turn).
func value(t *testing.T, families map[string]*dto.MetricFamily, name string, want ...string) float64 {
	t.Helper()
	for _, m := range families[name].GetMetric() {
		labels := map[string]string{}
		for _, l := range m.GetLabel() {
			labels[l.GetName()] = l.GetValue()
		}
		match := true
		for i := 0; i < len(want); i += 2 {
			match = match && labels[want[i]] == want[i+1]
		}
		if match {
			return m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	t.Errorf("no sample %s %q", name, want)
	return -1
}

func TestEveryFigureOfTheStatusIsThere(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	families := parse(t, encode(snapshot(now), now))
	for _, c := range []struct {
		name   string
		want   float64
		labels []string
	}{
		{"logspout_build_info", 1, []string{"name", "ops", "version", "1.4"}},
		{"logspout_start_time_seconds", 1_800_000_000 - 3600, nil},
		{"logspout_healthy", 0, nil},
		{"logspout_intake_up", 1, []string{"intake", "docker"}},
		{"logspout_intake_lines_total", 7, []string{"intake", "docker"}},
		{"logspout_intake_bytes_total", 70, []string{"intake", "docker"}},
		{"logspout_intake_events_total", 2, []string{"intake", "docker", "event", "possible_loss"}},
		{"logspout_journal_lines", 3, nil},
		{"logspout_journal_memory_bytes", 4096, nil},
		{"logspout_journal_memory_limit_bytes", 1 << 25, nil},
		{"logspout_route_up", 0, []string{"route", "a", "adapter", "syslog+tls"}},
		{"logspout_route_up", 1, []string{"route", "b"}},
		{"logspout_route_delivered_lines_total", 1 << 60, []string{"route", "a", "adapter", "syslog+tls"}},
		{"logspout_route_delivered_bytes_total", 60, []string{"route", "a"}},
		{"logspout_route_events_total", 8, []string{"route", "a", "adapter", "syslog+tls", "event", "refused_datagrams"}},
		{"logspout_route_filtered_lines_total", 1, []string{"route", "a"}},
		{"logspout_route_retries_total", 4, []string{"route", "a"}},
		{"logspout_route_lost_lines_total", 5, []string{"route", "a", "reason", "rejected"}},
		{"logspout_route_lost_lines_total", 6, []string{"route", "a", "reason", "udp_refused"}},
		{"logspout_route_lost_lines_total", 0, []string{"route", "b", "reason", "journal_full"}},
		{"logspout_route_queue_lines", 9, []string{"route", "a"}},
		{"logspout_route_queue_bytes", 90, []string{"route", "a"}},
		{"logspout_route_queue_oldest_age_seconds", 1.5, []string{"route", "a"}},
		{"logspout_route_queue_oldest_age_seconds", 0, []string{"route", "b"}},
		{"logspout_route_last_delivery_timestamp_seconds", 1_800_000_000 - 60, []string{"route", "a"}},
	} {
		if got := value(t, families, c.name, c.labels...); got != c.want {
			t.Errorf("%s %q: got %v, want %v", c.name, c.labels, got, c.want)
		}
	}
	if n := len(families["logspout_route_last_delivery_timestamp_seconds"].GetMetric()); n != 1 {
		t.Errorf("a route that has delivered nothing shows a time: %d samples", n)
	}
}

func TestNamesFollowTheConventions(t *testing.T) {
	now := time.Now()
	problems, err := promlint.New(bytes.NewReader(encode(snapshot(now), now))).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func TestNoSecretNorAddressIsShown(t *testing.T) {
	now := time.Now()
	text := string(encode(snapshot(now), now))
	for _, secret := range []string{"hunter", "logs.example.com", "6514"} {
		if strings.Contains(text, secret) {
			t.Errorf("%q is shown", secret)
		}
	}
}

func TestAgentWithoutRoutesGivesAValidAnswer(t *testing.T) {
	parse(t, encode(core.Status{}, time.Now()))
}

func TestHostileNamesNeitherBreakTheFormatNorMeet(t *testing.T) {
	names := []string{"a\"} 1\nlogspout_healthy 5", `back\slash`, "tab\tcr\r", "", "\xff", "\xfe", `\xff`, "é\x00\u2028", strings.Repeat("x", 5000)}
	var s core.Status
	for _, n := range names {
		s.Intakes = append(s.Intakes, core.IntakeStatus{Name: n, Lines: 3})
	}
	text := encode(s, time.Now())
	families := parse(t, text)
	seen := map[string]bool{}
	for _, m := range families["logspout_intake_lines_total"].GetMetric() {
		seen[m.GetLabel()[0].GetValue()] = true
	}
	// `\xff` as four characters and the byte 0xff are the one pair that could meet; the first is not a name that anything makes.
	if len(seen) < len(names)-1 {
		t.Errorf("%d names became %d series: %v", len(names), len(seen), seen)
	}
	for _, n := range names[:4] {
		if !seen[n] {
			t.Errorf("%q did not come through", n)
		}
	}
	if got := value(t, families, "logspout_healthy"); got != 1 {
		t.Errorf("a name became a sample: logspout_healthy %v", got)
	}
}

func TestHandlerNamesTheFormat(t *testing.T) {
	h, err := New(core.Env{Status: func() core.Status { return snapshot(time.Now()) }})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if got := w.Header().Get("Content-Type"); w.Code != 200 || got != "text/plain; version=0.0.4; charset=utf-8" {
		t.Errorf("got %d, %q", w.Code, got)
	}
	parse(t, w.Body.Bytes())
	w = httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodDelete, "/metrics", nil))
	if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("DELETE: got %d, Allow %q", w.Code, w.Header().Get("Allow"))
	}
}

func FuzzLabelValueComesBack(f *testing.F) {
	f.Add("plain")
	f.Add("a\"\\\n\x00")
	f.Add("\xff\xfe")
	f.Fuzz(func(t *testing.T, name string) {
		families := parse(t, encode(core.Status{Intakes: []core.IntakeStatus{{Name: name}}}, time.Now()))
		if got := len(families["logspout_intake_lines_total"].GetMetric()); got != 1 {
			t.Fatalf("%q made %d samples", name, got)
		}
	})
}

func TestMetricsKeepsTheContractOfHandlers(t *testing.T) {
	moduletest.TestHTTPHandler(t, moduletest.HTTPHandlerSuite{
		Handler: New, Name: "metrics", Paths: []string{""},
		Env: func(tb testing.TB) core.Env {
			tb.Helper()
			e := moduletest.NewEnv(tb, nil)
			e.Status = func() core.Status { return snapshot(time.Now()) }
			return e
		},
	})
}
