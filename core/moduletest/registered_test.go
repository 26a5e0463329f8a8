package moduletest

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/gliderlabs/logspout-builder/core"
)

func TestWhateverAPackageRegistersIsChecked(t *testing.T) {
	const pkg = "github.com/gliderlabs/logspout-builder/core/moduletest"
	core.AdapterFactories.Register(func(_ core.Env, r *core.Route) (core.Adapter, error) {
		return &writer{address: r.Address}, r.CheckOptions("name")
	}, "checked")
	core.AdapterTransports.Register(dialer{}, "checked")
	core.HTTPHandlers.Register(func(env core.Env) (http.Handler, error) {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, env.Routes.Routes()[0].String())
		}), nil
	}, "checked")
	core.Jobs.Register(&worker{name: "checked"}, "checked")
	core.LogRouters.Register(&reader{name: "checked"}, "checked")
	core.Processors.Register(func(core.Env, *core.Route) (core.Process, error) { return &joiner{}, nil }, "checked")
	t.Cleanup(func() {
		for _, point := range []interface{ Unregister(string) bool }{core.AdapterFactories, core.AdapterTransports, core.HTTPHandlers, core.Jobs, core.LogRouters, core.Processors} {
			if !point.Unregister("checked") {
				t.Error("it was not registered")
			}
		}
	})
	TestRegistered(t, Registered{Package: pkg, Routes: []string{"checked://{address}?name=x", "other://localhost:1"}})
	TestRegistered(t, Registered{Package: pkg, Routes: []string{"checked://" + NewSink(t, "tcp").Address}, Skip: []string{"AdapterTransport", "HTTPHandler", "Job", "LogRouter", "Processor"}})
}

// writer is an adapter that writes lines to a socket.
type writer struct {
	address string
	conn    net.Conn
}

func (w *writer) Deliver(ctx context.Context, batch []core.Message) (err error) {
	if w.conn == nil {
		if w.conn, err = (&net.Dialer{}).DialContext(ctx, "tcp", w.address); err != nil {
			w.conn = nil
			return err
		}
	}
	stop := context.AfterFunc(ctx, func() { _ = w.conn.Close() })
	defer stop()
	for i := range batch {
		if _, err := io.WriteString(w.conn, batch[i].Data+"\n"); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) Close(context.Context) error {
	if w.conn == nil {
		return nil
	}
	return w.conn.Close()
}

type dialer struct{}

func (dialer) Dial(ctx context.Context, address string, _ map[string]string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, "tcp", address)
}

func TestWitnessReadsLinesAndRequests(t *testing.T) {
	sent := Messages(3)
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = io.WriteString(z, `["line 1","line 2","line 3"]`)
	_ = z.Close()
	w := newWitness(t)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+w.address, &packed)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Encoding", "gzip")
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	response, err := client.Do(request)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%+v, %v", response, err)
	}
	_ = response.Body.Close()
	if err := w.saw(sent); err != nil {
		t.Error(err)
	}
	for text, want := range map[string]bool{"line 1\nline 2\nline 3\n": true, "line 2\nline 1\nline 3\n": false, "line 1\nline 2\n": false} {
		w := newWitness(t)
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if err := w.saw(sent); (err == nil) != want {
			t.Errorf("%q: %v", text, err)
		}
	}
}
