package docker

import (
	"context"
	"errors"
	"hash/maphash"
	"math/bits"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/gliderlabs/logspout-builder/core"
)

const (
	netBytes  = 64 << 10 // kept of what one container prints
	netsBytes = 16 << 20 // and of what all do
	netsOpen  = 512      // nets at the same time

	netFresh  = 10 * time.Second // a container created longer ago may be over: Engine 20.10 never closes what attaches to it then
	netWaits  = 10 * time.Minute // for a container to start
	netHolds  = 10 * time.Second // from its start: after that its log is surely open
	netOver   = 5 * time.Second  // for the end of what a container printed that is over
	netFirst  = 512              // first buffer; most containers need no larger one
	markBytes = 16               // memory of a netMark
	markGrain = time.Millisecond // how exact the time of what is caught is
)

var errLetGo = errors.New("the net was let go")

// safetyNet catches what a container prints that removes itself: its log may vanish before the engine has opened it for us. It attaches when
// the container is created, as "docker run --rm" does, and is let go once the log is surely open.
//
// An engine blocks a container whose output is not taken. So one goroutine reads, does nothing else, and keeps little.
type safetyNet struct {
	kept   atomic.Bool // the engine's description says that it is needed
	off    atomic.Bool // it is not used any more
	cancel context.CancelCauseFunc
	timer  *time.Timer
	budget *atomic.Int64 // what all nets keep
	ahead  time.Duration // of the engine's clock
	seed   maphash.Seed

	ended  chan struct{} // closed when the reading has ended
	mu     sync.Mutex    // held for moments
	caught []byte        // as the engine sent it; there once ended is closed
	marks  []netMark     // when it came

	// What the log has given, of the goroutine that reads it.
	log [streams]tally
}

// netMark says that the bytes up to end came at a time of the engine.
type netMark struct {
	end   int
	nanos int64
}

// tally is how many lines there were, and which.
type tally struct {
	lines int
	sum   uint64
}

// spread attaches to a container that was created at a time of the engine. It returns at once.
func (k *intake) spread(ctx context.Context, c *container, created time.Time) {
	if !k.options.attach || k.noAttach.Load() || c.progress != (progress{}) || time.Now().Add(k.ahead).Sub(created) > netFresh {
		return
	}
	select {
	case k.nets <- struct{}{}:
	default:
		return
	}
	ctx, n := newNet(ctx, &k.netted, k.ahead)
	c.net = n
	k.readings.Go(func() {
		defer func() { <-k.nets }()
		err := n.hold(ctx, func() (net.Conn, error) { return k.engine.attach(ctx, c.id) })
		if err != nil {
			k.notAttached(ctx, c, err)
		}
	})
}

func newNet(ctx context.Context, budget *atomic.Int64, ahead time.Duration) (context.Context, *safetyNet) {
	ctx, cancel := context.WithCancelCause(ctx)
	n := &safetyNet{cancel: cancel, budget: budget, ahead: ahead, seed: maphash.MakeSeed(), ended: make(chan struct{})}
	n.timer = time.AfterFunc(netWaits, func() { cancel(errLetGo) })
	return ctx, n
}

// hold attaches, and reads until the container is over or the net is let go. Its error is that of attaching.
func (n *safetyNet) hold(ctx context.Context, attach func() (net.Conn, error)) error {
	defer close(n.ended)
	defer n.timer.Stop()
	defer n.cancel(nil)
	conn, err := attach()
	if err != nil {
		n.off.Store(true)
		return err
	}
	defer func() { _ = conn.Close() }()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	n.read(ctx, conn)
	return nil
}

// notAttached takes note that there is no net. A socket proxy that forbids it is asked once.
func (k *intake) notAttached(ctx context.Context, c *container, err error) {
	var refused *refusedError
	if errors.As(err, &refused) && refused.status < http.StatusInternalServerError && refused.status != http.StatusNotFound && refused.status != http.StatusConflict {
		if !k.noAttach.Swap(true) {
			k.log.InfoContext(ctx, "engine cannot be attached to: a container that removes itself within moments may be gone before its log is read", "error", err)
		}
		return
	}
	k.log.DebugContext(ctx, "new container is not attached to", "container", c.about.Load().Name, "error", err)
}

