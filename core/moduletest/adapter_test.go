package moduletest

import (
	"context"
	"errors"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gliderlabs/logspout-builder/core"
)

// quoting is an adapter that writes each line quoted to a TCP connection, and the ways in which it can be wrong.
type quoting struct {
	route *core.Route
	conn  net.Conn
	kept  []core.Message

	factory func(env core.Env, route *core.Route) (core.Adapter, error)
	before  func(q *quoting, ctx context.Context, batch []core.Message) (batch2 []core.Message, done bool, err error)
	close   func(q *quoting, ctx context.Context) error
}

func (q quoting) make(env core.Env, route *core.Route) (core.Adapter, error) {
	if q.factory != nil {
		return q.factory(env, route)
	}
	err := route.CheckOptions("known")
	if v := route.Option("known", "0"); v != "0" && v != "1" {
		err = errors.Join(err, errors.New("known: want 0 or 1"))
	}
	if err != nil {
		return nil, err
	}
	q.route = route
	return &q, nil
}

func (q *quoting) Deliver(ctx context.Context, batch []core.Message) error {
	if q.before != nil {
		var done bool
		var err error
		if batch, done, err = q.before(q, ctx, batch); done || err != nil {
			return err
		}
	}
	if q.conn == nil {
		var d net.Dialer
		var err error
		if q.conn, err = d.DialContext(ctx, "tcp", q.route.Address); err != nil {
			return err
		}
	}
	var b strings.Builder
	for i := range batch {
		b.WriteString(strconv.Quote(batch[i].Data) + "\n")
	}
	stop := context.AfterFunc(ctx, func() { _ = q.conn.SetWriteDeadline(time.Unix(1, 0)) })
	defer stop()
	if _, err := q.conn.Write([]byte(b.String())); err != nil {
		_ = q.conn.Close()
		q.conn = nil
		return err
	}
	return nil
}

func (q *quoting) Close(ctx context.Context) error {
	if q.close != nil {
		return q.close(q, ctx)
	}
	if q.conn != nil {
		return q.conn.Close()
	}
	return nil
}

func quotingDestination(tb testing.TB) Destination {
	tb.Helper()
	s := NewSink(tb, "tcp")
	return Destination{
		Route: "quoting://" + s.Address,
		Arrived: func(sent []core.Message) error {
			var want []string
			for _, m := range sent {
				want = append(want, strconv.Quote(m.Data))
			}
			return SameLines(strings.Split(strings.TrimSuffix(string(s.Bytes()), "\n"), "\n"), want)
		},
	}
}

func quotingSuite(q quoting) AdapterSuite {
	return AdapterSuite{
		Factory:     q.make,
		Destination: quotingDestination,
		Invalid:     []InvalidRoute{{"quoting://localhost:1?known=2&other=1", []string{"want 0 or 1", `"other"`}}},
	}
}

func TestAdapterContractHoldsForAGoodAdapter(t *testing.T) { TestAdapter(t, quotingSuite(quoting{})) }

