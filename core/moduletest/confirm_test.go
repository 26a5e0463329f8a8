package moduletest

import (
	"context"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/gliderlabs/logspout-builder/core"
)

// confirming is quoting that tells what is confirmed: nothing, until the destination ends the connection after Close has. tell may lie.
type confirming struct {
	*quoting
	tell func(safe, taken uint64) (uint64, uint64)

	mu          sync.Mutex
	safe, taken uint64
}

func (c *confirming) Deliver(ctx context.Context, batch []core.Message) error {
	if err := c.quoting.Deliver(ctx, batch); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.taken += uint64(len(batch))
	return nil
}

func (c *confirming) Confirmed() (safe, taken uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tell != nil {
		return c.tell(c.safe, c.taken)
	}
	return c.safe, c.taken
}

func (c *confirming) Close(ctx context.Context) error {
	tcp, ok := c.conn.(*net.TCPConn)
	if !ok {
		return nil
	}
	_ = tcp.CloseWrite()
	stop := context.AfterFunc(ctx, func() { _ = tcp.Close() })
	defer stop()
	if _, err := io.Copy(io.Discard, tcp); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.safe = c.taken
	return tcp.Close()
}

func confirmingSuite(tell func(safe, taken uint64) (uint64, uint64)) AdapterSuite {
	return quotingSuite(quoting{factory: func(env core.Env, r *core.Route) (core.Adapter, error) {
		q, err := quoting{}.make(env, r)
		if err != nil {
			return nil, err
		}
		return &confirming{quoting: q.(*quoting), tell: tell}, nil //nolint:forcetypeassert // make's
	}})
}

func TestAdapterContractHoldsForAGoodAdapterThatConfirms(t *testing.T) {
	TestAdapter(t, confirmingSuite(nil))
}

// confirmBreaches are adapters that tell something wrong.
func confirmBreaches() []breach[AdapterSuite] {
	return []breach[AdapterSuite]{
		{"what no destination has read is not confirmed", confirmingSuite(func(_, taken uint64) (uint64, uint64) { return taken, taken }), "after Deliver"},
		{"what no destination has read is not confirmed", confirmingSuite(func(safe, _ uint64) (uint64, uint64) { return safe, 7 }), "as before"},
		{"what no destination has read is not confirmed", confirmingSuite(func(safe, taken uint64) (uint64, uint64) { return safe + 1, taken }), "more than were taken"},
		{"Close confirms what the destination has taken", confirmingSuite(func(_, taken uint64) (uint64, uint64) { return 0, taken }), "after every restart"},
		{"Close confirms what the destination has taken", confirmingSuite(func(safe, taken uint64) (uint64, uint64) {
			if safe > 0 {
				return 0, 0
			}
			return safe, taken
		}), "goes back"},
	}
}
