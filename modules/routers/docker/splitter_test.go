package docker

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

const testTime = "2024-05-06T07:08:09.123456789Z"

// frame is a message as the engine sends it.
func frame(stream byte, at, text string) string {
	return header(stream, uint32(len(at)+1+len(text))) + at + " " + text
}

func header(stream byte, n uint32) string {
	h := []byte{stream, 0, 0, 0, 0, 0, 0, 0}
	binary.BigEndian.PutUint32(h[4:], n)
	return string(h)
}

// at is the engine's way to write a time so many nanoseconds after testTime's second.
func at(nanos int64) string {
	return time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC).Add(time.Duration(nanos)).Format("2006-01-02T15:04:05.000000000Z07:00")
}

// split gives what a splitter makes of input in chunks, "stream nanos text" each; nanos count from testTime's second.
func split(s *splitter, chunks ...string) ([]string, error) {
	var out []string
	zero := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC).UnixNano()
	put := func() {
		for _, l := range s.lines {
			out = append(out, fmt.Sprintf("%d %d %s", l.stream, l.time-zero, s.arena[l.start:l.end]))
		}
		s.reset(false)
	}
	for _, c := range chunks {
		err := s.feed([]byte(c))
		put()
		if err != nil {
			return out, err
		}
	}
	if !s.partial() {
		s.finish()
		put()
	}
	return out, nil
}

func TestLinesAreAssembledPerStream(t *testing.T) {
	long := strings.Repeat("x", 16384)
	for _, c := range []struct {
		name  string
		input string
		want  []string
	}{
		{"line", frame(1, at(5), "hello\n"), []string{"1 5 hello"}},
		{"empty line", frame(1, at(5), "\n") + frame(2, at(6), "\n"), []string{"1 5 ", "2 6 "}},
		{"carriage return stays", frame(1, at(5), "a\r\n"), []string{"1 5 a\r"}},
		{"stream 0 is stdout", frame(0, at(5), "a\n"), []string{"1 5 a"}},
		{
			"parts of both streams at once", frame(1, at(1), long) + frame(2, at(2), long+"e") + frame(1, at(1), long) + frame(2, at(2), "E\n") + frame(1, at(1), "end\n"),
			[]string{"2 2 " + long + "eE", "1 1 " + long + long + "end"},
		},
		{"last line without line feed", frame(1, at(1), "a\n") + frame(1, at(2), "b"), []string{"1 1 a", "1 2 b"}},
		{"unterminated line of a former run", frame(1, at(1), "prompt") + frame(1, at(9), "next\n"), []string{"1 1 prompt", "1 9 next"}},
		{"Podman's parts have times of their own, to the second", frame(1, "2024-05-06T07:08:09Z", "a") + frame(1, "2024-05-06T07:08:10Z", "b\n"), []string{"1 0 ab"}},
		{"line feeds inside a message", frame(1, at(1), "a\nb\n"), []string{"1 1 a", "1 1 b"}},
		{"zone", frame(1, "2024-05-06T09:08:09.5+02:00", "a\n"), []string{"1 500000000 a"}},
		{"no time: that of the message before", frame(1, at(1), "a\n") + header(1, 2) + "b\n", []string{"1 1 a", "1 1 b"}},
		{"empty frame", header(1, 0) + frame(1, at(1), "a\n"), []string{"1 1 a"}},
		{"the engine's own word is no line", header(3, 5) + "sorry" + frame(1, at(1), "a\n"), []string{"1 1 a"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := split(&splitter{limit: 1 << 20}, c.input)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %.200q, want %.200q", got, c.want)
			}
		})
	}
}

func TestTerminalStreamIsUnderstood(t *testing.T) {
	long := strings.Repeat("x", 16384)
	for _, c := range []struct {
		name  string
		input string
		want  []string
	}{
		{"lines", at(1) + " a\r\n" + at(2) + " b\r\n", []string{"1 1 a", "1 2 b"}},
		{"only the line's own carriage return goes", at(1) + " 10%\r20%\r\n", []string{"1 1 10%\r20%"}},
		{"long line", at(1) + " " + long + at(1) + " " + long + at(1) + " end\r\n", []string{"1 1 " + long + long + "end"}},
		{"prompt of a former run", at(1) + " / # " + at(9) + " hello\r\n", []string{"1 1 / # ", "1 9 hello"}},
		{"a time that the container prints", at(5) + " now " + at(3) + " is it\r\n", []string{"1 5 now " + at(3) + " is it"}},
		{"last line without line feed", at(1) + " a", []string{"1 1 a"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := split(&splitter{limit: 1 << 20}, c.input)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %.200q, want %.200q", got, c.want)
			}
		})
	}
}

func TestLineOverTheLimitComesInPiecesAndIsCountedOnce(t *testing.T) {
	s := &splitter{limit: 4}
	got, err := split(s, frame(1, at(1), "abcdefgh")+frame(1, at(1), "ij\n")+frame(1, at(2), "abcd\n"))
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"1 1 abcd", "1 1 efgh", "1 1 ij", "1 2 abcd"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if s.split != 1 {
		t.Errorf("%d split lines counted, want 1", s.split)
	}
}

func TestWhatIsNoFrameIsRefused(t *testing.T) {
	got, err := split(&splitter{limit: 100}, frame(1, at(1), "a\n")+"\x09garbage...")
	if err == nil || !slices.Equal(got, []string{"1 1 a"}) {
		t.Errorf("got %q and error %v, want the line before and an error", got, err)
	}
}

