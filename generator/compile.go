package generator

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"golang.org/x/mod/module"

	"github.com/gliderlabs/logspout-builder/generator/gotool"
	"github.com/gliderlabs/logspout-builder/generator/manifest"
	"github.com/gliderlabs/logspout-builder/generator/timings"
)

// buildFlags are the flags of `go build` that decide the binary's bytes.
func (p *Plan) buildFlags() []string {
	ldflags := "-buildid="
	switch {
	case p.symbols:
		ldflags = "-w " + ldflags
	case !p.Debug:
		ldflags = "-s -w " + ldflags
	}
	if p.LDFlags != "" {
		ldflags += " " + p.LDFlags
	}
	flags := []string{"-trimpath", "-buildvcs=false", "-ldflags=" + ldflags}
	if len(p.Tags) > 0 {
		flags = append(flags, "-tags="+strings.Join(p.Tags, ","))
	}
	return flags
}

// actionGraph is the file in which the go command notes what it did, when.
const actionGraph = "actiongraph.json"

// timings are where the time of a build in dir went, as the go command noted it.
func (b *Builder) timings(dir string) []timings.Node {
	graph, err := os.ReadFile(filepath.Join(dir, actionGraph))
	if err != nil {
		return nil
	}
	compile, link, err := timings.Compile(graph)
	if err != nil { // it is no documented format: a build does not fail for it
		b.note("warning", err.Error())
		return nil
	}
	return []timings.Node{compile, link}
}

// compile builds a project in an empty directory and returns the binary's path, which lies in there.
func (b *Builder) compile(ctx context.Context, g *gotool.Tool, x *project, dir string) (string, error) {
	if err := writeFiles(dir, x.files()); err != nil {
		return "", err
	}
	binary := filepath.Join(dir, "binary.exe") // the ending matters on Windows alone
	args := append([]string{"build", "-o", binary}, x.plan.buildFlags()...)
	if b.Timings {
		args = append(args, "-debug-actiongraph="+filepath.Join(dir, actionGraph))
	}
	if _, err := g.Run(ctx, dir, b.proxyEnv(g), append(args, ".")...); err != nil {
		return "", b.blameCompile(x, err)
	}
	return binary, nil
}

// compiled is a compiler's first error: the package, the place in its directory and what is wrong.
var compiled = regexp.MustCompile(`(?m)^# (\S+).*\n((?:\S*[/\\])?)([^/\\\s:]+\.(?:go|s):\d+(?::\d+)?: .+)$`)

// blameCompile says in whose module the compiler stopped, and where. What comes from elsewhere was compiled when it was inspected: what is
// left is mostly a bundled package with a newer version of what it needs, because another module asked for that.
func (b *Builder) blameCompile(x *project, err error) error {
	blamed := x.plan.blame(StepCompile, err)
	var out *Error
	var failed *gotool.Error
	if !errors.As(blamed, &out) || !errors.As(err, &failed) {
		return blamed
	}
	m := compiled.FindStringSubmatch(failed.Stderr)
	versions, readErr := x.list.Versions()
	if m == nil || readErr != nil {
		return blamed
	}
	culprit := module.Version{}
	for path, v := range versions {
		if manifest.Within(m[1], path) && len(path) > len(culprit.Path) {
			culprit = module.Version{Path: path, Version: v.Version}
		}
	}
	if culprit.Path == "" {
		return blamed
	}
	out.Err = fmt.Errorf("package %s of %s %s does not compile: %s\n%w", m[1], culprit.Path, culprit.Version, m[3], out.Err)
	out.Hint += b.workedBefore(culprit.Path, culprit.Version)
	if holder := x.plan.holder(m[1]); out.Package == "" && holder != nil {
		out.Package, out.Pos = holder.Path, holder.Pos
	}
	out.Hint = strings.TrimPrefix(out.Hint, "; ")
	return out
}
