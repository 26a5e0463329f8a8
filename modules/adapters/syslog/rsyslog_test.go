package syslog_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gliderlabs/logspout-builder/core"
	"github.com/gliderlabs/logspout-builder/modules/adapters/syslog"
	"github.com/gliderlabs/logspout-builder/test/rsyslog"
)

func newAdapter(tb testing.TB, uri string) core.Adapter {
	tb.Helper()
	route, err := core.ParseRoute(uri)
	if err != nil {
		tb.Fatal(err)
	}
	a, err := syslog.New(environment(tb), route)
	if err != nil {
		tb.Fatal(err)
	}
	return a
}

func lines(from, n int) []core.Message {
	var batch []core.Message
	for i := range n {
		m := *message(fmt.Sprintf("line %d %s ü #%d", from+i, strings.Repeat("x", i%500), i))
		if i%3 == 0 {
			m.Source = "stderr"
		}
		m.Time = m.Time.Add(time.Duration(i) * time.Millisecond)
		batch = append(batch, m)
	}
	return batch
}

func TestRealRsyslogUnderstandsEveryField(t *testing.T) {
	server := rsyslog.Start(t)
	for _, c := range []struct{ name, network, uri string }{
		{"octet-counted", "imtcp", "syslog+tcp://" + server.TCP + "?framing=octet-counted&timestamp=us&structured_data=a@1%20n=%22{{.Container.Name}}%22"},
		{"udp", "imudp", "syslog://" + server.UDP + "?timestamp=us&structured_data=a@1%20n=%22{{.Container.Name}}%22"},
		{"traditional", "imtcp", "syslog+tcp://" + server.TCP + "?timestamp=us&structured_data=a@1%20n=%22{{.Container.Name}}%22"},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := len(server.Records())
			a := newAdapter(t, c.uri)
			sent := lines(0, 2000)
			sent = append(sent, *message("two\nlines"), *message(""), *message("last"))
			for i := 0; i < len(sent); i += 100 {
				if err := a.Deliver(t.Context(), sent[i:min(i+100, len(sent))]); err != nil {
					t.Fatal(err)
				}
				if c.network == "imudp" { // which has no flow control
					server.Wait(20*time.Second, func(r []rsyslog.Record) bool { return len(r)-before >= min(i+100, len(sent)) })
				}
			}
			if err := a.Close(t.Context()); err != nil {
				t.Error(err)
			}
			records := server.Wait(20*time.Second, func(r []rsyslog.Record) bool { return len(r)-before >= len(sent) })[before:]
			for i, m := range sent {
				want := rsyslog.Record{
					Pri: "14", Time: m.Time.Format("2006-01-02T15:04:05.000000Z"), Host: "8dfafdbc3a40", App: "web.db", Proc: "42",
					SD: `[a@1 n="/web.db"]`, Message: strings.ReplaceAll(m.Data, "\n", "#012"), Transport: c.network,
				}
				if m.Source == "stderr" {
					want.Pri = "11"
				}
				if records[i] != want {
					t.Fatalf("record %d\ngot  %+v\nwant %+v", i, records[i], want)
				}
			}
		})
	}
}

func TestKilledRsyslogLosesNothing(t *testing.T) {
	server := rsyslog.Start(t)
	a := newAdapter(t, "syslog+tcp://"+server.TCP+"?framing=octet-counted")
	sent := 0
	deliver := func(batches int) {
		for range batches {
			batch := lines(sent, 200)
			for end := time.Now().Add(20 * time.Second); a.Deliver(t.Context(), batch) != nil; <-time.After(50 * time.Millisecond) {
				if time.Now().After(end) {
					t.Fatal("not delivered within 20 s")
				}
			}
			sent += len(batch)
		}
	}
	deliver(50)
	for range 3 {
		killed := make(chan struct{})
		time.AfterFunc(20*time.Millisecond, func() { server.Kill(); close(killed) }) // while lines flow
		for flowing := true; flowing; {
			select {
			case <-killed:
				flowing = false
			default:
				batch := lines(sent, 200)
				if a.Deliver(t.Context(), batch) == nil {
					sent += len(batch)
				}
			}
		}
		server.Restart()
		deliver(10)
	}
	if err := a.Close(t.Context()); err != nil {
		t.Error(err)
	}
	records := server.Wait(20*time.Second, func(r []rsyslog.Record) bool {
		seen := map[string]bool{}
		for _, record := range r {
			if f := strings.Fields(record.Message); len(f) > 1 {
				seen[f[1]] = true
			}
		}
		return len(seen) >= sent
	})
	t.Logf("%d lines, %d records: %d came twice", sent, len(records), len(records)-sent)
}
