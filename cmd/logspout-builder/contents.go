package main

import (
	"context"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/module"

	"github.com/gliderlabs/logspout-builder/generator"
	"github.com/gliderlabs/logspout-builder/generator/describe"
	"github.com/gliderlabs/logspout-builder/generator/plan"
	"github.com/gliderlabs/logspout-builder/generator/sbom"
)

// contents are what a binary is made of, or what a plan's binary would be.
type contents struct {
	name, version string
	binary        string // the file, "" for a plan
	sha256        string // of the binary
	plan          *plan.Plan
	info          *debug.BuildInfo
	builder       *generator.Builder
}

// contents looks at the binary in args, or resolves the selection.
func (s *selection) contents(ctx context.Context, p process, args []string) (*contents, error) {
	view := newProgressView(p, false)
	defer view.close()
	b, err := newBuilder(p, view.report)
	if err != nil {
		return nil, err
	}
	if len(args) > 0 {
		if s.file != "" || s.lockFile != "" || s.locked || len(s.routes)+len(s.with)+len(s.without) > 0 {
			return nil, codedError{fmt.Errorf("%s is a binary, which says itself what it is made of: leave it out, or the flags that say what to build", args[0]), exitUsage}
		}
		return contentsOfBinary(b, args[0])
	}
	o, err := s.open(ctx, p, b)
	if err != nil {
		return nil, err
	}
	info, err := describe.Contents(ctx, b, o.plan)
	if err != nil {
		return nil, err
	}
	return &contents{name: o.manifest.Name, version: o.manifest.Version, plan: o.plan, info: info, builder: b}, nil
}

func contentsOfBinary(b *generator.Builder, file string) (*contents, error) {
	info, err := readBuildInfo(file)
	if err != nil {
		return nil, err
	}
	sum, err := fileSHA256(file)
	if err != nil {
		return nil, err
	}
	return &contents{name: filepath.Base(file), binary: file, sha256: sum, info: info, builder: b}, nil
}

// readBuildInfo is what the linker noted in a binary.
func readBuildInfo(file string) (*debug.BuildInfo, error) {
	info, err := buildinfo.ReadFile(file)
	if pathErr := (*os.PathError)(nil); err != nil && !errors.As(err, &pathErr) {
		return nil, fmt.Errorf("%s is no Go binary, or tells nothing of its modules: %w", file, err)
	}
	return info, err
}

func fileSHA256(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }() // only read
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// setting is a setting of the build, "" when it was not noted.
func (c *contents) setting(key string) string {
	for _, s := range c.info.Settings {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}

// platform is "linux/amd64", "" when the binary does not say.
func (c *contents) platform() string {
	if c.setting("GOOS") == "" {
		return ""
	}
	return c.setting("GOOS") + "/" + c.setting("GOARCH")
}

// modules are the modules with their licences.
func (c *contents) modules(ctx context.Context) ([]sbom.Module, error) {
	licenses, err := describe.Licenses(ctx, c.builder, c.plan, c.info.Deps)
	if err != nil {
		return nil, err
	}
	var modules []sbom.Module
	for _, m := range c.info.Deps {
		out := sbom.Module{Path: m.Path, Version: m.Version, Sum: m.Sum}
		if r := m.Replace; r != nil {
			out = sbom.Module{Path: r.Path, Version: r.Version, Sum: r.Sum}
			if r.Path != m.Path {
				out.For = m.Path
			}
		}
		out.License = licenses[module.Version{Path: out.Path, Version: out.Version}]
		modules = append(modules, out)
	}
	return modules, nil
}

// program is what a bill of materials says of the contents.
func (c *contents) program(ctx context.Context, p process) (*sbom.Program, error) {
	created, err := p.sourceDate()
	if err != nil {
		return nil, err
	}
	modules, err := c.modules(ctx)
	if err != nil {
		return nil, err
	}
	goVersion, _, _ := strings.Cut(strings.TrimPrefix(c.info.GoVersion, "go"), " ")
	return &sbom.Program{
		Name: c.name, Version: c.version, SHA256: c.sha256, Platform: c.platform(), Go: goVersion, Modules: modules,
		Tool: builderVersion(), Created: created,
	}, nil
}

// sourceDate is the time of SOURCE_DATE_EPOCH (https://reproducible-builds.org/specs/source-date-epoch), zero when that is not set.
func (p process) sourceDate() (time.Time, error) {
	text := p.getenv("SOURCE_DATE_EPOCH")
	if text == "" {
		return time.Time{}, nil
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil || seconds < 0 {
		return time.Time{}, codedError{fmt.Errorf("SOURCE_DATE_EPOCH=%s: want seconds since 1970", text), exitUsage}
	}
	return time.Unix(seconds, 0), nil
}
