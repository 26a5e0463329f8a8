package webhook

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/gliderlabs/logspout-builder/core"
	"github.com/gliderlabs/logspout-builder/core/moduletest"
)

func TestContract(t *testing.T) {
	moduletest.TestAdapter(t, moduletest.AdapterSuite{
		Factory:     New,
		Destination: destination,
		Invalid: []moduletest.InvalidRoute{
			{URI: "webhook:///path?tls=perhaps", Problems: []string{"no address", `tls="perhaps"`}},
		},
	})
}

// destination is a web server that keeps what is posted to it.
func destination(tb testing.TB) moduletest.Destination {
	tb.Helper()
	var mu sync.Mutex
	var got []string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		for d := json.NewDecoder(r.Body); ; {
			var line record
			if err := d.Decode(&line); err == io.EOF {
				return
			} else if err != nil {
				tb.Error(err)
				return
			}
			got = append(got, line.Container+" "+line.Message)
		}
	}))
	tb.Cleanup(server.Close)
	return moduletest.Destination{
		Route: "webhook://" + strings.TrimPrefix(server.URL, "http://") + "/logs",
		Arrived: func(sent []core.Message) error {
			var want []string
			for _, m := range sent {
				want = append(want, utf8(m.Container.BareName())+" "+utf8(m.Data))
			}
			mu.Lock()
			defer mu.Unlock()
			return moduletest.SameLines(got, want)
		},
	}
}

// utf8 is a text as JSON carries it: every byte that is no UTF-8 becomes U+FFFD.
func utf8(s string) string { return string([]rune(s)) }

func TestRefusedBatchIsDroppedAndOthersComeAgain(t *testing.T) {
	for status, permanent := range map[int]bool{400: true, 401: false, 429: false, 503: false} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
		defer server.Close()
		route, err := core.ParseRoute("webhook://" + strings.TrimPrefix(server.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		adapter, err := New(moduletest.NewEnv(t, nil), route)
		if err != nil {
			t.Fatal(err)
		}
		err = adapter.Deliver(t.Context(), moduletest.Messages(1))
		if err == nil || core.IsPermanent(err) != permanent {
			t.Errorf("status %d: error %v, permanent %v, want %v", status, err, core.IsPermanent(err), permanent)
		}
		_ = adapter.Close(t.Context())
	}
}