func TestAdapterContractFindsWhatIsWrong(t *testing.T) {
	hooked := func(before func(q *quoting, ctx context.Context, batch []core.Message) ([]core.Message, bool, error)) AdapterSuite {
		return quotingSuite(quoting{before: before})
	}
	made := func(factory func(env core.Env, r *core.Route) (core.Adapter, error)) AdapterSuite {
		return quotingSuite(quoting{factory: factory})
	}
	good := quoting{}
	closed := func(f func(q *quoting, ctx context.Context) error) AdapterSuite {
		return quotingSuite(quoting{close: f})
	}
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	testBreaches(t, append(confirmBreaches(), []breach[AdapterSuite]{
		{"the factory does no I/O", made(func(env core.Env, r *core.Route) (core.Adapter, error) {
			if c, err := net.DialTimeout("tcp", r.Address, time.Second); err == nil {
				_ = c.Close()
			}
			return good.make(env, r)
		}), "connects to the destination"},
		{"the factory does no I/O", made(func(core.Env, *core.Route) (core.Adapter, error) {
			panic("no")
		}), "panics"},
		{"the factory leaves the route alone", made(func(env core.Env, r *core.Route) (core.Adapter, error) {
			r.Options["known"] = "1"
			return good.make(env, r)
		}), "changed the route"},
		{"unknown options are refused, all at once", made(func(_ core.Env, r *core.Route) (core.Adapter, error) {
			return &quoting{route: r}, nil
		}), "no error"},
		{"unknown options are refused, all at once", made(func(core.Env, *core.Route) (core.Adapter, error) {
			return nil, errors.New(`unknown option "xunknownx"`)
		}), "yunknowny"},
		{"an invalid route is refused with all that is wrong with it", made(func(_ core.Env, r *core.Route) (core.Adapter, error) {
			return nil, r.CheckOptions("known")
		}), "does not name"},
		{"a batch is delivered whole and in order", hooked(func(_ *quoting, _ context.Context, batch []core.Message) ([]core.Message, bool, error) {
			return batch[len(batch)/2:], false, nil
		}), "want"},
		{"a batch is delivered whole and in order", hooked(func(*quoting, context.Context, []core.Message) ([]core.Message, bool, error) {
			return nil, true, errors.New("not today")
		}), "not today"},
		{"whatever a line and a container hold is delivered", hooked(func(_ *quoting, _ context.Context, batch []core.Message) ([]core.Message, bool, error) {
			var some []core.Message
			for _, m := range batch {
				if len(m.Data) < 1<<20 {
					some = append(some, m)
				}
			}
			return some, false, nil
		}), "want \"\\\"1 MiB"},
		{"whatever a line and a container hold is delivered", hooked(func(_ *quoting, _ context.Context, batch []core.Message) ([]core.Message, bool, error) {
			for _, m := range batch {
				_ = m.Data[0]
			}
			return batch, false, nil
		}), "panics"},
		{"an empty batch is delivered", hooked(func(_ *quoting, _ context.Context, batch []core.Message) ([]core.Message, bool, error) {
			_ = batch[0]
			return batch, false, nil
		}), "panics"},
		{"a batch is not written to", hooked(func(_ *quoting, _ context.Context, batch []core.Message) ([]core.Message, bool, error) {
			batch[0].Data = "mine"
			return batch, false, nil
		}), "writes to the batch"},
		{"nothing of a batch is used after Deliver has returned", hooked(func(q *quoting, _ context.Context, batch []core.Message) ([]core.Message, bool, error) {
			late := q.kept
			q.kept = batch
			return late, false, nil
		}), "want"},
		{"Deliver returns when its context ends", hooked(func(q *quoting, _ context.Context, batch []core.Message) ([]core.Message, bool, error) {
			<-release
			return batch, false, nil
		}), "does not return"},
		{"Deliver returns at once when its context has ended", hooked(func(_ *quoting, ctx context.Context, batch []core.Message) ([]core.Message, bool, error) {
			return batch, false, core.Permanent(ctx.Err())
		}), "permanent"},
		{"a dead destination is an error worth trying again", hooked(func(q *quoting, _ context.Context, _ []core.Message) ([]core.Message, bool, error) {
			return nil, true, nil
		}), "in silence"},
		{"a dead destination is an error worth trying again", hooked(func(q *quoting, _ context.Context, _ []core.Message) ([]core.Message, bool, error) {
			_, err := net.Dial("tcp", q.route.Address)
			return nil, true, core.Permanent(err)
		}), "permanent"},
		{"Close ends all that was started", closed(func(*quoting, context.Context) error {
			go func() { <-release }()
			return nil
		}), "left behind"},
		{"Close returns when its context has ended", closed(func(*quoting, context.Context) error {
			<-release
			return nil
		}), "does not return"},
	}...))
}
