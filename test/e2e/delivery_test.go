package e2e

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/client"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/gliderlabs/logspout-builder/test/engine"
	"github.com/gliderlabs/logspout-builder/test/rsyslog"
)

// only is the filter that keeps a test's routes to its own containers.
func only(name string) string { return "filter.name=" + name + "-*" }

// unique is a name for a test's containers that no other run has.
func unique(name string) string { return fmt.Sprintf("%s-%d", name, time.Now().UnixNano()%1e9) }

// printer is a shell script that prints lines 1 to n with a prefix on stdout, and every tenth on stderr too.
func printer(prefix string, n, every int) []string {
	pause := ""
	if every > 0 {
		pause = fmt.Sprintf("; usleep %d", every)
	}
	return []string{"sh", "-c", fmt.Sprintf(`i=1; while [ $i -le %d ]; do echo "%s $i"; [ $((i%%10)) = 0 ] && echo "%s err $i" >&2; i=$((i+1))%s; done`, n, prefix, prefix, pause)}
}

// printed are the lines of printer by source.
func printed(prefix string, n int) (stdout, stderr []string) {
	for i := 1; i <= n; i++ {
		stdout = append(stdout, fmt.Sprintf("%s %d", prefix, i))
		if i%10 == 0 {
			stderr = append(stderr, fmt.Sprintf("%s err %d", prefix, i))
		}
	}
	return stdout, stderr
}

