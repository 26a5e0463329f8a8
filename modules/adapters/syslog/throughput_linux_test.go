package syslog_test

import (
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gliderlabs/logspout-builder/core"
	"github.com/gliderlabs/logspout-builder/core/moduletest"
	"github.com/gliderlabs/logspout-builder/modules/adapters/syslog"
	"github.com/gliderlabs/logspout-builder/modules/transports/tcp"
)

// cpu is the CPU time of this process until now.
func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkDeliver writes through TCP to a reader in this process, which is in the figures, and beside it the same bytes without the adapter.
func BenchmarkDeliver(b *testing.B) {
	const lines = 500
	batch := make([]core.Message, lines)
	for i := range batch {
		batch[i] = *message(strings.Repeat("x", 100))
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{c}, make([]byte, 256<<10))
				_ = c.Close()
			}()
		}
	}()
	report := func(b *testing.B, start time.Duration) {
		b.Helper()
		n := float64(b.N) * lines
		b.ReportMetric(n/b.Elapsed().Seconds(), "lines/s")
		b.ReportMetric(float64(cpu()-start)/n, "cpu-ns/line")
		b.ReportMetric(0, "ns/op")
	}
	b.Run("syslog+tcp", func(b *testing.B) {
		env := core.Env{Modules: &moduletest.Modules{Transports: map[string]core.AdapterTransport{"tcp": tcp.Transport{}}}}
		a, err := syslog.New(env, &core.Route{ID: "r", Adapter: "syslog+tcp", Address: l.Addr().String(), Options: map[string]string{"framing": "octet-counted"}})
		if err != nil {
			b.Fatal(err)
		}
		defer func() { _ = a.Close(b.Context()) }()
		start := cpu()
		b.ReportAllocs()
		for b.Loop() {
			if err := a.Deliver(b.Context(), batch); err != nil {
				b.Fatal(err)
			}
		}
		report(b, start)
	})
	b.Run("floor-tcp", func(b *testing.B) {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			b.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		record := encode(b, nil, "syslog+tcp://h:1?framing=octet-counted", &batch[0])
		buf := []byte(strings.Repeat(record, lines))
		start := cpu()
		for b.Loop() {
			if _, err := c.Write(buf); err != nil {
				b.Fatal(err)
			}
		}
		report(b, start)
	})
}
