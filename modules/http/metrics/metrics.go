// Package metrics answers GET /metrics in the Prometheus text format.
package metrics

import (
	"maps"
	"net/http"
	"runtime"
	"slices"
	"time"

	"github.com/gliderlabs/logspout-builder/core"
)

// New makes the handler of GET /metrics. It needs no token, so its labels are names, ids and reasons: never an address, an
// option or an error's text.
func New(env core.Env) (http.Handler, error) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		header := w.Header()
		header.Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		header.Set("Cache-Control", "no-store")
		header.Set("X-Content-Type-Options", "nosniff")
		_, _ = w.Write(encode(env.Status(), time.Now())) // a client that has gone needs no answer
	})
	return mux, nil
}

// encode renders a snapshot. Its length grows with the number of routes and intakes only.
func encode(s core.Status, now time.Time) []byte {
	e := &encoder{dst: make([]byte, 0, 4096)}
	e.family("logspout_build_info", "gauge", "The binary: its name and version from the manifest, and the Go version it was compiled with.")
	e.gauge(1, "name", s.Name, "version", s.Version, "goversion", runtime.Version())
	e.family("logspout_start_time_seconds", "gauge", "When the process started, in seconds since the epoch.")
	e.gauge(seconds(s.Started))
	e.family("logspout_healthy", "gauge", "1 while /health answers 200, else 0.")
	e.gauge(truth(len(s.Problems) == 0))

	intakes(e, s.Intakes)
	e.family("logspout_journal_lines", "gauge", "Lines appended and not yet done with by every route.")
	e.gauge(float64(s.Journal.Lines))
	e.family("logspout_journal_memory_bytes", "gauge", "Memory that the journal holds.")
	e.gauge(float64(s.Journal.Bytes))
	e.family("logspout_journal_memory_limit_bytes", "gauge", "Memory that the journal may hold.")
	e.gauge(float64(s.Journal.MaxBytes))
	deliveries(e, s.Routes)
	queues(e, s.Routes, now)
	return e.dst
}

func intakes(e *encoder, intakes []core.IntakeStatus) {
	e.family("logspout_intake_up", "gauge", "1 while the intake can read logs, else 0.")
	for _, in := range intakes {
		e.gauge(truth(in.Err == ""), "intake", in.Name)
	}
	e.family("logspout_intake_lines_total", "counter", "Lines read.")
	for _, in := range intakes {
		e.count(in.Lines, "intake", in.Name)
	}
	e.family("logspout_intake_bytes_total", "counter", "Bytes read, without line ends.")
	for _, in := range intakes {
		e.count(in.Bytes, "intake", in.Name)
	}
	e.family("logspout_intake_events_total", "counter", "What the intake itself counts, such as lines that may have been lost in the engine.")
	for _, in := range intakes {
		for _, event := range slices.Sorted(maps.Keys(in.Counts)) {
			e.count(in.Counts[event], "intake", in.Name, "event", event)
		}
	}
}

func deliveries(e *encoder, routes []core.RouteStatus) {
	e.family("logspout_route_up", "gauge", "1 unless the route's last delivery failed, then 0.")
	for _, r := range routes {
		e.gauge(truth(r.Err == ""), "route", r.Route.ID, "adapter", r.Route.Adapter)
	}
	counter := func(name, help string, value func(*core.RouteStatus) uint64) {
		e.family(name, "counter", help)
		for i := range routes {
			e.count(value(&routes[i]), "route", routes[i].Route.ID, "adapter", routes[i].Route.Adapter)
		}
	}
	counter("logspout_route_delivered_lines_total", "Lines that the destination took.", func(r *core.RouteStatus) uint64 { return r.Delivered })
	counter("logspout_route_delivered_bytes_total", "Bytes that the destination took, before the adapter's own format.", func(r *core.RouteStatus) uint64 { return r.Bytes })
	counter("logspout_route_filtered_lines_total", "Lines that the route's filter or processors did not want.", func(r *core.RouteStatus) uint64 { return r.Filtered })
	counter("logspout_route_retries_total", "Deliveries that failed and were tried again.", func(r *core.RouteStatus) uint64 { return r.Retries })

	e.family("logspout_route_events_total", "counter", "What the adapter itself counts, such as datagrams that were refused.")
	for _, r := range routes {
		for _, event := range slices.Sorted(maps.Keys(r.Counts)) {
			e.count(r.Counts[event], "route", r.Route.ID, "adapter", r.Route.Adapter, "event", event)
		}
	}
	e.family("logspout_route_lost_lines_total", "counter", "Lines lost, by reason.")
	for _, r := range routes {
		// The core's own reasons are there from the start, at 0: rate() does not see a series that begins at its first loss.
		lost := map[string]uint64{core.LostJournalFull: 0, core.LostRejected: 0, core.LostPanic: 0, core.LostShutdown: 0}
		maps.Copy(lost, r.Lost)
		for _, reason := range slices.Sorted(maps.Keys(lost)) {
			e.count(lost[reason], "route", r.Route.ID, "adapter", r.Route.Adapter, "reason", reason)
		}
	}
}

func queues(e *encoder, routes []core.RouteStatus, now time.Time) {
	gauge := func(name, help string, value func(*core.RouteStatus) float64) {
		e.family(name, "gauge", help)
		for i := range routes {
			e.gauge(value(&routes[i]), "route", routes[i].Route.ID, "adapter", routes[i].Route.Adapter)
		}
	}
	gauge("logspout_route_queue_lines", "Lines that the route has still to deliver.", func(r *core.RouteStatus) float64 { return float64(r.Queue.Lines) })
	gauge("logspout_route_queue_bytes", "Bytes that the route has still to deliver.", func(r *core.RouteStatus) float64 { return float64(r.Queue.Bytes) })
	gauge("logspout_route_queue_oldest_age_seconds", "How long the oldest undelivered line has been waiting, 0 when there is none.", func(r *core.RouteStatus) float64 {
		if r.Queue.Oldest.IsZero() {
			return 0
		}
		return max(0, now.Sub(r.Queue.Oldest).Seconds())
	})
	e.family("logspout_route_last_delivery_timestamp_seconds", "gauge", "When the destination last took a line, in seconds since the epoch; absent before the first.")
	for _, r := range routes {
		if !r.LastDelivered.IsZero() {
			e.gauge(seconds(r.LastDelivered), "route", r.Route.ID, "adapter", r.Route.Adapter)
		}
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// seconds is a time as Prometheus has it, to the millisecond; 0 for none.
func seconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}

var _ core.HTTPHandler = New