func TestRsyslogAndKafkaReceiveEveryLineInOrderOnce(t *testing.T) {
	t.Parallel()
	e := engine.New(t)
	server := rsyslog.Start(t)
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(3, "logs"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	name := unique("all")
	f := start(t, nil,
		"syslog+tcp://"+server.TCP+"?framing=octet-counted&"+only(name),
		"syslog+udp://"+server.UDP+"?"+only(name)+"&filter.sources=stderr", // few and slow: UDP promises nothing
		"kafka://"+cluster.ListenAddrs()[0]+"/logs?"+only(name),
	)
	const containers, lines = 5, 2000
	type stream struct{ container, source string }
	want := map[stream][]string{}
	hostnames := map[string]string{} // of the container: its short id
	for i := range containers {
		c := fmt.Sprintf("%s-%d", name, i)
		id := e.Run(t, engine.Container{Name: c, Cmd: printer(c, lines, 0)})
		hostnames[c] = id[:12]
		want[stream{c, "stdout"}], want[stream{c, "stderr"}] = printed(c, lines)
	}
	total := containers * (lines + lines/10)

	records := server.Wait(60*time.Second, func(r []rsyslog.Record) bool { return len(r) >= total+containers*lines/10 })
	byTCP, byUDP := map[stream][]string{}, map[stream][]string{}
	for _, r := range records {
		source := map[string]string{"14": "stdout", "11": "stderr"}[r.Pri]
		if r.Host != hostnames[r.App] || r.SD != "-" || r.Proc == "" {
			t.Fatalf("fields of %+v: want host %s, no structured data and a process id", r, hostnames[r.App])
		}
		if r.Transport == "imtcp" {
			byTCP[stream{r.App, source}] = append(byTCP[stream{r.App, source}], r.Message)
		} else {
			byUDP[stream{r.App, source}] = append(byUDP[stream{r.App, source}], r.Message)
		}
	}
	byKafka := map[stream][]string{}
	consume(t, cluster.ListenAddrs()[0], "logs", total, func(r *kgo.Record) {
		h := headers(r)
		s := stream{strings.TrimPrefix(h["container_name"], "/"), h["source"]}
		byKafka[s] = append(byKafka[s], string(r.Value))
	})
	for s, lines := range want {
		compare(t, fmt.Sprint("TCP ", s), byTCP[s], lines)
		compare(t, fmt.Sprint("Kafka ", s), byKafka[s], lines)
		if s.source == "stderr" {
			compare(t, fmt.Sprint("UDP ", s), byUDP[s], lines)
		}
	}
	if lost := f.metric("logspout_route_lost_lines_total", ""); lost != 0 {
		t.Errorf("/metrics tells of %v lines lost", lost)
	}
	f.stop()
}

func TestShortContainersInParallelLoseNothing(t *testing.T) {
	t.Parallel()
	e := engine.New(t)
	sink := newCollector(t)
	sink.Open()
	name := unique("short")
	start(t, map[string]string{"RAW_FORMAT": `{{.Container.Name}} {{.Source}} {{.Data}}\n`}, "raw+tcp://"+sink.Address+"?"+only(name))
	const containers = 60 // the docker log router's own tests start 160
	want := map[string]bool{}
	for i := range containers {
		c := fmt.Sprintf("%s-%d", name, i)
		want[fmt.Sprintf("/%s stdout first of %d", c, i)] = true
		want[fmt.Sprintf("/%s stderr second of %d", c, i)] = true
		want[fmt.Sprintf("/%s stdout third of %d", c, i)] = true
	}
	ids := make([]string, containers)
	for i := range ids {
		// Half of them are gone the moment they end. Half end without a line feed, which Engine 20.10 gives only to those who read once more,
		// when a container that removes itself may be gone.
		end := "\\n"
		if i%4 < 2 {
			end = ""
		}
		ids[i] = e.Create(t, engine.Container{
			Name: fmt.Sprintf("%s-%d", name, i), AutoRemove: i%2 == 1,
			Cmd: []string{"sh", "-c", fmt.Sprintf("echo first of %d; echo second of %d >&2; printf 'third of %d%s'", i, i, i, end)},
		})
	}
	gate := make(chan struct{}, 8)
	done := make(chan struct{}, containers)
	for _, id := range ids { // once they are there: the forwarder attaches to those that remove themselves meanwhile
		gate <- struct{}{}
		go func() {
			_, err := e.ContainerStart(context.WithoutCancel(t.Context()), id, client.ContainerStartOptions{})
			if err != nil {
				t.Errorf("start container: %v", err)
			}
			<-gate
			done <- struct{}{}
		}()
	}
	for range containers {
		<-done
	}
	deadline := time.Now().Add(30 * time.Second)
	for len(sink.Lines()) < len(want) && time.Now().Before(deadline) {
		time.Sleep(50 * time.Millisecond)
	}
	time.Sleep(500 * time.Millisecond) // for what would come twice
	got := sink.Lines()
	if len(got) != len(want) {
		t.Errorf("%d lines, want %d", len(got), len(want))
	}
	for _, l := range got {
		if !want[l] {
			t.Errorf("line %q came and was not printed, or came twice", l)
		}
		delete(want, l)
	}
	for l := range want {
		t.Errorf("line %q is missing", l)
	}
}

func TestRestartOfTheForwarderLosesNothingAndRepeatsNothing(t *testing.T) {
	t.Parallel()
	e := engine.New(t)
	sink := newCollector(t)
	sink.Open()
	name := unique("resume")
	env := map[string]string{"LOGSPOUT_STATE": t.TempDir()}
	route := "raw+tcp://" + sink.Address + "?" + only(name)
	f := start(t, env, route)
	const lines = 6000
	id := e.Run(t, engine.Container{Name: name + "-0", Cmd: printer("line", lines, 500)})
	for range 3 {
		before := len(sink.Lines())
		wait(t, 30*time.Second, "lines to flow", func() bool { return len(sink.Lines()) > before+300 })
		f.stop()
		time.Sleep(300 * time.Millisecond) // lines are printed while no forwarder runs
		f = start(t, env, route)
	}
	e.WaitExit(t, id)
	stdout, stderr := printed("line", lines)
	wait(t, 30*time.Second, "every line", func() bool { return len(sink.Lines()) >= len(stdout)+len(stderr) })
	time.Sleep(300 * time.Millisecond)
	var gotOut, gotErr []string
	for _, l := range sink.Lines() {
		if strings.HasPrefix(l, "line err ") {
			gotErr = append(gotErr, l)
		} else {
			gotOut = append(gotOut, l)
		}
	}
	compare(t, "stdout", gotOut, stdout)
	compare(t, "stderr", gotErr, stderr)
}

func TestKilledForwarderLosesNothing(t *testing.T) {
	t.Parallel()
	e := engine.New(t)
	sink := newCollector(t)
	sink.Open()
	name := unique("killed")
	env := map[string]string{"LOGSPOUT_STATE": t.TempDir()}
	route := "raw+tcp://" + sink.Address + "?" + only(name)
	f := start(t, env, route)
	const lines = 4000
	e.Run(t, engine.Container{Name: name + "-0", Cmd: printer("line", lines, 500)})
	wait(t, 30*time.Second, "lines to flow", func() bool { return len(sink.Lines()) > 1200 })
	f.kill()
	start(t, env, route)
	stdout, stderr := printed("line", lines)
	everyLine(t, "the collector", sink, slices.Concat(stdout, stderr), 60*time.Second)
}

func TestWhatADestinationHadNotReadWhenBothDiedComesAgain(t *testing.T) {
	t.Parallel()
	for how, end := range map[string]func(*forwarder){"killed": (*forwarder).kill, "stopped": (*forwarder).stop} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			e := engine.New(t)
			sink := newCollector(t)
			sink.Open()
			name := unique("both-" + how)
			env := map[string]string{"LOGSPOUT_STATE": t.TempDir()}
			route := "raw+tcp://" + sink.Address + "?" + only(name)
			f := start(t, env, route)
			const lines = 4000
			stdout, stderr := printed("line", lines)
			all := slices.Concat(stdout, stderr)
			id := e.Run(t, engine.Container{Name: name + "-0", Cmd: printer("line", lines, 500)})
			wait(t, 30*time.Second, "lines to flow", func() bool { return len(sink.Lines()) > 500 })
			sink.Stall(true)
			e.WaitExit(t, id)
			wait(t, 30*time.Second, "all lines to be written", func() bool {
				return f.metric("logspout_route_delivered_lines_total", "") == float64(len(all))
			})
			time.Sleep(2500 * time.Millisecond) // checkpoints are written every second
			end(f)
			sink.Leave()
			if got := len(sink.Lines()); got >= len(all) {
				t.Fatalf("the destination read all %d lines before it died: the test shows nothing", got)
			}
			sink.Stall(false)
			sink.Open()
			start(t, env, route)
			everyLine(t, "the destination", sink, all, 60*time.Second)
		})
	}
}

