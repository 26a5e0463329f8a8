package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	assets "github.com/gliderlabs/logspout-builder"
	"github.com/gliderlabs/logspout-builder/generator"
	"github.com/gliderlabs/logspout-builder/generator/cache"
	"github.com/gliderlabs/logspout-builder/generator/lock"
	"github.com/gliderlabs/logspout-builder/generator/manifest"
	"github.com/gliderlabs/logspout-builder/generator/packed"
	"github.com/gliderlabs/logspout-builder/generator/plan"
)

// manifestFile is what a command reads when no other manifest is named and this one is in the working directory.
const manifestFile = "logspout.yaml"

// codedError gives an error an exit code.
type codedError struct {
	error
	code int
}

func (e codedError) Unwrap() error { return e.error }
func (e codedError) ExitCode() int { return e.code }

// selection is what the flags of build and generate say of the binary.
type selection struct {
	file    string
	routes  []string
	with    []string
	without []string
	// lockFile is the lock's, "" is that beside the manifest; locked refuses what it does not say.
	lockFile string
	locked   bool
	// offline keeps from the network.
	offline bool
}

func (s *selection) addFlags(cmd *cobra.Command) {
	s.addFileFlags(cmd)
	cmd.Flags().BoolVar(&s.locked, "locked", false, "refuse what the lock does not say, and do not change it")
	cmd.Flags().StringArrayVar(&s.routes, "for", nil, "add what a `ROUTE-URI` needs; without a manifest's modules the binary is the smallest that serves all of them")
	cmd.Flags().StringArrayVar(&s.with, "with", nil, "add a module: `NAME[@VERSION][=DIR]`, where NAME is a registry name or a package path; or a directory alone, such as .")
	cmd.Flags().StringArrayVar(&s.without, "without", nil, "leave out the module `NAME`")
	for _, flag := range []string{"with", "without"} {
		_ = cmd.RegisterFlagCompletionFunc(flag, completeModules) // the flag is there
	}
}

// addFileFlags adds the flags that name files.
func (s *selection) addFileFlags(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&s.file, "file", "f", "", "`manifest` to read (default "+manifestFile+" if it is there, else the standard set)")
	cmd.Flags().StringVar(&s.lockFile, "lock", "", "the lock's `FILE` (default beside the manifest: "+lock.FileName+" for "+manifestFile+")")
	_ = cmd.MarkFlagFilename("file", "yaml", "yml") // the flags are there
	_ = cmd.MarkFlagFilename("lock", "lock")
	cmd.Flags().BoolVar(&s.offline, "offline", false, "keep from the network; what the module cache lacks is listed")
}