// read takes what comes until the container is over or the net is let go.
func (n *safetyNet) read(ctx context.Context, conn net.Conn) {
	var buf []byte
	var marks []netMark
	var charged int
	for {
		if len(buf) == cap(buf) {
			size := max(netFirst, 2*cap(buf))
			charged += size - cap(buf)
			if total := n.budget.Add(int64(size - cap(buf))); size > netBytes || total > netsBytes {
				n.cancel(errLetGo)
				break
			}
			buf = append(make([]byte, 0, size), buf...)
		}
		if len(buf)+markBytes*len(marks) > netBytes {
			n.cancel(errLetGo)
			break
		}
		got, err := conn.Read(buf[len(buf):cap(buf)])
		if got > 0 {
			buf = buf[:len(buf)+got]
			nanos := time.Now().Add(n.ahead).UnixNano()
			if last := len(marks) - 1; last >= 0 && nanos-marks[last].nanos < int64(markGrain) {
				marks[last].end = len(buf)
			} else {
				marks = append(marks, netMark{len(buf), nanos})
			}
		}
		if err != nil {
			break
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.off.Load() || errors.Is(context.Cause(ctx), errLetGo) {
		n.off.Store(true)
		n.budget.Add(int64(-charged))
		return
	}
	n.caught, n.marks = buf, marks
}

// started says that the container starts.
func (n *safetyNet) started() {
	if n != nil {
		n.timer.Reset(netHolds)
	}
}

// discard lets go, and forgets what was caught.
func (n *safetyNet) discard() {
	if n == nil {
		return
	}
	n.take()
	n.cancel(errLetGo)
}

// take gives away what was caught, once.
func (n *safetyNet) take() (caught []byte, marks []netMark) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.off.Store(true)
	n.budget.Add(int64(-cap(n.caught)))
	caught, marks = n.caught, n.marks
	n.caught, n.marks = nil, nil
	return caught, marks
}

// decide looks at the engine's description of the container. A log that outlives the container needs no net, and where none is kept none is wanted.
func (n *safetyNet) decide(about *core.Container) {
	if n == nil || n.off.Load() {
		return
	}
	logging, _ := about.HostConfig["LogConfig"].(map[string]any)
	if remove, _ := about.HostConfig["AutoRemove"].(bool); !remove || logging["Type"] == "none" {
		n.discard()
		return
	}
	n.kept.Store(true)
}

// given takes note of a line that the log gave.
func (n *safetyNet) given(stream uint8, text string) {
	if n != nil && !n.off.Load() {
		n.log[stream].add(n.seed, text)
	}
}

func (t *tally) add(seed maphash.Seed, text string) {
	t.lines++
	t.sum = bits.RotateLeft64(t.sum, 7) ^ maphash.String(seed, asLogged(text))
}

// asLogged is a text as every log driver gives it: json-file replaces each byte that is no UTF-8.
func asLogged(text string) string {
	if utf8.ValidString(text) {
		return text
	}
	return string([]rune(text))
}

// haul takes from the net of a container that is over what its log did not give: per stream the lines behind those that the log gave, when these
// are how the caught ones begin. Where they are not (it was attached to too late, or the log leaves lines out) what is missing cannot be told.
func (k *intake) haul(ctx context.Context, c *container, inspected <-chan struct{}) {
	n := c.net
	if n == nil || n.off.Load() {
		return
	}
	select {
	case <-inspected:
	case <-ctx.Done():
		return
	}
	if !n.kept.Load() || !k.wanted(c) {
		return
	}
	timer := time.NewTimer(netOver)
	defer timer.Stop()
	select {
	case <-n.ended:
	case <-timer.C:
		n.cancel(nil) // what is there is used
		<-n.ended
	case <-ctx.Done():
		return
	}
	caught, marks := n.take()
	if len(caught) == 0 {
		return
	}
	about := c.about.Load()
	s := &splitter{limit: k.options.maxLine, plain: true, known: true, raw: about.Config.Tty}
	for from, i := 0, 0; i < len(marks); from, i = marks[i].end, i+1 {
		s.time.nanos = marks[i].nanos
		if err := s.feed(caught[from:marks[i].end]); err != nil {
			k.log.DebugContext(ctx, "what was caught of a container cannot be understood", "container", about.Name, "error", err)
			return
		}
	}
	s.finish()
	s.split = 0 // the log's reading counts
	s.lines = n.missing(s)
	if len(s.lines) == 0 {
		return
	}

	// The log's own last line may be there without its end, or with it.
	if read := c.splitter; read != nil {
		for stream := range s.open {
			i := slices.IndexFunc(s.lines, func(l line) bool { return int(l.stream) == stream })
			switch a := &read.open[stream]; {
			case i < 0:
			case a.open && !a.inPieces && asLogged(string(a.pending)) == asLogged(string(s.arena[s.lines[i].start:s.lines[i].end])):
				read.end(a)
				s.lines = slices.Delete(s.lines, i, i+1)
			default:
				read.abandon(a)
			}
		}
		_, _ = k.take(ctx, c, false)
	}
	// Behind all that was taken, whatever the clocks say.
	var least [streams]int64
	for stream := range least {
		least[stream] = c.progress.mark(stream).time + 1
	}
	for i := range s.lines {
		l := &s.lines[i]
		l.time = max(l.time, least[l.stream])
		least[l.stream] = l.time
	}
	read := c.splitter
	c.splitter = s
	lines, _ := k.take(ctx, c, false)
	c.splitter = read
	if lines > 0 {
		k.Count("caught_lines", uint64(lines))
	}
}

// missing are the lines of what was caught that the log did not give.
func (n *safetyNet) missing(s *splitter) []line {
	var seen [streams]tally
	var rest []line
	for _, l := range s.lines {
		if t := &seen[l.stream]; t.lines < n.log[l.stream].lines {
			t.add(n.seed, string(s.arena[l.start:l.end]))
			continue
		}
		rest = append(rest, l)
	}
	return slices.DeleteFunc(rest, func(l line) bool { return seen[l.stream] != n.log[l.stream] })
}