func TestIdleForwarderThatIsKilledRepeatsNothing(t *testing.T) {
	t.Parallel()
	e := engine.New(t)
	sink := newCollector(t)
	sink.Open()
	name := unique("idle")
	state := t.TempDir()
	env := map[string]string{"LOGSPOUT_STATE": state, "RAW_FORMAT": `{{.Data}} {{.Time.UnixNano}}\n`}
	route := "raw+tcp://" + sink.Address + "?" + only(name)
	f := start(t, env, route)
	const lines = 10
	e.Run(t, engine.Container{Name: name + "-0", Cmd: []string{"sh", "-c", "seq 10; exec sleep 1000"}})
	wait(t, 30*time.Second, "the lines", func() bool { return len(sink.Lines()) == lines })
	_, last, _ := strings.Cut(sink.Lines()[lines-1], " ")
	wait(t, 3*time.Minute, "the checkpoint behind the last line, which takes a minute", func() bool {
		text, _ := os.ReadFile(filepath.Join(state, "checkpoints.json"))
		return strings.Contains(string(text), last+".1")
	})
	f.kill()
	start(t, env, route)
	e.Run(t, engine.Container{Name: name + "-1", Cmd: []string{"sh", "-c", "echo after; exec sleep 1000"}})
	wait(t, 30*time.Second, "a line of the next forwarder", func() bool { return len(sink.Lines()) > lines })
	time.Sleep(time.Second) // for what would come twice
	if got := sink.Lines(); len(got) != lines+1 || !strings.HasPrefix(got[lines], "after ") {
		t.Errorf("%d lines came, want %d and the one after the restart: %q", len(got), lines, got)
	}
}

