// Package stream keeps a connection to a destination that acknowledges nothing: it redials, sends again what a peer that
// died may not have read, and drains at the end. Every adapter that writes to a socket shares it.
//
// A write that returned is not a delivery: the bytes lie in this kernel's send queue, then in the peer's receive queue, and are gone when
// the peer dies before it reads them. So a Stream keeps what it wrote until the peer's kernel has acknowledged it (SIOCOUTQ, on Linux)
// and a window of time behind that, and sends it first on the next connection, from a record's beginning. The window runs only
// while the peer takes bytes. How the connection ended says how far back to go: a kernel that closes a socket with unread bytes in it resets
// the connection, so behind an orderly end only Config.Window is repeated, and behind a reset also what the peer's receive buffer can have held,
// as far back as Config.ResetWindow.
//
// All of that is in memory. Confirmed tells what it is, so that an adapter that passes it on (core.Confirmer) loses nothing of it when the process
// dies with its peer.
package stream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Config describes a Stream; only Dial is needed.
type Config struct {
	// Dial connects once. Its connection's network tells a datagram socket ("udp", "unixgram") from a stream.
	Dial func(ctx context.Context) (net.Conn, error)
	// Logger hears of lost and restored connections; nil discards.
	Logger *slog.Logger
	// KeepBytes bounds what is kept for a replay; 8 MiB when 0. More than half of it must be more than peers' receive buffers hold.
	KeepBytes int
	// Window is how far behind the last acknowledgement a replay begins when the peer ended the connection in order; 2 s when 0. It
	// covers what the peer has read and not yet put into safety.
	Window time.Duration
	// ResetWindow is the same after a reset or a peer that fell silent; 60 s when 0.
	ResetWindow time.Duration
	// PeerTimeout is how long a peer's kernel may answer nothing before it counts as dead; 60 s when 0. A peer that is slow answers.
	PeerTimeout time.Duration
	// DatagramBytes is the size that a datagram is cut to; 65507 when 0.
	DatagramBytes int
}

const (
	// chunkBytes is how much is written at once: what is interrupted or fails is at most that much.
	chunkBytes = 256 << 10
	// youngAge is how long a connection must live to be trusted, after one that did not.
	youngAge = time.Second
	// unreadSlack is what a peer may hold unread beyond twice the widest window that it has ever offered. Windows follow receive buffers: all of
	// one while it is empty, or at least half of what it comes to hold while it fills.
	unreadSlack = 256 << 10
	// watchTick is how often a connection is looked at while nothing is written.
	watchTick = 500 * time.Millisecond
)

// ErrClosed says that the Stream was closed.
var ErrClosed = errors.New("stream is closed")

// errHungUp is what a Write finds that waited for a connection to prove itself.
var errHungUp = errors.New("the peer takes connections and ends them at once")

// Stream writes records to one destination. Write and Deliver are called from one goroutine at a time.
type Stream struct {
	cfg Config

	// turn is held, as a mutex that heeds a context, by whoever uses the connection and the fields up to the blank line.
	turn      chan struct{}
	link      *link // nil while there is no connection
	kept      kept
	unsent    int // how much of kept's end an interrupted write has left unwritten
	suspect   bool
	repairing bool
	closed    bool

	watchers sync.WaitGroup
	start    func(func(context.Context)) // starts a watcher; set by the first connection, as stop
	stop     context.CancelFunc          // ends them
	refused  atomic.Uint64
	replayed atomic.Uint64
	taken    atomic.Uint64 // kept.end
	safe     atomic.Uint64 // what no replay will go back to
	warned   time.Time     // of refusals

	buf   []byte // Deliver's
	ends  []int
	index []int
}