// completeModules are the registry's names for the shell.
func completeModules(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	registry, err := carriedRegistry()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var names []cobra.Completion
	for _, e := range registry.Entries() {
		names = append(names, cobra.CompletionWithDesc(e.Name, e.Summary))
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// carriedRegistry is the registry that the builder carries.
func carriedRegistry() (*manifest.Registry, error) {
	data, err := assets.Files.ReadFile("registry.json")
	if err != nil {
		return nil, err
	}
	return manifest.ParseRegistry(data)
}

// manifest reads the manifest and applies the flags to it.
func (s *selection) manifest(registry *manifest.Registry) (*manifest.Manifest, error) {
	m, err := s.read(registry)
	if err != nil {
		return nil, codedError{err, exitManifest}
	}
	var problems []error
	for _, uri := range s.routes {
		if err := m.Serve(manifest.Route{URI: uri, Pos: manifest.Pos{File: "--for"}}, registry); err != nil {
			problems = append(problems, err)
		}
	}
	for _, spec := range s.with {
		full, err := withPath(spec)
		if err != nil {
			problems = append(problems, fmt.Errorf("--with %s: %w", spec, err))
			continue
		}
		module, err := manifest.ParseModule(full, manifest.Pos{File: "--with " + spec}, registry)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		if module.Dir, err = fromManifest(m, module.Dir); err != nil {
			return nil, err
		}
		m.Add(module)
	}
	for _, name := range s.without {
		if err := m.Remove(name, registry); err != nil {
			problems = append(problems, fmt.Errorf("--without %s: %w", name, err))
		}
	}
	if len(problems) > 0 {
		return nil, codedError{errors.Join(problems...), exitUsage}
	}
	return m, nil
}

// withPath gives a directory that stands alone ("." or "./gelf") its package's import path in front: what its go.mod says.
func withPath(spec string) (string, error) {
	if !strings.HasPrefix(spec, ".") && !filepath.IsAbs(spec) || strings.Contains(spec, "=") {
		return spec, nil
	}
	importPath, moduleDir, err := packed.LocalPackage(spec)
	if err != nil {
		return "", err
	}
	if here, err := filepath.Abs("."); err == nil && !filepath.IsAbs(spec) { // messages name files as the user did
		if relative, err := filepath.Rel(here, moduleDir); err == nil {
			moduleDir = relative
			if relative != "." && relative != ".." && !strings.HasPrefix(relative, ".."+string(filepath.Separator)) {
				moduleDir = "." + string(filepath.Separator) + relative
			}
		}
	}
	return importPath + "=" + moduleDir, nil
}

func (s *selection) read(registry *manifest.Registry) (*manifest.Manifest, error) {
	file := s.file
	if file == "" {
		file = manifestFile
	}
	data, err := os.ReadFile(file)
	switch {
	case s.file == "" && errors.Is(err, fs.ErrNotExist):
		return manifest.Default(), nil
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("there is no manifest %s\nnext: check its path, or leave -f out: %s of the working directory is taken, or else the standard set", file, manifestFile)
	case err != nil:
		if info, statErr := os.Stat(file); statErr == nil && info.IsDir() {
			return nil, fmt.Errorf("%s is a directory: name the manifest in it, such as -f %s", file, filepath.Join(file, manifestFile))
		}
		return nil, fmt.Errorf("read manifest: %w", err)
	}
	return manifest.Parse(file, data, registry)
}

// fromManifest names a directory, relative to the working directory as flags have it, as the manifest would.
func fromManifest(m *manifest.Manifest, dir string) (string, error) {
	if dir == "" || filepath.IsAbs(dir) || filepath.Dir(m.File) == "." {
		return dir, nil
	}
	return filepath.Abs(dir)
}

// plan is the plan of the selection, and the manifest it was made of.
func (s *selection) plan(ctx context.Context, p process, core *packed.Core) (*plan.Plan, *manifest.Manifest, error) {
	registry, err := loadRegistries(ctx, p, s.offline)
	if err != nil {
		return nil, nil, err
	}
	m, err := s.manifest(registry)
	if err != nil {
		return nil, nil, err
	}
	planned, err := plan.New(m, registry, core)
	if err != nil {
		return nil, nil, codedError{err, exitManifest}
	}
	return planned, m, nil
}

// opened is a selection that was planned, and a builder that obeys its lock.
type opened struct {
	builder  *generator.Builder
	manifest *manifest.Manifest
	plan     *plan.Plan
	lock     *keptLock
}

// start sets up a builder that reports to view, and opens the selection with it.
func (s *selection) start(ctx context.Context, p process, view *progressView) (*opened, error) {
	b, err := newBuilder(p, view.report)
	if err != nil {
		return nil, err
	}
	return s.open(ctx, p, b)
}

// open plans the selection, and makes a builder obey its lock.
func (s *selection) open(ctx context.Context, p process, b *generator.Builder) (*opened, error) {
	planned, m, err := s.plan(ctx, p, b.Core)
	if err != nil {
		return nil, err
	}
	kept, err := s.lockFor(m)
	if err != nil {
		return nil, err
	}
	kept.bind(b)
	return &opened{builder: b, manifest: m, plan: planned, lock: kept}, nil
}

// newBuilder sets up a builder with what this program carries.
func newBuilder(p process, report func(generator.Progress)) (*generator.Builder, error) {
	core, err := loadCore()
	if err != nil {
		return nil, err
	}
	dir, err := p.cacheDir()
	if err != nil {
		return nil, err
	}
	return &generator.Builder{Core: core, Cache: cache.New(dir), Environ: p.environ, Report: report}, nil
}

// cacheDir is the directory of the builder's cache, absolute.
func (p process) cacheDir() (string, error) {
	dir := p.getenv("LOGSPOUT_BUILDER_CACHE")
	if dir == "" {
		caches, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("find a directory for the cache: %w; set LOGSPOUT_BUILDER_CACHE to one", err)
		}
		dir = filepath.Join(caches, "logspout-builder")
	}
	return filepath.Abs(dir)
}

func loadCore() (*packed.Core, error) {
	bundled, err := packed.LoadBundled()
	if err != nil {
		return nil, err
	}
	return packed.NewCore(assets.Files, bundled)
}

// getenv is a variable of the process's environment, "" when it is not set.
func (p process) getenv(name string) string {
	for _, kv := range p.environ {
		if value, ok := strings.CutPrefix(kv, name+"="); ok {
			return value
		}
	}
	return ""
}
