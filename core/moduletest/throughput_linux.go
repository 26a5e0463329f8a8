package moduletest

import (
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/gliderlabs/logspout-builder/core"
)

// Throughput describes a benchmark of an adapter that writes to a TCP socket.
type Throughput struct {
	Name string // of the adapter and its transport, "raw+tcp"
	// Open makes the adapter of a route to this host:port, where a reader takes everything.
	Open  func(address string) (core.Adapter, error)
	Batch []core.Message
	Wire  []byte // what the adapter makes of Batch
}

// BenchmarkThroughput measures Deliver through TCP to a reader in this process, which is in the figures, and beside it, as "floor-tcp", the same
// bytes without the adapter: lines/s, and the CPU time of the process, cpu-ns/line.
func BenchmarkThroughput(b *testing.B, x Throughput) {
	b.Helper()
	var listening net.ListenConfig
	listener, err := listening.Listen(b.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	go swallow(listener)
	address := listener.Addr().String()
	report := func(b *testing.B, start time.Duration) {
		b.Helper()
		n := float64(b.N) * float64(len(x.Batch))
		b.ReportMetric(n/b.Elapsed().Seconds(), "lines/s")
		b.ReportMetric(float64(cpuTime()-start)/n, "cpu-ns/line")
		b.ReportMetric(0, "ns/op")
	}
	b.Run(x.Name, func(b *testing.B) {
		adapter, err := x.Open(address)
		if err != nil {
			b.Fatal(err)
		}
		defer func() { _ = adapter.Close(b.Context()) }()
		start := cpuTime()
		b.ReportAllocs()
		for b.Loop() {
			if err := adapter.Deliver(b.Context(), x.Batch); err != nil {
				b.Fatal(err)
			}
		}
		report(b, start)
	})
	b.Run("floor-tcp", func(b *testing.B) {
		var dialer net.Dialer
		conn, err := dialer.DialContext(b.Context(), "tcp", address)
		if err != nil {
			b.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		start := cpuTime()
		for b.Loop() {
			if _, err := conn.Write(x.Wire); err != nil {
				b.Fatal(err)
			}
		}
		report(b, start)
	})
}

// swallow reads all that comes until the listener is closed.
func swallow(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			_, _ = io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{conn}, make([]byte, 256<<10))
			_ = conn.Close()
		}()
	}
}

// cpuTime is the CPU time of this process until now.
func cpuTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
