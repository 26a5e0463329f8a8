package moduletest

import (
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gliderlabs/logspout-builder/core"
)

// joiner is a processor that joins an indented line to the one before it, of whatever container: it keeps one message back at most.
type joiner struct {
	held  core.Message
	since time.Time
	ok    bool

	apply func(j *joiner, dst, in []core.Message, now time.Time) []core.Message
	flush func(j *joiner, dst []core.Message, now time.Time, final bool) []core.Message
	told  func(j *joiner) (uint64, time.Time, bool)
}

func (j *joiner) Apply(dst, in []core.Message, now time.Time) []core.Message {
	if j.apply != nil {
		return j.apply(j, dst, in, now)
	}
	return j.join(dst, in, now, 64<<10)
}

func (j *joiner) join(dst, in []core.Message, now time.Time, limit int) []core.Message {
	for _, m := range in {
		if j.ok && m.Container == j.held.Container && strings.HasPrefix(m.Data, " ") && len(j.held.Data) < limit {
			j.held.Data += "\n" + m.Data
			continue
		}
		dst = j.Flush(dst, now, true)
		j.held, j.since, j.ok = m, now, true
	}
	return dst
}

func (j *joiner) Flush(dst []core.Message, now time.Time, final bool) []core.Message {
	if j.flush != nil {
		return j.flush(j, dst, now, final)
	}
	if j.ok && (final || !now.Before(j.since.Add(time.Second))) {
		j.ok = false
		dst = append(dst, j.held)
	}
	return dst
}

func (j *joiner) Held() (uint64, time.Time, bool) {
	if j.told != nil {
		return j.told(j)
	}
	return j.held.Offset, j.since.Add(time.Second), j.ok
}

func joinerSuite(change func(j *joiner)) ProcessorSuite {
	return ProcessorSuite{
		Processor: func(_ core.Env, r *core.Route) (core.Process, error) {
			if r.Option("bad", "") != "" {
				return nil, errors.New("bad: want nothing")
			}
			j := &joiner{}
			change(j)
			return j, nil
		},
		Route:   "join+raw://localhost:1",
		Invalid: []InvalidRoute{{"join+raw://localhost:1?bad=1", []string{"bad: want"}}},
	}
}

func TestProcessorContractHoldsForAGoodProcessor(t *testing.T) {
	TestProcessor(t, joinerSuite(func(*joiner) {}))
}

func TestProcessorContractFindsWhatIsWrong(t *testing.T) {
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	lenient := joinerSuite(func(*joiner) {})
	lenient.Processor = func(core.Env, *core.Route) (core.Process, error) { return &joiner{}, nil }
	busy := joinerSuite(func(*joiner) {})
	busy.Processor = func(core.Env, *core.Route) (core.Process, error) {
		go func() { <-release }()
		runtime.Gosched()
		return &joiner{}, nil
	}
	var kept []core.Message
	testBreaches(t, []breach[ProcessorSuite]{
		{"an invalid route is refused with all that is wrong with it", lenient, "no error"},
		{"making a process starts nothing", busy, "left behind"},
		{"messages are not written to, whatever they hold", joinerSuite(func(j *joiner) {
			j.apply = func(_ *joiner, dst, in []core.Message, _ time.Time) []core.Message {
				in[0].Data = "***"
				return append(dst, in...)
			}
		}), "writes to the batch"},
		{"messages are not written to, whatever they hold", joinerSuite(func(j *joiner) {
			j.apply = func(_ *joiner, _, in []core.Message, _ time.Time) []core.Message {
				for _, m := range in {
					_ = m.Data[0]
				}
				return nil
			}
		}), "panics"},
		{"a batch is not kept", joinerSuite(func(j *joiner) {
			j.apply = func(_ *joiner, dst, in []core.Message, _ time.Time) []core.Message {
				dst = append(dst, kept...)
				kept = in
				return dst
			}
		}), "is used after Apply"},
		{"what is in dst stays", joinerSuite(func(j *joiner) {
			j.apply = func(_ *joiner, _, in []core.Message, _ time.Time) []core.Message {
				return append([]core.Message(nil), in...)
			}
		}), "append to dst"},
		{"Held tells the oldest message kept back", joinerSuite(func(j *joiner) {
			j.told = func(j *joiner) (uint64, time.Time, bool) { return j.held.Offset + 1, j.since, j.ok }
		}), "newest message given"},
		{"Held tells the oldest message kept back", joinerSuite(func(j *joiner) {
			j.told = func(j *joiner) (uint64, time.Time, bool) { return 0, j.since, false }
		}), "although Held said"},
		{"Held tells the oldest message kept back", joinerSuite(func(j *joiner) {
			j.told = func(j *joiner) (uint64, time.Time, bool) { return j.held.Offset, time.Time{}, j.ok }
		}), "is due at"},
		{"Flush gives what is due, and all of it at the end", joinerSuite(func(j *joiner) {
			j.flush = func(j *joiner, dst []core.Message, _ time.Time, final bool) []core.Message {
				if final && j.ok {
					j.ok = false
					dst = append(dst, j.held)
				}
				return dst
			}
		}), "for ever"},
		{"Flush gives what is due, and all of it at the end", joinerSuite(func(j *joiner) {
			j.apply = func(j *joiner, dst, in []core.Message, now time.Time) []core.Message {
				j.held, j.since, j.ok = in[len(in)-1], now, true
				return append(dst, in[:len(in)-1]...)
			}
			j.flush = func(j *joiner, dst []core.Message, now time.Time, final bool) []core.Message {
				j.ok = j.ok && (final || now.Before(j.since.Add(time.Second)))
				return dst
			}
		}), "after the final Flush"},
		{"what is kept back is bounded", joinerSuite(func(j *joiner) {
			j.apply = func(j *joiner, dst, in []core.Message, now time.Time) []core.Message {
				for _, m := range in {
					if !j.ok {
						j.held, j.since, j.ok = m, now, true
					}
				}
				return dst
			}
		}), "MiB of"},
	})
}
