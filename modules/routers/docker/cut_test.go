package docker_test

import (
	"io"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/gliderlabs/logspout-builder/core"
	"github.com/gliderlabs/logspout-builder/test/engine"
)

// cuttable is a socket in front of the engine's, as a socket proxy is, whose connections can be cut: the engine itself is shared.
type cuttable struct {
	net.Listener
	mu    sync.Mutex
	conns map[net.Conn]bool
	wg    sync.WaitGroup
}

func newCuttable(t *testing.T) *cuttable {
	t.Helper()
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	p := &cuttable{Listener: l, conns: map[net.Conn]bool{}}
	p.wg.Go(p.serve)
	t.Cleanup(func() {
		_ = l.Close()
		p.cut()
		p.wg.Wait()
	})
	return p
}

func (p *cuttable) serve() {
	for {
		in, err := p.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("unix", "/var/run/docker.sock")
		if err != nil {
			_ = in.Close()
			continue
		}
		p.mu.Lock()
		p.conns[in], p.conns[out] = true, true
		p.mu.Unlock()
		relay := func(to, from net.Conn) {
			_, _ = io.Copy(to, from)
			_ = to.Close()
			p.mu.Lock()
			delete(p.conns, to)
			p.mu.Unlock()
		}
		p.wg.Go(func() { relay(out, in) })
		p.wg.Go(func() { relay(in, out) })
	}
}

func (p *cuttable) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		_ = c.Close()
	}
}

func TestCutConnectionsLoseNothingAndRepeatNothing(t *testing.T) {
	e := engine.New(t)
	p := newCuttable(t)
	r := start(t, own(core.Vars{"DOCKER_HOST": "unix://" + p.Addr().String()}), nil)
	const lines = 3000
	id := e.Run(t, engine.Container{Cmd: []string{"sh", "-c", "i=0; while [ $i -lt 3000 ]; do seq $((i+1)) $((i+50)); i=$((i+50)); usleep 30000; done; printf end"}})
	var short []string
	for i := range 8 {
		time.Sleep(200 * time.Millisecond)
		if i%2 == 0 {
			short = append(short, e.Run(t, engine.Container{Cmd: []string{"sh", "-c", "echo a; printf b"}}))
		}
		p.cut()
	}
	r.wants(t, id, "stdout", append(numbered("", 1, lines), "end"))
	for _, id := range short {
		r.wants(t, id, "stdout", []string{"a", "b"})
	}
}
