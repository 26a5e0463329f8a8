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

	"github.com/gliderlabs/logspout-builder/generator/fault"
	"github.com/gliderlabs/logspout-builder/generator/gotool"
	"github.com/gliderlabs/logspout-builder/generator/manifest"
	"github.com/gliderlabs/logspout-builder/generator/timings"
)

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

// compile builds a project in a workspace of its files and returns the binary's path, which lies in there.
func (b *Builder) compile(ctx context.Context, w *Workspace, x *Project) (string, error) {
	binary := filepath.Join(w.Dir, "binary.exe") // the ending matters on Windows alone
	args := append([]string{"build", "-o", binary}, x.Plan.BuildFlags()...)
	if b.Timings {
		args = append(args, "-debug-actiongraph="+filepath.Join(w.Dir, actionGraph))
	}
	if _, err := w.Run(ctx, nil, append(args, ".")...); err != nil {
		return "", b.blameCompile(x, err)
	}
	return binary, nil
}

// compiled is a compiler's first error: the package, the place in its directory and what is wrong.
var compiled = regexp.MustCompile(`(?m)^# (\S+).*\n((?:\S*[/\\])?)([^/\\\s:]+\.(?:go|s):\d+(?::\d+)?: .+)$`)

// blameCompile says in whose module the compiler stopped, and where. What comes from elsewhere was compiled when it was inspected: what is
// left is mostly a bundled package with a newer version of what it needs, because another module asked for that.
func (b *Builder) blameCompile(x *Project, err error) error {
	blamed := x.Plan.Blame(fault.StepCompile, err)
	var out *fault.Error
	var failed *gotool.Error
	if !errors.As(blamed, &out) || !errors.As(err, &failed) {
		return blamed
	}
	m := compiled.FindStringSubmatch(failed.Stderr)
	versions, readErr := x.List.Versions()
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
	if holder := x.Plan.Holder(m[1]); out.Package == "" && holder != nil {
		out.Package, out.Pos = holder.Path, holder.Pos
	}
	out.Hint = strings.TrimPrefix(out.Hint, "; ")
	return out
}
