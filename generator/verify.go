package generator

import (
	"context"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/gliderlabs/logspout-builder/generator/fault"
	"github.com/gliderlabs/logspout-builder/generator/gotool"
	"github.com/gliderlabs/logspout-builder/generator/manifest"
	"github.com/gliderlabs/logspout-builder/generator/plan"
)

// verify compares a binary with its plan: what the linker noted in it, and, where it runs here, what it says of itself.
func (x *Project) verify(ctx context.Context, g *gotool.Tool, binary string) error {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return fmt.Errorf("read build info: %w", err)
	}
	if err := x.verifyBuildInfo(info, g); err != nil {
		return fmt.Errorf("the binary is not what was planned: %w", err)
	}
	if g.Settings.GOOS != g.Settings.GOHOSTOS || g.Settings.GOARCH != g.Settings.GOHOSTARCH {
		return nil
	}
	stdout, stderr, err := g.RunBinary(ctx, binary, "modules", "--json")
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if strings.Contains(stderr, "microarchitecture support") {
			return nil // built for a newer processor than this machine's
		}
		return doesNotStart(x.Plan, err, stderr)
	}
	return x.verifySelf(stdout)
}

// verifyBuildInfo compares the modules and settings that the linker noted with the build list.
func (x *Project) verifyBuildInfo(info *debug.BuildInfo, g *gotool.Tool) error {
	want, err := x.List.Versions()
	if err != nil {
		return err
	}
	var problems []error
	if info.Path != plan.ProjectPath {
		problems = append(problems, fmt.Errorf("its main package is %s, not %s", info.Path, plan.ProjectPath))
	}
	linked := map[string]bool{}
	for _, m := range info.Deps {
		linked[m.Path] = true
		have := m
		if m.Replace != nil {
			have = m.Replace
		}
		switch planned, ok := want[m.Path]; {
		case !ok:
			problems = append(problems, fmt.Errorf("module %s %s is in it and not in the plan", m.Path, m.Version))
		case planned.Path != have.Path || planned.Version != have.Version:
			problems = append(problems, fmt.Errorf("module %s is in it at %s %s, planned was %s %s", m.Path, have.Path, have.Version, planned.Path, planned.Version))
		case have.Sum != "" && !slices.Contains(strings.Split(string(x.List.GoSum), "\n"), fmt.Sprintf("%s %s %s", have.Path, have.Version, have.Sum)):
			problems = append(problems, fmt.Errorf("module %s has sum %s in it, which go.sum does not know", m.Path, have.Sum))
		}
	}
	if !linked[manifest.CorePath] {
		problems = append(problems, errors.New("the core is not in it"))
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	for _, s := range [][2]string{
		{"CGO_ENABLED", "0"},
		{"-trimpath", "true"},
		{"GOOS", g.Settings.GOOS},
		{"GOARCH", g.Settings.GOARCH},
		{"-tags", strings.Join(x.Plan.Tags, ",")},
	} {
		if settings[s[0]] != s[1] {
			problems = append(problems, fmt.Errorf("it was built with %s=%s, not %s", s[0], settings[s[0]], s[1]))
		}
	}
	return errors.Join(problems...)
}

// binaryReport is what a binary prints of itself (`modules --json`).
type binaryReport struct {
	Name       string           `json:"name"`
	Version    string           `json:"version"`
	Core       string           `json:"core"`
	Digest     string           `json:"digest"`
	Manifest   string           `json:"manifest"`
	Lock       string           `json:"lock"`
	Extensions []plan.Extension `json:"extensions"`
}

// verifySelf compares what `modules --json` of the binary printed with the plan, the registry's word and what inspection found.
func (x *Project) verifySelf(printed []byte) error {
	var says binaryReport
	if err := json.Unmarshal(printed, &says); err != nil {
		return fmt.Errorf("read what the binary says of itself: %w", err)
	}
	var problems []error
	for _, f := range [][3]string{
		{"name", says.Name, x.Plan.Name},
		{"version", says.Version, x.Plan.Version},
		{"core", says.Core, x.Plan.Core},
		{"digest", says.Digest, x.made.Project},
		{"manifest", says.Manifest, x.made.Manifest},
		{"lock", says.Lock, x.made.Lock},
	} {
		if f[1] != f[2] {
			problems = append(problems, fmt.Errorf("the binary says that its %s is %q, planned was %q", f[0], f[1], f[2]))
		}
	}
	want := x.Extensions()
	have := slices.SortedFunc(slices.Values(says.Extensions), plan.CompareExtensions)
	for _, e := range want {
		if !slices.ContainsFunc(have, e.Covers) {
			problems = append(problems, fmt.Errorf("%s is missing: the package does not register it when the binary starts", e))
		}
	}
	for _, e := range have {
		if !slices.ContainsFunc(want, func(w plan.Extension) bool { return w.Covers(e) }) {
			problems = append(problems, fmt.Errorf("%s is in the binary, and neither the registry nor inspection knows it", e))
		}
	}
	return errors.Join(problems...)
}

// doesNotStart is the error for a binary that ends at once: what it wrote, and the package whose code it names.
func doesNotStart(p *plan.Plan, err error, stderr string) error {
	stderr = p.Unpacked(stderr)
	out := &fault.Error{Step: fault.StepVerify, Err: fmt.Errorf("the binary does not start (%w):\n  %s", err, strings.Join(lastWords(stderr), "\n  "))}
	if x := p.Mentioned(stderr); x != nil {
		out.Package, out.Pos = x.Path, x.Pos
		out.Hint = "mend its init function, or leave it out"
	}
	return out
}

// frame is a place in a goroutine's stack.
var frame = regexp.MustCompile(`^\t(\S+\.go:\d+)`)

// lastWords are the first lines that a program wrote before it ended; of a panic's stack the places outside the core and Go itself.
func lastWords(stderr string) []string {
	const most = 12
	var lines []string
	inStack := false
	for line := range strings.Lines(strings.TrimSpace(stderr)) {
		line = strings.TrimRight(line, "\r\n")
		switch m := frame.FindStringSubmatch(line); {
		case strings.HasPrefix(line, "goroutine "):
			inStack = true
		case !inStack && line != "":
			lines = append(lines, line)
		case m != nil && strings.Contains(m[1], "/") && !strings.HasPrefix(m[1], manifest.CorePath+"@") && !strings.HasPrefix(m[1], "runtime/"):
			lines = append(lines, "at "+m[1])
		}
	}
	if len(lines) > most {
		lines = append(lines[:most], "...")
	}
	return lines
}