func TestDestinationsThatFailLoseNothingAndDisturbNobody(t *testing.T) {
	t.Parallel()
	e := engine.New(t)
	name := unique("outage")
	healthy, late, brief, long, stalled := newCollector(t), newCollector(t), newCollector(t), newCollector(t), newCollector(t)
	for _, c := range []*collector{healthy, brief, long, stalled} {
		c.Open()
	}
	var routes []string
	for _, c := range []*collector{healthy, late, brief, long, stalled} {
		routes = append(routes, "raw+tcp://"+c.Address+"?"+only(name))
	}
	f := start(t, nil, strings.Join(routes, ","))
	const lines = 20000
	started := time.Now()
	id := e.Run(t, engine.Container{Name: name + "-0", Cmd: printer("some text that makes a line of a usual length, of which there are many:", lines, 1000)})
	wait(t, 30*time.Second, "lines to flow", func() bool { return len(healthy.Lines()) > 500 && len(stalled.Lines()) > 100 })
	stalled.Stall(true)
	brief.Leave()
	long.Leave()
	time.Sleep(2 * time.Second)
	brief.Open()
	time.Sleep(3 * time.Second)
	late.Open()
	before := len(healthy.Lines())
	wait(t, 10*time.Second, "the healthy route to go on while others are down", func() bool { return len(healthy.Lines()) > before+500 })
	time.Sleep(time.Until(started.Add(32 * time.Second)))
	long.Open()
	stalled.Stall(false)
	f.alive()
	e.WaitExit(t, id)

	stdout, stderr := printed("some text that makes a line of a usual length, of which there are many:", lines)
	all := slices.Concat(stdout, stderr)
	for what, c := range map[string]*collector{
		"the healthy one": healthy, "the one down at the start": late, "the one away for 2 s": brief, "the one away for 30 s": long, "the one that stalled": stalled,
	} {
		everyLine(t, what, c, all, 40*time.Second)
	}
	if got := len(healthy.Lines()); got != len(all) {
		t.Errorf("the healthy destination got %d lines, want %d: none twice", got, len(all))
	}
	if lost := f.metric("logspout_route_lost_lines_total", ""); lost != 0 {
		t.Errorf("/metrics tells of %v lines lost", lost)
	}
}

func TestRsyslogKilledUnderLoadLosesNothing(t *testing.T) {
	t.Parallel()
	e := engine.New(t)
	server := rsyslog.Start(t)
	name := unique("rsyslog")
	start(t, nil, "syslog+tcp://"+server.TCP+"?framing=octet-counted&"+only(name))
	const lines = 5000
	e.Run(t, engine.Container{Name: name + "-0", Cmd: printer("line", lines, 500)})
	for range 2 {
		before := len(server.Records())
		server.Wait(30*time.Second, func(r []rsyslog.Record) bool { return len(r) > before+500 })
		server.Kill()
		time.Sleep(time.Second)
		server.Restart()
	}
	stdout, stderr := printed("line", lines)
	missing := map[string]bool{}
	for _, l := range slices.Concat(stdout, stderr) {
		missing[l] = true
	}
	server.Wait(60*time.Second, func(records []rsyslog.Record) bool {
		for _, r := range records {
			delete(missing, r.Message)
		}
		return len(missing) == 0
	})
}

// everyLine waits until a collector has every line. The first copies of the lines of each source have to stand in order; a line
// may come again, as far as its connection broke.
func everyLine(t *testing.T, what string, c *collector, want []string, within time.Duration) {
	t.Helper()
	missing := map[string]bool{}
	for _, l := range want {
		missing[l] = true
	}
	deadline := time.Now().Add(within)
	for {
		left := maps.Clone(missing)
		for _, l := range c.Lines() {
			delete(left, l)
		}
		if len(left) == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Errorf("%s misses %d of %d lines, such as %q", what, len(left), len(want), slices.Sorted(maps.Keys(left))[0])
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	var firsts []string
	for _, l := range c.Lines() {
		if missing[l] {
			delete(missing, l)
			firsts = append(firsts, l)
		}
	}
	for _, source := range []bool{true, false} {
		isErr := func(l string) bool { return strings.Contains(l, " err ") == source }
		got := slices.DeleteFunc(slices.Clone(firsts), func(l string) bool { return !isErr(l) })
		ordered := slices.DeleteFunc(slices.Clone(want), func(l string) bool { return !isErr(l) })
		compare(t, what, got, ordered)
	}
}

// compare tells the first difference.
func compare(t *testing.T, what string, got, want []string) {
	t.Helper()
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			t.Errorf("%s: line %d is %q, want %q", what, i+1, got[i], want[i])
			return
		}
	}
	if len(got) != len(want) {
		t.Errorf("%s: %d lines, want %d", what, len(got), len(want))
	}
}

// consume reads n records of a topic.
func consume(t *testing.T, broker, topic string, n int, each func(*kgo.Record)) {
	t.Helper()
	consumer, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.ConsumeTopics(topic))
	if err != nil {
		t.Fatal(err)
	}
	defer consumer.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	for n > 0 {
		fetches := consumer.PollFetches(ctx)
		if err := ctx.Err(); err != nil {
			t.Fatalf("%d records of topic %s have not come: %v", n, topic, err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			each(r)
			n--
		})
	}
}

func headers(r *kgo.Record) map[string]string {
	h := map[string]string{}
	for _, x := range r.Headers {
		h[x.Key] = string(x.Value)
	}
	return h
}
