package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestEachFigureStandsBesideItsFloor(t *testing.T) {
	var r results
	for line := range strings.Lines(`goos: linux
pkg: github.com/gliderlabs/logspout-builder/cmd/logspout-builder
BenchmarkBuildUnchanged-2   	       1	      5000 bare-ms	       200.0 ms	         0.04 x-bare	   17144 B/op	     104 allocs/op
PASS
pkg: github.com/gliderlabs/logspout-builder/core/journal
BenchmarkFloor/readers=1-2         	    3319	    427425 ns/op	  46.79 MB/s	    200000 lines/s
BenchmarkFloor/readers=4-2         	    2290	    745808 ns/op	  26.82 MB/s	    150000 lines/s
BenchmarkAppendRead/cursors=4-2    	   10000	    560803 ns/op	  35.66 MB/s	    100000 lines/s
BenchmarkAppendFull-2              	    3823	    296759 ns/op	  67.39 MB/s	    400000 lines/s
pkg: github.com/gliderlabs/logspout-builder/modules/adapters/syslog
BenchmarkDeliver/syslog+tcp-2                   	     820	       500.0 cpu-ns/line	    279879 lines/s
BenchmarkDeliver/floor-tcp-2                    	    4110	       125.0 cpu-ns/line	   1770046 lines/s
BenchmarkAlone                  	     820	       51.25 ns/op
`) {
		r.add(strings.TrimRight(line, "\n"))
	}
	var out strings.Builder
	if err := r.write(&out); err != nil {
		t.Fatal(err)
	}
	got := regexp.MustCompile(`(?m)^ +| +$`).ReplaceAllString(regexp.MustCompile(" {2,}").ReplaceAllString(out.String(), " "), "")
	want := `package benchmark figure floor x floor
cmd/logspout-builder BuildUnchanged 200 5000 ms 0.04
core/journal AppendRead/cursors=4 100000 150000 lines/s 1.50
core/journal AppendFull 400000 200000 lines/s 0.50
modules/adapters/syslog Deliver/syslog+tcp 500 125 cpu-ns/line 4.00
modules/adapters/syslog Alone 51.2 - ns/op -
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestEveryBenchmarkHasAFloor reads the tests of the repository: a package with benchmarks has floors for all of them.
func TestEveryBenchmarkHasAFloor(t *testing.T) {
	found := 0
	err := filepath.WalkDir(filepath.Join("..", ".."), func(path string, _ os.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") || strings.HasSuffix(path, filepath.Join("test", "bench", "results_test.go")) {
			return err
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		ofPackage := strings.Contains(string(source), "func BenchmarkFloor(")
		for _, body := range strings.Split(string(source), "\nfunc Benchmark")[1:] {
			found++
			if body, _, _ = strings.Cut(body, "\n}\n"); !ofPackage && !regexp.MustCompile(`"floor|pairs|BenchmarkThroughput`).MatchString(body) {
				name, _, _ := strings.Cut(body, "(")
				t.Errorf("%s: Benchmark%s is measured by nothing", path, name)
			}
		}
		return nil
	})
	if err != nil || found < 15 {
		t.Errorf("%d benchmarks, %v", found, err)
	}
}
