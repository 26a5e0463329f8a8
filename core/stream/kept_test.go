package stream

import (
	"bytes"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// The ring against the plainest model of it: all bytes ever written.
func TestKeptHoldsTheEndOfWhatWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := kept{limit: 300 << 10, window: time.Second}
		now := time.Unix(0, 0)
		k.restart(now)
		var all []byte
		boundaries := map[uint64]bool{0: true}
		acked := uint64(0)
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				sizes := rapid.SliceOfN(rapid.IntRange(0, 40<<10), 1, 6).Draw(t, "sizes")
				var chunk []byte
				var ends []int
				for _, n := range sizes {
					chunk = append(chunk, bytes.Repeat([]byte{byte(len(all) + len(chunk))}, n)...)
					ends = append(ends, len(chunk)+7)
				}
				if !k.room(len(chunk)) {
					held, limit := int(k.end-k.base), max(k.limit, len(chunk))
					if held+len(chunk) <= limit {
						t.Fatal("no room although it fits")
					}
					return
				}
				k.add(chunk, 7, ends)
				for _, e := range ends {
					boundaries[uint64(len(all)+e-7)] = true
				}
				all = append(all, chunk...)
			},
			"observe": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.IntRange(0, 3000).Draw(t, "ms")) * time.Millisecond)
				queued := rapid.IntRange(0, len(all)+1).Draw(t, "queued")
				k.observe(now, queued)
				acked = max(acked, uint64(max(len(all)-queued, 0)))
			},
			"orderly end": func(t *rapid.T) { k.forget(100 * time.Millisecond) },
			"reconnect":   func(t *rapid.T) { k.restart(now); acked = k.base },
			"": func(t *rapid.T) {
				if k.end != uint64(len(all)) || !boundaries[k.base] {
					t.Fatalf("kept %d to %d of %d bytes; a record's end: %v", k.base, k.end, len(all), boundaries[k.base])
				}
				if k.base > acked {
					t.Fatalf("let go of %d bytes, but only %d are acknowledged", k.base, acked)
				}
				var got []byte
				for at := k.base; at < k.end; {
					part := k.bytes(at)
					got = append(got, part...)
					at += uint64(len(part))
				}
				if !bytes.Equal(got, all[k.base:]) {
					t.Fatal("other bytes than were written")
				}
				if len(k.ring) > 512<<10 {
					t.Fatalf("%d bytes of memory", len(k.ring))
				}
			},
		})
	})
}

func TestWindowDoesNotRunWhileThePeerStalls(t *testing.T) {
	k := kept{limit: 1 << 20, window: 2 * time.Second}
	now := time.Unix(0, 0)
	k.restart(now)
	k.add([]byte("ab"), 0, []int{1, 2})
	k.observe(now, 1) // "a" is acknowledged, "b" waits
	for range 100 {
		now = now.Add(time.Second)
		k.observe(now, 1)
	}
	if k.base != 0 {
		t.Fatal("a stalled peer's bytes were let go")
	}
	for range 5 {
		now = now.Add(time.Second)
		k.observe(now, 0)
	}
	if k.base != 2 {
		t.Fatalf("base %d, want all let go once the peer went on", k.base)
	}
}
