package kafka

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"github.com/gliderlabs/logspout-builder/core"
	"github.com/gliderlabs/logspout-builder/core/moduletest"
	tlstransport "github.com/gliderlabs/logspout-builder/modules/transports/tls"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// gate is a cluster's network.
type gate struct {
	mu    sync.Mutex
	shut  bool // breaks every connection and refuses new ones
	mute  bool // what the cluster answers is thrown away
	conns map[net.Conn]bool
}

type gatedListener struct {
	net.Listener
	gate *gate
}

type gatedConn struct {
	net.Conn
	gate *gate
}

func (g *gate) listen(network, address string) (net.Listener, error) {
	l, err := net.Listen(network, address)
	return &gatedListener{l, g}, err
}

func (l *gatedListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		l.gate.mu.Lock()
		shut := l.gate.shut
		if !shut {
			l.gate.conns[c] = true
		}
		l.gate.mu.Unlock()
		if !shut {
			return &gatedConn{c, l.gate}, nil
		}
		c.Close()
	}
}

func (c *gatedConn) Write(b []byte) (int, error) {
	c.gate.mu.Lock()
	mute := c.gate.mute
	c.gate.mu.Unlock()
	if mute {
		return len(b), nil
	}
	return c.Conn.Write(b)
}

// set opens (false, false), mutes or shuts the gate.
func (g *gate) set(shut, mute bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut, g.mute = shut, mute
	if shut {
		for c := range g.conns {
			c.Close()
		}
		clear(g.conns)
	}
}

// cluster starts a real protocol peer with the topic "logs" of three partitions.
func cluster(t *testing.T, opts ...kfake.Opt) (*kfake.Cluster, *gate) {
	t.Helper()
	g := &gate{conns: map[net.Conn]bool{}}
	c, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1), kfake.ListenFn(g.listen), kfake.SeedTopics(3, "logs")}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, g
}

// adapter makes the adapter of a route; rest is the path and query of its URI.
func adapter(t *testing.T, addresses []string, rest string) *Adapter {
	t.Helper()
	return adapterOf(t, "kafka://"+strings.Join(addresses, ",")+rest)
}

// env is that of a binary with the tls transport.
func env(tb testing.TB) core.Env {
	tb.Helper()
	e := moduletest.NewEnv(tb, nil)
	e.Modules = &moduletest.Modules{Transports: map[string]core.AdapterTransport{"tls": tlstransport.Transport{}}}
	return e
}

func adapterOf(t *testing.T, uri string) *Adapter {
	t.Helper()
	route, err := core.ParseRoute(uri)
	if err != nil {
		t.Fatal(err)
	}
	a, err := New(env(t), route)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close(t.Context()) })
	return a.(*Adapter)
}

// consume reads the n records that the topic must hold, and not one more.
func consume(t *testing.T, c *kfake.Cluster, topic string, n int, opts ...kgo.Opt) []*kgo.Record {
	t.Helper()
	total := 0
	for _, p := range c.PartitionInfos(topic) {
		total += int(p.HighWatermark)
	}
	if total != n {
		t.Fatalf("the topic holds %d records, want %d", total, n)
	}
	client, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(c.ListenAddrs()...), kgo.ConsumeTopics(topic), kgo.FetchMaxWait(100 * time.Millisecond)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var records []*kgo.Record
	for len(records) < n {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			t.Fatalf("%d of %d records came", len(records), n)
		}
		records = append(records, fetches.Records()...)
	}
	return records
}

// numbered is line number i of a container.
func numbered(container string, i int) core.Message {
	return core.Message{
		Container: &core.Container{
			ID: strings.Repeat(container, 64)[:64], Name: "/web-" + container,
			Config: core.Config{Image: "nginx:1", Hostname: "h", Env: []string{"SECRET=hunter2"}, Cmd: []string{"--password=hunter2"}},
		},
		Source: "stdout", Data: fmt.Sprintf("line %d", i), Time: time.Unix(1_700_000_000, int64(i)*1_000_000),
	}
}

// lines are n lines of each container, taking turns.
func lines(n int, containers ...string) []core.Message {
	var batch []core.Message
	for i := range n {
		for _, c := range containers {
			batch = append(batch, numbered(c, i))
		}
	}
	return batch
}

// checkOrder makes sure that every container's records are line 0, 1, ... n-1.
func checkOrder(t *testing.T, records []*kgo.Record, n int) {
	t.Helper()
	next := map[string]int{}
	for _, r := range records {
		key := string(r.Key)
		if want := fmt.Sprintf("line %d", next[key]); string(r.Value) != want {
			t.Fatalf("container %.1s: got %q, want %q", key, r.Value, want)
		}
		next[key]++
	}
	for key, got := range next {
		if got != n {
			t.Errorf("container %.1s: %d lines, want %d", key, got, n)
		}
	}
}

// deliver repeats a batch as the agent does, until all of it is taken or rejected.
func deliver(t *testing.T, a *Adapter, batch []core.Message) (rejected []core.Message, failures []error) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		err := a.Deliver(t.Context(), batch)
		var partial *core.PartialError
		switch {
		case err == nil:
			return rejected, failures
		case core.IsPermanent(err):
			return append(rejected, batch...), append(failures, err)
		case errors.As(err, &partial):
			for _, i := range partial.Rejected {
				rejected = append(rejected, batch[i])
			}
			var rest []core.Message
			for _, i := range partial.Retry {
				rest = append(rest, batch[i])
			}
			if batch = rest; len(rest) == 0 {
				return rejected, append(failures, err)
			}
		}
		failures = append(failures, err)
		if time.Now().After(deadline) {
			t.Fatalf("not delivered: %v", failures)
		}
	}
}
