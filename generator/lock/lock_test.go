package lock

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/module"
)

const (
	sumA = "h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
	sumB = "h1:BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA="
)

func full() *Lock {
	return &Lock{
		Core: Core{"v0.1.1-0.00010101000000-0123456789ab", sumA}, Go: "1.26.0", Toolchain: "go1.26.8 X:jsonv2",
		Wants: []Want{
			{Name: "docker"},
			{Name: "example.com/a/adapter", Query: "latest", From: "example.com/a"},
			{Name: "example.com/b", Query: Local},
		},
		Replaces: []Replace{{Module: "example.com/x", Path: "example.com/fork", Query: "main"}, {Module: "example.com/y", Query: Local}},
		Modules: []Module{
			{Path: "example.com/a", Version: "v1.2.3", Sum: sumA, GoModSum: sumB},
			{Path: "example.com/graph", Version: "v0.1.0", GoModSum: sumB},
			{Path: "example.com/x", Version: "v1.0.0", To: module.Version{Path: "example.com/fork", Version: "v0.0.0-20260101000000-0123456789ab"}, Sum: sumA, GoModSum: sumB},
			{Path: "example.com/y", Version: "v2.0.0+incompatible", To: module.Version{Path: Local}},
		},
		Locals: []LocalModule{{"example.com/b", "sha256:" + strings.Repeat("0a", 32)}},
	}
}

const fullText = head + `core v0.1.1-0.00010101000000-0123456789ab ` + sumA + `
go 1.26.0
toolchain go1.26.8 X:jsonv2
with docker
with example.com/a/adapter latest from example.com/a
with example.com/b ./
replace example.com/x => example.com/fork main
replace example.com/y => ./
module example.com/a v1.2.3 ` + sumA + ` ` + sumB + `
module example.com/graph v0.1.0 - ` + sumB + `
module example.com/x v1.0.0 => example.com/fork v0.0.0-20260101000000-0123456789ab ` + sumA + ` ` + sumB + `
module example.com/y v2.0.0+incompatible => ./
local example.com/b sha256:0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a
`

func TestTextOfALockIsWhatItWasParsedFrom(t *testing.T) {
	if got := string(full().Format()); got != fullText {
		t.Errorf("Format gives\n%s, want\n%s", got, fullText)
	}
	got, err := Parse("logspout.lock", []byte(fullText))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(full(), got); d != "" {
		t.Error(d)
	}
	lines := strings.SplitAfter(strings.TrimPrefix(fullText, head), "\n")
	for range 20 { // a merge may leave lines in any order, and Windows other line ends
		rand.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
		text := strings.ReplaceAll(head+strings.Join(lines, ""), "\n", "\r\n")
		got, err := Parse("logspout.lock", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if got.Digest() != full().Digest() {
			t.Fatalf("lines in another order give another lock:\n%s", text)
		}
	}
}

func TestEverythingWrongWithALockIsToldWithItsLine(t *testing.T) {
	line := func(text string) string {
		return head + "core v0.1.1 " + sumA + "\ngo 1.26.0\ntoolchain go1.26.8\n" + text
	}
	for name, row := range map[string]struct {
		text string
		want []string
	}{
		"empty":            {"", []string{`x.lock:1:1: this is no lock: want "logspout-lock 1" as its first line, found ""`}},
		"another file":     {"{}\n", []string{`found "{}"`}},
		"newer":            {"logspout-lock 2\n", []string{`x.lock:1:1: the lock has format "2", this builder reads 1`}},
		"conflict":         {line("<<<<<<< HEAD\nwith a\n=======\nwith b\n>>>>>>> other\n"), []string{"x.lock:6:1: a merge conflict begins here: take the file of either side"}},
		"nothing":          {head, []string{`the line "core VERSION h1:SUM" is missing`, `the line "go VERSION" is missing`, `the line "toolchain VERSION" is missing`}},
		"unknown":          {line("wid a\n"), []string{`x.lock:6:1: unknown line "wid"`}},
		"several":          {line("with a b\nmodule a b\nlocal x y\n"), []string{"x.lock:6:1:", "x.lock:7:1:", "x.lock:8:1:"}},
		"spaces":           {line("with  a\n"), []string{"one space between"}},
		"terminal":         {line("with a\x1b[31m\n"), []string{`printable ASCII`}},
		"long word":        {line("with " + strings.Repeat("a", 513) + "\n"), []string{"x.lock:6:1: want words"}},
		"long toolchain":   {head + "toolchain " + strings.Repeat("a ", 101) + "\n", []string{"x.lock:3:1: want"}},
		"twice":            {line("module example.com/a v1.0.0 " + sumA + " " + sumB + "\nmodule example.com/a v1.1.0 " + sumA + " " + sumB + "\n"), []string{"x.lock:7:1: module example.com/a is locked on line 6 already"}},
		"sum cut":          {line("module example.com/a v1.0.0 h1:AAAA " + sumB + "\n"), []string{"x.lock:6:1: want"}},
		"branch":           {line("module example.com/a main " + sumA + " " + sumB + "\n"), []string{"x.lock:6:1: want"}},
		"core as module":   {line("module github.com/gliderlabs/logspout-builder v1.0.0 " + sumA + " " + sumB + "\n"), []string{"the core is locked by its own line"}},
		"module not there": {line("with example.com/a/b latest from example.com/a\n"), []string{"module example.com/a, which holds example.com/a/b, is not locked"}},
		"other module":     {line("with example.com/a latest from example.com/b\n"), []string{"x.lock:6:1: want"}},
		"path up":          {line("module ../a v1.0.0 " + sumA + " " + sumB + "\n"), []string{"x.lock:6:1: want"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse("x.lock", []byte(row.text))
			if err == nil {
				t.Fatal("it is taken")
			}
			for _, want := range row.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error lacks %q:\n%v", want, err)
				}
			}
		})
	}
}

