package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// bench is a directory with a manifest, the builder and the project that it generates.
type bench struct {
	dir, builder, project string
	environ               []string
}

// newBench makes one with a builder's cache of its own.
func newBench(b *testing.B, manifest string) *bench {
	b.Helper()
	x := &bench{dir: b.TempDir()}
	x.builder, x.project = filepath.Join(x.dir, "logspout-builder"), filepath.Join(x.dir, "project")
	x.environ = append(os.Environ(), "LOGSPOUT_BUILDER_CACHE="+filepath.Join(x.dir, "cache"), "CGO_ENABLED=0", "GOPROXY=off")
	if err := os.WriteFile(filepath.Join(x.dir, manifestFile), []byte(manifest), 0o644); err != nil {
		b.Fatal(err)
	}
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", x.builder, ".")
	build.Env = x.environ
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	x.run(b, x.dir, x.builder, "generate", "-o", x.project)
	return x
}

// run runs a program and tells what that took.
func (x *bench) run(b *testing.B, dir, program string, args ...string) cost {
	b.Helper()
	cmd := exec.Command(program, args...)
	cmd.Dir, cmd.Env = dir, x.environ
	started := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%s %q: %v: %s", program, args, err, out)
	}
	return cost{time.Since(started), cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()}
}

func (x *bench) build(b *testing.B) cost {
	b.Helper()
	return x.run(b, x.dir, x.builder, "build")
}

// bare is `go build` of the generated project as the builder calls it: what a build is measured by.
func (x *bench) bare(b *testing.B) cost {
	b.Helper()
	return x.run(b, x.project, "go", "build", "-o", "bare", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid=", ".")
}

// forget removes what was built, so that the next build links again.
func (x *bench) forget(b *testing.B) {
	b.Helper()
	for _, name := range []string{filepath.Join(x.dir, "cache", "binaries"), filepath.Join(x.dir, "logspout"), filepath.Join(x.project, "bare")} {
		if err := os.RemoveAll(name); err != nil {
			b.Fatal(err)
		}
	}
}

// cost is the time that a process took, and that of the processors with all that it started.
type cost struct{ wall, cpu time.Duration }

// pairs are runs of the builder, each beside a bare one.
type pairs struct{ ours, bare []cost }

// run adds a pair. The first to run is another one each time: neither has the other's leftovers more often.
func (p *pairs) run(ours, bare func() cost) {
	if len(p.ours)%2 == 0 {
		p.bare = append(p.bare, bare())
		p.ours = append(p.ours, ours())
		return
	}
	p.ours = append(p.ours, ours())
	p.bare = append(p.bare, bare())
}

// report reports medians: of milliseconds, and of what each pair has for a ratio, which a loaded machine moves least.
func (p *pairs) report(b *testing.B) {
	b.Helper()
	wall, cpu := make([]float64, len(p.ours)), make([]float64, len(p.ours))
	for i, ours := range p.ours {
		wall[i], cpu[i] = float64(ours.wall)/float64(p.bare[i].wall), float64(ours.cpu)/float64(p.bare[i].cpu)
	}
	b.ReportMetric(0, "ns/op") // which would count both
	b.ReportMetric(milliseconds(p.ours), "ms")
	b.ReportMetric(milliseconds(p.bare), "bare-ms")
	b.ReportMetric(median(wall), "x-bare")
	b.ReportMetric(median(cpu), "cpu-x-bare")
	b.ReportMetric(float64(len(p.ours)), "pairs")
}

// milliseconds is the median of the times.
func milliseconds(costs []cost) float64 {
	walls := make([]float64, len(costs))
	for i, c := range costs {
		walls[i] = float64(c.wall.Microseconds()) / 1000
	}
	return median(walls)
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}

const benchManifest = "modules: [standard, kafka]\n"

// leastPairs are enough for a median that does not move by what the benchmark is about.
const leastPairs = 15

// BenchmarkBuildUnchanged: at most 50 ms.
func BenchmarkBuildUnchanged(b *testing.B) {
	x := newBench(b, benchManifest)
	x.build(b)
	x.bare(b)
	var p pairs
	for b.Loop() {
		p.run(func() cost { return x.build(b) }, func() cost { return x.bare(b) })
	}
	p.report(b)
}

// BenchmarkBuildWarm links anew what is compiled already: at most 1.05 times the bare build. The builder gives the linker a GOGC of its own;
// GOGC=100 in the environment makes both collect garbage alike.
func BenchmarkBuildWarm(b *testing.B) {
	x := newBench(b, benchManifest)
	x.build(b)
	x.bare(b)
	var p pairs
	pair := func() {
		x.forget(b)
		p.run(func() cost { return x.build(b) }, func() cost { return x.bare(b) })
	}
	for b.Loop() {
		pair()
	}
	for len(p.ours) < leastPairs {
		pair()
	}
	p.report(b)
}

// BenchmarkBuildCold compiles everything, the standard library included: at most 1.03 times the bare build.
func BenchmarkBuildCold(b *testing.B) {
	if testing.Short() {
		b.Skip("compiles the standard library twice")
	}
	x := newBench(b, "modules: [stdin, raw, tcp]\n")
	environ := slices.Clip(x.environ)
	var p pairs
	p.run(func() cost {
		x.environ = append(environ, "GOCACHE="+b.TempDir())
		return x.build(b)
	}, func() cost {
		x.environ = append(environ, "GOCACHE="+b.TempDir())
		return x.bare(b)
	})
	p.report(b)
}

// BenchmarkGenerate writes the project with all of the core's source, when nothing of it changed: at most 20 ms. Bare is the go command's
// own start.
func BenchmarkGenerate(b *testing.B) {
	x := newBench(b, benchManifest)
	var p pairs
	pair := func() {
		p.run(func() cost { return x.run(b, x.dir, x.builder, "generate", "-o", x.project) }, func() cost { return x.run(b, x.dir, "go", "env", "-json") })
	}
	for b.Loop() {
		pair()
	}
	for len(p.ours) < leastPairs {
		pair()
	}
	p.report(b)
}

// BenchmarkUnknownName refuses a name that the registry has not: at most 300 ms, and no network. Bare is the builder's own start.
func BenchmarkUnknownName(b *testing.B) {
	x := newBench(b, benchManifest)
	var p pairs
	for b.Loop() {
		p.run(func() cost {
			cmd := exec.Command(x.builder, "build", "--with", "kafak")
			cmd.Dir, cmd.Env = x.dir, x.environ
			started := time.Now()
			if err := cmd.Run(); err == nil || cmd.ProcessState.ExitCode() != exitUsage {
				b.Fatal(err)
			}
			return cost{time.Since(started), cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()}
		}, func() cost { return x.run(b, x.dir, x.builder, "version") })
	}
	p.report(b)
}
