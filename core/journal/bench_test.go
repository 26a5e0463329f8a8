package journal

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gliderlabs/logspout-builder/core"
)

const (
	benchBatch = 100
	benchLine  = 200
)

// chunkBatch is what an intake makes of one chunk of the engine's stream: messages that are slices of one string.
func chunkBatch() []core.Message {
	chunk := strings.Repeat("x", benchBatch*benchLine)
	batch := make([]core.Message, benchBatch)
	now := time.Unix(1, 0)
	for i := range batch {
		batch[i] = core.Message{Container: web, Source: "stdout", Data: chunk[i*benchLine : (i+1)*benchLine], Time: now}
	}
	return batch
}

// BenchmarkFloor is the least that any log costs: the batch is made, kept in a slice, and copied out once for each reader.
func BenchmarkFloor(b *testing.B) {
	for _, readers := range []int{1, 4} {
		b.Run(fmt.Sprintf("readers=%d", readers), func(b *testing.B) {
			var kept [][]core.Message
			var buf []core.Message
			prepare(b)
			for b.Loop() {
				kept = append(kept[:0], chunkBatch())
				for range readers {
					buf = append(buf[:0], kept[0]...)
					for i := range buf {
						buf[i].Offset = uint64(i)
					}
				}
			}
			report(b)
		})
	}
}

// BenchmarkAppendRead appends a batch, which every cursor then reads and commits.
func BenchmarkAppendRead(b *testing.B) {
	for _, readers := range []int{1, 4} {
		b.Run(fmt.Sprintf("cursors=%d", readers), func(b *testing.B) {
			j := New(Options{})
			var cursors []*Cursor
			for range readers {
				cursors = append(cursors, j.Open(CursorOptions{}))
			}
			var buf []core.Message
			prepare(b)
			for b.Loop() {
				if err := j.Append(b.Context(), "docker", chunkBatch(), core.Position{Key: "c", Value: "v"}); err != nil {
					b.Fatal(err)
				}
				for _, c := range cursors {
					var err error
					if buf, err = c.Read(b.Context(), buf[:0], 0, 0); err != nil {
						b.Fatal(err)
					}
					c.Commit(buf[len(buf)-1].Offset + 1)
				}
			}
			report(b)
		})
	}
}

// BenchmarkAppendFull appends to a journal at its bound, whose cursor is dead.
func BenchmarkAppendFull(b *testing.B) {
	j := New(Options{})
	j.Open(CursorOptions{})
	prepare(b)
	for b.Loop() {
		if err := j.Append(b.Context(), "docker", chunkBatch(), core.Position{Key: "c", Value: "v"}); err != nil {
			b.Fatal(err)
		}
	}
	report(b)
}

// BenchmarkAppendLine appends lines one by one, as containers that say little do.
func BenchmarkAppendLine(b *testing.B) {
	j := New(Options{})
	c := j.Open(CursorOptions{})
	batch := chunkBatch()
	var buf []core.Message
	b.ReportAllocs()
	b.SetBytes(benchLine)
	n := 0
	for b.Loop() {
		if err := j.Append(b.Context(), "docker", slices.Clone(batch[:1]), core.Position{Key: "c", Value: "v"}); err != nil {
			b.Fatal(err)
		}
		if n++; n%benchBatch == 0 {
			var err error
			if buf, err = c.Read(b.Context(), buf[:0], 0, 0); err != nil {
				b.Fatal(err)
			}
			c.Commit(buf[len(buf)-1].Offset + 1)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "lines/s")
}

func prepare(b *testing.B) {
	b.Helper()
	b.ReportAllocs()
	b.SetBytes(benchBatch * benchLine)
}

func report(b *testing.B) {
	b.Helper()
	b.ReportMetric(float64(b.N)*benchBatch/b.Elapsed().Seconds(), "lines/s")
}
