package docker

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// logLine is a line of a modelled engine's log.
type logLine struct {
	stream uint8
	nanos  int64
	id     int
}

// replay is what the engine sends for since: 20.10 asks every message, later ones only until the first that is not older.
func replay(log []logLine, since int64, each bool) []logLine {
	var out []logLine
	for i, l := range log {
		if l.nanos < since {
			continue
		}
		if !each {
			return log[i:]
		}
		out = append(out, l)
	}
	return out
}

func TestResumeLosesNothingAndRepeatsNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		each := rapid.Bool().Draw(t, "20.10")
		// Within a stream times never go back; a message of one stream may stand up to the slack behind a later one of the other.
		var log []logLine
		newest := [streams]int64{}
		clock := int64(1e18)
		coarse := rapid.Bool().Draw(t, "to the second")
		for i := range rapid.IntRange(1, 60).Draw(t, "lines") {
			stream := uint8(rapid.IntRange(stdout, stderr).Draw(t, "stream"))
			clock += rapid.SampledFrom([]int64{0, 1, 1000, int64(slack), 10 * int64(slack)}).Draw(t, "later")
			nanos := max(newest[stream], clock-rapid.Int64Range(0, int64(slack)).Draw(t, "race"))
			if coarse {
				nanos = max(newest[stream], nanos/1e9*1e9)
			}
			newest[stream] = nanos
			log = append(log, logLine{stream, nanos, i})
		}
		var got []int
		keys := map[string]bool{}
		p := progress{}
		value := p.encode(0)
		for written := 0; written < len(log); {
			// The container writes on; the reader breaks off somewhere, and goes on in this process or in the next.
			written = rapid.IntRange(written, len(log)).Draw(t, "written")
			if rapid.Bool().Draw(t, "new process") {
				var err error
				if p, err = decodeProgress(value); err != nil {
					t.Fatal(err)
				}
			}
			stream := replay(log[:written], p.since(0, false), each)
			p.reopen()
			if written < len(log) {
				stream = stream[:rapid.IntRange(0, len(stream)).Draw(t, "read")]
			}
			for _, l := range stream {
				ordinal, fresh := p.accept(l.stream, l.nanos)
				if !fresh {
					continue
				}
				got = append(got, l.id)
				key := fmt.Sprintf("%d/%d/%d", l.stream, l.nanos, ordinal)
				if keys[key] {
					t.Fatalf("key %s twice", key)
				}
				keys[key] = true
			}
			value = p.encode(p.since(0, false))
		}
		for i, id := range got {
			if i != id {
				t.Fatalf("got lines %v of %d", got, len(log))
			}
		}
		if len(got) != len(log) {
			t.Fatalf("got %d lines of %d", len(got), len(log))
		}
	})
}

func TestResumeAfterRotationDropsNothingNew(t *testing.T) {
	var p progress
	p.accept(stdout, 1e18)
	p.accept(stdout, 1e18+1)
	q, err := decodeProgress(p.encode(p.since(0, false)))
	if err != nil {
		t.Fatal(err)
	}
	q.reopen()
	// All that was taken has been rotated away: the first line that is there is new.
	if _, fresh := q.accept(stdout, 1e18+5); !fresh {
		t.Error("a new line was taken for an old one")
	}
}

func TestResumeReachesBackToALineThatIsStillOpen(t *testing.T) {
	p := progress{}
	p.accept(stdout, 1e18)
	if got := p.since(1e18-5e12, true); got != 1e18-5e12 {
		t.Errorf("resumes at %d, behind the open line's first part", got)
	}
}

func TestDamagedPositionIsAnError(t *testing.T) {
	for _, value := range []string{"", "1", "2 0 0.0 0.0", "1 x 0.0 0.0", "1 0 0 0.0", "1 0 0.-1 0.0", "1 0 0.0 0.0 0"} {
		if _, err := decodeProgress(value); err == nil {
			t.Errorf("position %q was accepted", value)
		}
	}
}
