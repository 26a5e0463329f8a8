package docker

import (
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// held is a net whose other end a test writes to.
func held(t *testing.T, budget *atomic.Int64) (n *safetyNet, engine net.Conn) {
	t.Helper()
	here, engine := net.Pipe()
	ctx, n := newNet(t.Context(), budget, time.Hour)
	go func() { _ = n.hold(ctx, func() (net.Conn, error) { return here, nil }) }()
	t.Cleanup(func() {
		n.discard()
		<-n.ended
		if kept := budget.Load(); kept != 0 {
			t.Errorf("%d bytes are still counted as kept", kept)
		}
	})
	return n, engine
}

func (n *safetyNet) holds() bool {
	select {
	case <-n.ended:
		return false
	default:
		return true
	}
}

func TestANetIsHeldForAMomentFromTheStartOfTheContainer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, engine := held(t, new(atomic.Int64))
		time.Sleep(netWaits - time.Second)
		n.started()
		time.Sleep(netHolds - time.Millisecond)
		if _, err := engine.Write([]byte("said")); err != nil || !n.holds() {
			t.Fatalf("let go too early: %v", err)
		}
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		if _, err := engine.Write([]byte("x")); err == nil || n.holds() {
			t.Error("not let go")
		}
		if caught, _ := n.take(); len(caught) > 0 {
			t.Errorf("%q is kept", caught)
		}
	})
}

func TestANetIsNotHeldForAContainerThatNeverStarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, _ := held(t, new(atomic.Int64))
		time.Sleep(netWaits + time.Millisecond)
		synctest.Wait()
		if n.holds() {
			t.Error("not let go")
		}
	})
}

func TestWhatANetCatchesHasTheTimeOfTheEngine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, engine := held(t, new(atomic.Int64))
		began := time.Now()
		for _, text := range []string{"a", "b", "c"} {
			_, _ = engine.Write([]byte(text))
			time.Sleep(time.Second)
		}
		_ = engine.Close()
		<-n.ended
		caught, marks := n.take()
		if string(caught) != "abc" || len(marks) != 3 {
			t.Fatalf("caught %q at %v", caught, marks)
		}
		for i, m := range marks {
			if want := began.Add(time.Hour + time.Duration(i)*time.Second); m.end != i+1 || m.nanos != want.UnixNano() {
				t.Errorf("%d bytes came at %s, want %d at %s", m.end, time.Unix(0, m.nanos), i+1, want)
			}
		}
	})
}

func TestNetsKeepLittleAndNeverHoldUpAContainer(t *testing.T) {
	for name, c := range map[string]struct {
		kept   int64 // by others
		write  string
		every  time.Duration
		writes int // at least that are taken before it is let go, and at most twice as many
	}{
		"much at once":          {write: strings.Repeat("x", 1024), writes: 40},
		"a little now and then": {write: "x", every: 5 * time.Millisecond, writes: 2000},
		"others keep much":      {kept: netsBytes - 8*netFirst, write: strings.Repeat("x", 64), writes: 32},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				budget := new(atomic.Int64)
				budget.Store(c.kept)
				n, engine := held(t, budget)
				written := 0
				for {
					if _, err := engine.Write([]byte(c.write)); err != nil {
						break
					}
					written++
					time.Sleep(c.every)
				}
				<-n.ended
				if written < c.writes || written > 2*c.writes {
					t.Errorf("let go after %d writes, want %d or a little more", written, c.writes)
				}
				if budget.Load() != c.kept {
					t.Errorf("%d bytes are counted as kept, want %d", budget.Load(), c.kept)
				}
				budget.Store(0)
			})
		})
	}
}
