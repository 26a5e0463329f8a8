package journal

import (
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gliderlabs/logspout-builder/core"
)

// TestTheHeapHoldsWhatIsCounted fills journals as intakes do, with lines that are slices of a chunk in which a header and a time stand
// before each, and holds the count of bytes against the heap.
func TestTheHeapHoldsWhatIsCounted(t *testing.T) {
	const header = 39
	for _, c := range []struct{ batch, line int }{{100, 200}, {1, 50}, {1, 0}, {1000, 20}, {10, 5000}} {
		t.Run(fmt.Sprintf("%d lines of %d bytes", c.batch, c.line), func(t *testing.T) {
			j := New(Options{MemoryBytes: 8 << 20})
			cursor := j.Open(CursorOptions{})
			before := heap()
			for i := 0; cursor.Lost() == 0; i++ {
				chunk := strings.Repeat("x", c.batch*(header+c.line))
				batch := make([]core.Message, c.batch)
				for k := range batch {
					at := k*(header+c.line) + header
					batch[k] = core.Message{Container: web, Source: "stdout", Data: chunk[at : at+c.line], Time: time.Unix(1, 0)}
				}
				appendLines(t, j, "web", strconv.FormatInt(1<<60+int64(i), 10), batch)
			}
			held, counted := heap()-before, j.Status().Bytes
			if held > counted*5/4 || held < counted/2 {
				t.Errorf("the heap holds %d bytes more, %d are counted", held, counted)
			}
			runtime.KeepAlive(j)
		})
	}
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