// New makes a Stream; it connects when something is written.
func New(cfg Config) *Stream {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	cfg.KeepBytes = or(cfg.KeepBytes, 8<<20)
	cfg.Window = or(cfg.Window, 2*time.Second)
	cfg.ResetWindow = max(or(cfg.ResetWindow, time.Minute), cfg.Window)
	cfg.PeerTimeout = or(cfg.PeerTimeout, time.Minute)
	cfg.DatagramBytes = or(cfg.DatagramBytes, 65507)
	s := &Stream{cfg: cfg, turn: make(chan struct{}, 1)}
	s.kept = kept{limit: cfg.KeepBytes, window: cfg.ResetWindow}
	return s
}

// Refused is how many datagrams the destination has refused.
func (s *Stream) Refused() uint64 { return s.refused.Load() }

// Replayed is how many bytes were sent again.
func (s *Stream) Replayed() uint64 { return s.replayed.Load() }

// Counts is core.Counter's.
func (s *Stream) Counts() map[string]uint64 {
	return map[string]uint64{"refused_datagrams": s.Refused(), "replayed_bytes": s.Replayed()}
}

// Confirmed is core.Confirmer's, in bytes. What is safe is what the Stream would not send again however this connection ended; datagrams are
// no part of it.
func (s *Stream) Confirmed() (safe, taken uint64) {
	safe = s.safe.Load() // first: it never passes what is taken by then
	return safe, s.taken.Load()
}

// Write writes records: buf[:ends[0]], buf[ends[0]:ends[1]], ... It connects where there is no connection, redials at most once, and
// waits for a slow peer until ctx ends. taken tells how many records, from the first, are written or the Stream's to finish: with
// an error, only the others must come again. A datagram socket gets one record a datagram, cut to size.
func (s *Stream) Write(ctx context.Context, buf []byte, ends []int) (taken int, err error) {
	if err := s.acquire(ctx); err != nil {
		return 0, err
	}
	defer s.release()
	if s.closed {
		return 0, ErrClosed
	}
	for redialed := false; taken < len(ends); {
		if s.link != nil && s.link.gone() {
			err = s.link.cause()
			s.drop(err)
		}
		if s.link == nil {
			if redialed {
				return taken, fmt.Errorf("write: %w", err)
			}
			redialed = true
			if err = s.connect(ctx); err != nil {
				return taken, err
			}
		}
		var n int
		n, err = s.send(ctx, buf, ends, taken)
		taken += n
		if err != nil && ctx.Err() != nil && !s.link.gone() {
			return taken, fmt.Errorf("write: %w", ctx.Err())
		}
		if err != nil {
			s.drop(err)
		}
		if err != nil && ctx.Err() != nil {
			return taken, fmt.Errorf("write: %w", ctx.Err())
		}
	}
	return taken, nil
}

// send writes the next chunk of records and returns how many of them are done with.
func (s *Stream) send(ctx context.Context, buf []byte, ends []int, from int) (int, error) {
	start := 0
	if from > 0 {
		start = ends[from-1]
	}
	if s.link.datagram {
		return s.sendDatagrams(ctx, buf, start, ends[from:])
	}
	to := from + 1
	for to < len(ends) && ends[to]-start <= chunkBytes {
		to++
	}
	chunk := buf[start:ends[to-1]]
	if err := s.finish(ctx); err != nil {
		return 0, err
	}
	if err := s.room(ctx, len(chunk)); err != nil {
		return 0, err
	}
	n, err := s.link.write(ctx, chunk)
	if err != nil {
		if n == 0 || s.link.gone() {
			return 0, err
		}
		// Interrupted, not broken: the record that is on its way is finished before anything else is written.
		to = from
		for ends[to]-start < n {
			to++
		}
		to++
		chunk = buf[start:ends[to-1]]
		s.unsent = len(chunk) - n
	}
	s.kept.add(chunk, start, ends[from:to])
	s.observe()
	return to - from, err
}

// finish writes the rest of a record that an interrupted write has begun.
func (s *Stream) finish(ctx context.Context) error {
	for s.unsent > 0 {
		part := s.kept.bytes(s.kept.end - uint64(s.unsent))
		n, err := s.link.write(ctx, part)
		s.unsent -= n
		if err != nil {
			return err
		}
	}
	return nil
}

