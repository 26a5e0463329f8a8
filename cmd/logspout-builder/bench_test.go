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
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	x.run(b, x.dir, x.builder, "generate", "-o", x.project)
	return x
}

// run runs a program and tells how long that took.
func (x *bench) run(b *testing.B, dir, program string, args ...string) time.Duration {
	b.Helper()
	cmd := exec.Command(program, args...)
	cmd.Dir, cmd.Env = dir, x.environ
	started := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%s %q: %v: %s", program, args, err, out)
	}
	return time.Since(started)
}

func (x *bench) build(b *testing.B) time.Duration {
	b.Helper()
	return x.run(b, x.dir, x.builder, "build")
}

// bare is `go build` of the generated project as the builder calls it: what a build cannot be faster than.
func (x *bench) bare(b *testing.B) time.Duration {
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

// times are the fastest runs of a build and of the bare one.
type times struct{ ours, bare time.Duration }

func (t *times) add(ours, bare time.Duration) {
	if t.ours == 0 || ours < t.ours {
		t.ours = ours
	}
	if t.bare == 0 || bare < t.bare {
		t.bare = bare
	}
}

func (t *times) report(b *testing.B) {
	b.Helper()
	b.ReportMetric(0, "ns/op") // which would count both
	b.ReportMetric(float64(t.ours.Microseconds())/1000, "ms")
	b.ReportMetric(float64(t.bare.Microseconds())/1000, "bare-ms")
	b.ReportMetric(float64(t.ours)/float64(t.bare), "x-bare")
}

const benchManifest = "modules: [standard, kafka]\n"

// BenchmarkBuildUnchanged: at most 50 ms.
func BenchmarkBuildUnchanged(b *testing.B) {
	x := newBench(b, benchManifest)
	x.build(b)
	x.bare(b)
	var t times
	for b.Loop() {
		t.add(x.build(b), x.bare(b))
	}
	t.report(b)
}

// BenchmarkBuildWarm links anew what is compiled already: at most 1.05 times the bare build.
func BenchmarkBuildWarm(b *testing.B) {
	x := newBench(b, benchManifest)
	x.build(b)
	x.bare(b)
	var t times
	for range 5 {
		x.forget(b)
		bare := x.bare(b)
		t.add(x.build(b), bare)
	}
	t.report(b)
}

// BenchmarkBuildCold compiles everything, the standard library included: at most 1.03 times the bare build.
func BenchmarkBuildCold(b *testing.B) {
	if testing.Short() {
		b.Skip("compiles the standard library twice")
	}
	x := newBench(b, "modules: [stdin, raw, tcp]\n")
	environ := slices.Clip(x.environ)
	x.environ = append(environ, "GOCACHE="+b.TempDir())
	bare := x.bare(b)
	x.environ = append(environ, "GOCACHE="+b.TempDir())
	t := times{ours: x.build(b), bare: bare}
	t.report(b)
}

// BenchmarkGenerate writes the project with all of the core's source: at most 20 ms beside the go command's own start, which the floor is.
func BenchmarkGenerate(b *testing.B) {
	x := newBench(b, benchManifest)
	var t times
	for b.Loop() {
		t.add(x.run(b, x.dir, x.builder, "generate", "-o", x.project), x.run(b, x.dir, "go", "env", "-json"))
	}
	t.report(b)
}

// BenchmarkUnknownName refuses a name that the registry has not: at most 300 ms, and no network.
func BenchmarkUnknownName(b *testing.B) {
	x := newBench(b, benchManifest)
	for b.Loop() {
		cmd := exec.Command(x.builder, "build", "--with", "kafak")
		cmd.Dir, cmd.Env = x.dir, x.environ
		if err := cmd.Run(); err == nil || cmd.ProcessState.ExitCode() != exitUsage {
			b.Fatal(err)
		}
	}
}
