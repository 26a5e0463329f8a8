package docker

import (
	"strconv"
	"testing"
)

// feed gives lines from..to, each at its own nanosecond after base, and returns how many were found to be repeats.
func feed(r *repeats, base int64, from, to int) (found int) {
	for i := from; i <= to; i++ {
		if r.seen(0, base+int64(i), []byte(strconv.Itoa(i)), true) {
			found++
		}
	}
	return found
}

func TestARepeatedRunIsFoundThoughItBeginsBeforeWhatIsRemembered(t *testing.T) {
	r := newRepeats()
	const lines = repeatsLen + 1000
	if n := feed(r, 1e9, 1, lines); n != 0 {
		t.Fatalf("%d lines were taken for repeats", n)
	}
	const first = 501 // 500 lines older than all that is remembered
	if n := feed(r, 1e9, first, lines); n != repeatsLen {
		t.Errorf("%d of the repeated lines found, want the %d that are remembered", n, repeatsLen)
	}
	if n := feed(r, 1e9, lines+1, lines+100); n != 0 {
		t.Errorf("%d new lines behind the run were taken for repeats", n)
	}
}

func TestLinesAfterTheClockWasSetBackAreKept(t *testing.T) {
	r := newRepeats()
	feed(r, 1e18, 1, 100)
	if n := feed(r, 1e9, 1, 3*repeatsLen); n != 0 {
		t.Errorf("%d new lines were taken for repeats", n)
	}
	if n := feed(r, 1e9, 3*repeatsLen-10, 3*repeatsLen); n != 11 {
		t.Errorf("%d repeats found after the clock was set back, want 11", n)
	}
}
