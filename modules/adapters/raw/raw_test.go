package raw_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gliderlabs/logspout-builder/core"
	"github.com/gliderlabs/logspout-builder/core/moduletest"
	"github.com/gliderlabs/logspout-builder/modules/adapters/raw"
	"github.com/gliderlabs/logspout-builder/modules/transports/tcp"
	"github.com/gliderlabs/logspout-builder/modules/transports/udp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func environment(vars core.Vars) func(testing.TB) core.Env {
	return func(tb testing.TB) core.Env {
		tb.Helper()
		env := moduletest.NewEnv(tb, vars)
		env.Modules = &moduletest.Modules{Transports: map[string]core.AdapterTransport{"tcp": tcp.Transport{}, "udp": udp.Transport{}}}
		return env
	}
}

func TestRawKeepsTheAdapterContract(t *testing.T) {
	moduletest.TestAdapter(t, moduletest.AdapterSuite{
		Factory: raw.New,
		Env:     environment(nil),
		Destination: func(tb testing.TB) moduletest.Destination {
			tb.Helper()
			sink := moduletest.NewSink(tb, "tcp")
			return moduletest.Destination{
				Route: "raw+tcp://" + sink.Address,
				Arrived: func(sent []core.Message) error {
					var want strings.Builder
					for i := range sent {
						want.WriteString(sent[i].Data + "\n")
					}
					if got := strings.Join(sink.Streams(), ""); got != want.String() {
						return fmt.Errorf("%d bytes arrived, want %d: %.100q", len(got), want.Len(), got)
					}
					return nil
				},
			}
		},
		Invalid: []moduletest.InvalidRoute{
			{URI: "raw+tcp://host?format={{.Dta}}", Problems: []string{"want host:port", `did you mean "Data"?`}},
			{URI: "raw+tpc://host:1", Problems: []string{"tpc", `did you mean "tcp"?`}},
			{URI: "raw+udp://host:1?datagram_bytes=1", Problems: []string{"datagram_bytes", "480"}},
			{URI: "raw+tcp://ops:hunter2@host:514/lines", Problems: []string{`user "ops" and password: raw+tcp sends none`, `path "/lines"`}},
			{URI: "raw+tcp://", Problems: []string{"address"}},
		},
	})
}

func TestFormatComesFromTheRouteOrTheEnvironment(t *testing.T) {
	for name, c := range map[string]struct {
		vars        core.Vars
		query, want string
	}{
		"default":                    {want: "hello\n"},
		"environment":                {vars: core.Vars{"RAW_FORMAT": `{{.Container.Name}}\t{{toJSON .Data}}\n`}, want: "/web\t\"hello\"\n"},
		"route over the environment": {vars: core.Vars{"RAW_FORMAT": "{{nope}}"}, query: `?format={{.Source}}:%20{{.Data}}\n`, want: "stdout: hello\n"},
	} {
		t.Run(name, func(t *testing.T) {
			sink := moduletest.NewSink(t, "udp")
			route, err := core.ParseRoute("raw://" + sink.Address + c.query)
			if err != nil {
				t.Fatal(err)
			}
			a, err := raw.New(environment(c.vars)(t), route)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = a.Close(t.Context()) }()
			m := core.Message{Container: &core.Container{Name: "/web"}, Source: "stdout", Data: "hello"}
			if err := a.Deliver(t.Context(), []core.Message{m}); err != nil {
				t.Fatal(err)
			}
			for end := time.Now().Add(5 * time.Second); len(sink.Datagrams()) == 0; time.Sleep(time.Millisecond) {
				if time.Now().After(end) {
					t.Fatal("nothing arrived within 5 s")
				}
			}
			if got := sink.Datagrams()[0]; got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestMessageThatTheTemplateCannotTakeIsRejectedAlone(t *testing.T) {
	sink := moduletest.NewSink(t, "udp")
	route, err := core.ParseRoute("raw://" + sink.Address + "?format={{slice%20.Data%203}}")
	if err != nil {
		t.Fatal(err)
	}
	a, err := raw.New(environment(nil)(t), route)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = a.Close(t.Context()) }()
	container := &core.Container{}
	err = a.Deliver(t.Context(), []core.Message{{Container: container, Data: "abcd"}, {Container: container, Data: "a"}, {Container: container, Data: "abce"}})
	var partial *core.PartialError
	if !errors.As(err, &partial) || len(partial.Retry) != 0 || len(partial.Rejected) != 1 || partial.Rejected[0] != 1 {
		t.Fatalf("error %v, want message 1 rejected", err)
	}
	if !strings.Contains(err.Error(), "option format:1") {
		t.Errorf("error %v does not tell the place", err)
	}
}