func TestChangesAreInTheOrderOfTheLock(t *testing.T) {
	after := full()
	after.Core.Version = "v0.1.1-0.00010101000000-ba9876543210"
	after.Wants = append(after.Wants[1:], Want{Name: "kafka"})
	after.Wants[0].Query = "v1.3.0"
	after.Modules[0].Version = "v1.3.0"
	after.Modules[2].To = module.Version{Path: Local}
	after.Locals[0].Needs = "sha256:" + strings.Repeat("0b", 32)
	after.Sort()
	var got []string
	for _, c := range Compare(full(), after) {
		got = append(got, c.String())
	}
	want := []string{
		"core v0.1.1-0.00010101000000-0123456789ab -> v0.1.1-0.00010101000000-ba9876543210",
		"with docker removed",
		"with example.com/a/adapter latest -> v1.3.0",
		"with kafka added",
		"example.com/a v1.2.3 -> v1.3.0",
		"example.com/x v1.0.0 => example.com/fork v0.0.0-20260101000000-0123456789ab -> v1.0.0 => ./",
		"local example.com/b: its go.mod or its imports changed",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if more := Compare(full(), full()); len(more) > 0 {
		t.Errorf("a lock differs from itself: %v", more)
	}
}

func TestMisfitsAreOnlyWhatIsAskedFor(t *testing.T) {
	asked := full()
	asked.Go, asked.Modules = "", nil
	for i := range asked.Wants {
		asked.Wants[i].From = ""
	}
	if more := full().Misfits(asked); len(more) > 0 {
		t.Errorf("the lock does not fit what it was made for: %v", more)
	}
	asked.Toolchain = "go1.27.0"
	asked.Replaces = nil
	if got := full().Misfits(asked); len(got) != 3 {
		t.Errorf("got %v, want the toolchain and two replacements", got)
	}
}

func FuzzParsedLocksAreStable(f *testing.F) {
	f.Add([]byte(fullText))
	f.Add([]byte(head))
	f.Add([]byte("logspout-lock 1\nwith a\n<<<<<<< x\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := Parse("x.lock", data)
		if err != nil {
			return
		}
		text := l.Format()
		again, err := Parse("x.lock", text)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v\n%s", err, text)
		}
		if !bytes.Equal(again.Format(), text) {
			t.Fatalf("written twice, it differs:\n%s\n%s", text, again.Format())
		}
	})
}