// room waits until n more bytes may be kept: what leaves must have been acknowledged on this connection, with more bytes behind it than a peer's
// receive buffer holds. So a peer that takes connections and bytes, but reads nothing, never costs a line.
func (s *Stream) room(ctx context.Context, n int) error {
	if s.kept.room(n) {
		return nil
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		s.observe()
		if s.kept.room(n) {
			return nil
		}
		timer.Reset(2 * time.Millisecond)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.link.ended:
			return s.link.cause()
		case <-timer.C:
		}
	}
}

// connect dials, and sends again what the last peer may not have read.
func (s *Stream) connect(ctx context.Context) error {
	conn, err := s.cfg.Dial(ctx)
	if err != nil {
		return err
	}
	l := newLink(conn)
	s.link = l
	if l.datagram {
		return nil
	}
	s.kept.restart(time.Now())
	s.unsent = 0
	if s.start == nil {
		life, stop := context.WithCancel(context.WithoutCancel(ctx))
		s.stop = stop
		s.start = func(f func(context.Context)) { s.watchers.Go(func() { f(life) }) }
	}
	s.start(func(ctx context.Context) { s.watch(ctx, l) })
	again := int(s.kept.end - s.kept.base) //nolint:gosec // at most kept's size
	for at := s.kept.base; at < s.kept.end; {
		part := s.kept.bytes(at)
		n, err := l.write(ctx, part[:min(len(part), chunkBytes)])
		at += uint64(n)           //nolint:gosec // a count
		s.replayed.Add(uint64(n)) //nolint:gosec // a count
		if err != nil {
			err = fmt.Errorf("replay: %w", err)
			s.drop(err)
			return err
		}
	}
	if again > 0 {
		s.cfg.Logger.InfoContext(ctx, "connection restored", "replayed_bytes", again)
	}
	return s.trust(ctx)
}

// trust waits, where the last connection ended as soon as it was made, until this one has lived for a moment. Without that a peer that
// takes and ends connections (a proxy without its backend, TLS 1.3 without the right client certificate) would seem to take lines.
func (s *Stream) trust(ctx context.Context) error {
	if !s.suspect {
		return nil
	}
	timer := time.NewTimer(youngAge)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-s.link.ended:
		err := fmt.Errorf("%w: %w", errHungUp, s.link.cause())
		s.drop(err)
		return err
	case <-timer.C:
		s.suspect = false
		return nil
	}
}

// drop gives up the connection, and forgets what its orderly end says the peer has read.
func (s *Stream) drop(cause error) {
	l := s.link
	s.link, s.unsent = nil, 0
	s.suspect = time.Since(l.since) < youngAge
	l.abandon()
	if l.datagram {
		return
	}
	if l.endedInOrder() {
		s.kept.forget(s.cfg.Window)
	} else if l.window > 0 {
		s.kept.forgetRead(s.cfg.Window, l.unread())
	}
	s.confirm(s.kept.base)
	s.cfg.Logger.Warn("connection lost", "error", cause, "kept_bytes", s.kept.end-s.kept.base)
}

// observe notes what the peer's kernel has acknowledged by now.
func (s *Stream) observe() {
	l := s.link
	l.window = max(l.window, peerWindow(l.raw))
	s.kept.observe(time.Now(), l.queued()+s.unsent)
	s.taken.Store(s.kept.end)
	before := s.kept.base
	if l.window > 0 { // as drop does, where it does not know better
		before = s.kept.readBefore(s.cfg.Window, l.unread())
	}
	s.confirm(before)
}

// confirm notes that no replay will go back to before pos.
func (s *Stream) confirm(pos uint64) {
	if pos > s.safe.Load() { // the peer may have widened its window since
		s.safe.Store(pos)
	}
}

func (s *Stream) acquire(ctx context.Context) error {
	select {
	case s.turn <- struct{}{}:
		return nil
	default:
	}
	select {
	case s.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Stream) release() { <-s.turn }

// or is v, or def when v is zero.
func or[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}
