package e2e

import (
	"fmt"
	"os"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gliderlabs/logspout-builder/test/engine"
)

// mostMemory is what a forwarder may have resident at 10,000 lines/s, in KiB.
const mostMemory = 40 << 10

func TestMemoryStaysSmallAtTenThousandLinesASecond(t *testing.T) {
	t.Parallel()
	e := engine.New(t)
	sink := newCollector(t)
	sink.Open()
	name := unique("memory")
	f := start(t, nil, "syslog+tcp://"+sink.Address+"?"+only(name))
	const bursts, each = 80, 1000
	id := e.Run(t, engine.Container{Name: name + "-0", Cmd: []string{"sh", "-c", fmt.Sprintf(
		"for i in $(seq %d); do yes '%s' | head -n %d; usleep 90000; done", bursts, strings.Repeat("x", 100), each,
	)}})
	e.WaitExit(t, id)
	wait(t, 60*time.Second, "every line", func() bool { return f.metric("logspout_route_delivered_lines_total", "") == bursts*each })
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", f.cmd.Process.Pid))
	if err != nil && runtime.GOOS != "linux" {
		t.Skipf("resident memory is read from Linux's /proc: %v", err)
	}
	if err != nil { // the forwarder is gone, for one
		t.Fatal(err)
	}
	peak := regexp.MustCompile(`VmHWM:\s*(\d+) kB`).FindSubmatch(status)
	if peak == nil {
		t.Fatalf("no VmHWM in\n%s", status)
	}
	kib, _ := strconv.Atoi(string(peak[1]))
	t.Logf("%d KiB resident at most", kib)
	if kib > mostMemory {
		t.Errorf("%d KiB resident, more than %d", kib, mostMemory)
	}
}