func TestHostileLengthTakesNoMemory(t *testing.T) {
	s := &splitter{limit: 1 << 10}
	chunk := bytes.Repeat([]byte("y"), 64<<10)
	if err := s.feed([]byte(header(1, 1<<32-1) + at(1) + " ")); err != nil {
		t.Fatal(err)
	}
	for range 64 {
		if err := s.feed(chunk); err != nil {
			t.Fatal(err)
		}
		if n := cap(s.spill) + cap(s.open[stdout].pending); n > 2*pieceLen+len(chunk) {
			t.Fatalf("holds %d bytes", n)
		}
		s.reset(false)
	}
}

func TestTimesAreParsedAsThePackageTimeDoes(t *testing.T) {
	var c clock
	for _, text := range []string{
		testTime, "1970-01-01T00:00:00Z", "2000-02-29T23:59:59.9Z", "2024-12-31T23:59:59.000000001Z", "2261-12-31T00:00:00Z",
		"2024-03-01T00:00:00+05:30", "2024-03-01T00:00:00.25-11:00", "2100-03-01T12:00:00Z",
	} {
		want, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := c.parse([]byte(text + " x"))
		if !ok || got.nanos != want.UnixNano() || got.len != len(text)+1 {
			t.Errorf("%s: got %+v %v, want %d", text, got, ok, want.UnixNano())
		}
	}
	for _, text := range []string{"", "x", testTime, "2024-13-06T07:08:09Z x", "2024-05-06 07:08:09Z x", "2024-05-06T07:08:09.Z x", "2024-05-06T07:08:09 x", "2024-05-06T07:08:09+1 x", "1969-05-06T07:08:09Z x"} {
		if got, ok := c.parse([]byte(text)); ok {
			t.Errorf("%q was taken for a time: %+v", text, got)
		}
	}
}

func TestRepeatedMessagesAreDroppedAndOldNewOnesAreKept(t *testing.T) {
	s := &splitter{limit: 1 << 20, repeats: newRepeats()}
	a, b, c := frame(1, at(1), "a\n"), frame(2, at(2), "b\n"), frame(1, at(3), "c\n")
	part, end := frame(1, at(4), "xxxx"), frame(1, at(4), "x\n")
	late := frame(1, at(1), "late\n") // the clock was set back
	got, err := split(s, a+b+c+a+b+c+part+part+b+c+part+part+part+end+late)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"1 1 a", "2 2 b", "1 3 c", "1 4 xxxxxxxxxxxxx", "1 1 late"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if s.repeated != 7 {
		t.Errorf("%d repeated messages counted, want 7", s.repeated)
	}
}

func FuzzFrames(f *testing.F) {
	f.Add([]byte(frame(1, at(1), "hello\n")+frame(2, at(1), "par")+frame(2, at(1), "tial\n")), []byte{3, 9}, true)
	f.Add([]byte(at(1)+" a\r\n"+at(2)+" b"+at(3)+" c\r\n"), []byte{1}, false)
	f.Add([]byte(header(1, 1<<32-1)+at(1)+" xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"), []byte{7}, true)
	f.Add([]byte(header(3, 2)+"no"+header(1, 0)+frame(0, at(1), "\n\n\na")), []byte{2, 5, 1}, true)
	f.Fuzz(func(t *testing.T, input, sizes []byte, dedupe bool) {
		fresh := func() *splitter {
			s := &splitter{limit: 20}
			if dedupe {
				s.repeats = newRepeats()
			}
			return s
		}
		whole, wholeErr := split(fresh(), string(input))
		var chunks []string
		for i, rest := 0, string(input); rest != ""; i++ {
			n := len(rest)
			if len(sizes) > 0 {
				n = min(n, int(sizes[i%len(sizes)])+1)
			}
			chunks = append(chunks, rest[:n])
			rest = rest[n:]
		}
		parts, partsErr := split(fresh(), chunks...)
		if !slices.Equal(whole, parts) || (wholeErr == nil) != (partsErr == nil) {
			t.Errorf("in one chunk %q (%v), in %d chunks %q (%v)", whole, wholeErr, len(chunks), parts, partsErr)
		}
		for _, l := range whole {
			if text := l[strings.LastIndexByte(l[:min(len(l), 24)], ' ')+1:]; strings.Contains(text, "\n") {
				t.Errorf("line feed inside of the line %q", l)
			}
		}
	})
}

// BenchmarkSplitter stands beside BenchmarkFloor, which only looks for the line feeds of the same bytes.
func BenchmarkSplitter(b *testing.B) {
	input, lines := benchInput()
	s := &splitter{limit: 1 << 20}
	b.SetBytes(int64(len(input)))
	b.ReportAllocs()
	for b.Loop() {
		for rest := input; len(rest) > 0; {
			n := min(len(rest), largeRead)
			if err := s.feed(rest[:n]); err != nil {
				b.Fatal(err)
			}
			s.reset(true)
			rest = rest[n:]
		}
	}
	b.ReportMetric(float64(lines)*float64(b.N)/b.Elapsed().Seconds(), "lines/s")
}

func BenchmarkFloor(b *testing.B) {
	input, lines := benchInput()
	b.SetBytes(int64(len(input)))
	for b.Loop() {
		if n := bytes.Count(input, []byte("\n")); n < lines {
			b.Fatal(n)
		}
	}
	b.ReportMetric(float64(lines)*float64(b.N)/b.Elapsed().Seconds(), "lines/s")
}

func benchInput() (input []byte, lines int) {
	lines = 10000
	var out bytes.Buffer
	for i := range lines {
		out.WriteString(frame(1, at(int64(i)*1000), fmt.Sprintf("line %07d %s\n", i, strings.Repeat("z", 80))))
	}
	return out.Bytes(), lines
}
