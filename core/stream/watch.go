package stream

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// watch reads the connection, which nobody writes to, so that its end is seen at once and not by the next line. When it ends with something
// to repeat, that is done without waiting for the next line either.
func (s *Stream) watch(ctx context.Context, l *link) {
	l.end(s.readUntilEnd(ctx, l))
	l.abandon()
	s.repair(ctx, l)
}

func (s *Stream) readUntilEnd(ctx context.Context, l *link) error {
	buf := make([]byte, 512)
	for {
		look := time.Now().Add(watchTick)
		_ = l.conn.SetReadDeadline(look)
		var err error
		for err == nil && time.Now().Before(look) { // what a peer says is not for us
			_, err = l.conn.Read(buf)
		}
		switch {
		case err != nil && !errors.Is(err, os.ErrDeadlineExceeded):
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case silent(l.raw, s.cfg.PeerTimeout):
			return fmt.Errorf("the peer has answered nothing for %v", s.cfg.PeerTimeout)
		default:
			s.lookAt(l)
		}
	}
}

// lookAt notes what is acknowledged, unless a Write does that just now.
func (s *Stream) lookAt(l *link) {
	select {
	case s.turn <- struct{}{}:
		if s.link == l {
			s.observe()
		}
		s.release()
	default:
	}
}

// repair connects again for what l's peer may not have read, unless a Write is faster.
func (s *Stream) repair(ctx context.Context, l *link) {
	first := true
	for delay := 100 * time.Millisecond; ; delay = min(2*delay, 10*time.Second) {
		if s.acquire(ctx) != nil {
			return
		}
		done := s.repairOnce(ctx, l, first)
		s.release()
		if done {
			return
		}
		first = false
		timer := time.NewTimer(delay)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// repairOnce reports whether there is nothing left to do for this watcher.
func (s *Stream) repairOnce(ctx context.Context, l *link, first bool) (done bool) {
	if s.link == l {
		s.drop(l.cause())
	}
	if s.closed || s.link != nil || first && s.repairing || s.kept.base == s.kept.end {
		if !first {
			s.repairing = false
		}
		return true
	}
	s.repairing = true
	if err := s.connect(ctx); err != nil {
		s.cfg.Logger.DebugContext(ctx, "not yet connected again", "error", err)
		return false
	}
	s.repairing = false
	return true
}

// Close finishes what an interrupted Write began, sends again what a dead peer may not have read, waits until the peer's kernel has
// everything, says that nothing more comes and waits a moment for the peer to agree. It gives up when ctx ends and tells what may be lost.
func (s *Stream) Close(ctx context.Context) error {
	err := s.drain(ctx)
	if s.stop != nil {
		s.stop()
	}
	s.watchers.Wait()
	if s.link != nil {
		s.link.abandon()
	}
	return err
}

func (s *Stream) drain(ctx context.Context) error {
	if err := s.acquire(ctx); err != nil {
		return fmt.Errorf("close: %w", err)
	}
	defer s.release()
	s.closed = true
	var err error
	for delay := 50 * time.Millisecond; ; delay = min(2*delay, time.Second) {
		if err = s.deliverRest(ctx); err == nil || ctx.Err() != nil {
			break
		}
		timer := time.NewTimer(delay)
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
	l := s.link
	if l == nil || err != nil {
		if n := s.kept.end - s.kept.base; n > 0 {
			return fmt.Errorf("close: the last %d records (%d bytes) may not have arrived: %w", len(s.kept.ends)-s.kept.first, n, err)
		}
		return nil
	}
	s.link = nil
	if l.datagram {
		return l.conn.Close()
	}
	_ = l.conn.Close()
	return nil
}

// deliverRest is one attempt to bring everything to the peer's kernel, and to hear from it that nothing was left unread.
func (s *Stream) deliverRest(ctx context.Context) error {
	if s.link != nil && s.link.gone() {
		s.drop(s.link.cause())
	}
	if s.link == nil {
		if s.kept.base == s.kept.end {
			return nil
		}
		if err := s.connect(ctx); err != nil {
			return err
		}
	}
	if s.link.datagram {
		return nil
	}
	if err := s.finish(ctx); err != nil {
		return err
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for s.link.queued() > 0 {
		timer.Reset(5 * time.Millisecond)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.link.ended:
			return s.link.cause()
		case <-timer.C:
		}
	}
	if err := s.link.halfClose(); err != nil {
		return err
	}
	timer.Reset(time.Second)
	select {
	case <-ctx.Done():
	case <-s.link.ended:
		if s.link.endedInOrder() { // it has read everything: nothing will be repeated
			s.kept.discard(s.kept.end)
			s.confirm(s.kept.end)
		} else if s.kept.base != s.kept.end {
			return s.link.cause()
		}
	case <-timer.C: // nobody knows
	}
	return nil
}
