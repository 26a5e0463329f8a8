package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gliderlabs/logspout-builder/generator"
	"github.com/gliderlabs/logspout-builder/generator/amend"
	"github.com/gliderlabs/logspout-builder/generator/manifest"
	"github.com/gliderlabs/logspout-builder/generator/plan"
	"github.com/gliderlabs/logspout-builder/generator/wholefile"
)

// edited is a manifest's file that a command changes.
type edited struct {
	file     string
	data     []byte
	mode     fs.FileMode
	registry *manifest.Registry
	m        *manifest.Manifest
}

// openManifest reads the manifest to change; file is the flag's value.
func openManifest(ctx context.Context, p process, file string) (*edited, error) {
	e := &edited{file: file}
	if file == "" {
		e.file = manifestFile
	}
	var err error
	if e.registry, err = loadRegistry(ctx, p); err != nil {
		return nil, err
	}
	info, err := os.Stat(e.file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, codedError{fmt.Errorf("there is no manifest %s\nnext: make one with 'logspout-builder init', or name another by -f", e.file), exitManifest}
	}
	if err == nil {
		e.mode = info.Mode().Perm()
		e.data, err = os.ReadFile(e.file)
	}
	if err != nil {
		return nil, fmt.Errorf("read manifest: %w", err)
	}
	if e.m, err = manifest.Parse(e.file, e.data, e.registry); err != nil {
		return nil, codedError{err, exitManifest}
	}
	return e, nil
}

// save writes the manifest with its modules as they are now, and the lock that belongs to it. What cannot be built or resolved is not written.
// again are modules whose versions are asked for anew.
func (e *edited) save(ctx context.Context, p process, again ...string) error {
	view := newProgressView(p, false)
	defer view.close()
	b, err := newBuilder(p, view.report)
	if err != nil {
		return err
	}
	data, err := e.text()
	if err != nil {
		return err
	}
	s := selection{file: e.file}
	kept, err := s.lockFor(e.m)
	if err != nil {
		return err
	}
	kept.bind(b)
	now, err := e.resolve(ctx, b, data, again)
	if err != nil {
		return err
	}
	view.close()
	if !bytes.Equal(data, e.data) {
		target, err := filepath.EvalSymlinks(e.file)
		if err == nil {
			err = wholefile.Write(target, data, e.mode)
		}
		if err != nil {
			return fmt.Errorf("write manifest: %w", err)
		}
		_, _ = fmt.Fprintf(p.stderr, "%-9s %s changed\n", "manifest", e.file)
	} else if len(again) == 0 {
		_, _ = fmt.Fprintf(p.stderr, "%-9s %s says so already\n", "manifest", e.file)
	}
	if err := kept.write(view, now); err != nil {
		return err
	}
	_, err = fmt.Fprintln(p.stdout, e.file)
	return err
}

// text is the manifest's text with the modules as they are now, of which a binary can be made.
func (e *edited) text() ([]byte, error) {
	if _, err := e.m.Expand(e.registry); err != nil {
		return nil, codedError{fmt.Errorf("%s stays as it was, for with that change it would be wrong:\n%w", e.file, err), exitManifest}
	}
	data, err := amend.Modules(e.file, e.data, e.m.Modules, e.registry)
	if err != nil {
		return nil, codedError{err, exitManifest}
	}
	return data, nil
}

// resolve finds the versions of a manifest's modules, as far as the builder's lock does not say them.
func (e *edited) resolve(ctx context.Context, b *generator.Builder, data []byte, again []string) (*generator.Resolution, error) {
	m, err := manifest.Parse(e.file, data, e.registry)
	if err != nil {
		return nil, codedError{err, exitManifest}
	}
	planned, err := plan.New(m, e.registry, b.Core)
	if err != nil {
		return nil, codedError{err, exitManifest}
	}
	b.Update = generator.Update{Names: again}
	return b.Resolve(ctx, planned)
}

// module reads an argument. A directory in it is relative to the working directory, and becomes relative to the manifest.
func (e *edited) module(spec string) (manifest.Module, error) {
	m, err := manifest.ParseModule(spec, manifest.Pos{File: spec}, e.registry)
	if err != nil || m.Dir == "" || filepath.IsAbs(m.Dir) {
		return m, err
	}
	base, err := filepath.Abs(filepath.Dir(e.file))
	if err != nil {
		return m, err
	}
	dir, err := filepath.Abs(m.Dir)
	if err != nil {
		return m, err
	}
	if dir, err = filepath.Rel(base, dir); err != nil {
		return m, err
	}
	m.Dir = filepath.ToSlash(dir)
	if !strings.HasPrefix(m.Dir, "../") && m.Dir != ".." && m.Dir != "." {
		m.Dir = "./" + m.Dir
	}
	return m, nil
}

// find is the manifest's module that an argument names, by its name or package path.
func (e *edited) find(id string) (manifest.Module, bool) {
	if entry, ok := e.registry.ByPackage(id); ok {
		id = entry.Name
	}
	for _, m := range e.m.Modules {
		if m.ID() == id {
			return m, true
		}
	}
	return manifest.Module{}, false
}

// editFlags are what the commands have in common that change a manifest.
func editFlags(cmd *cobra.Command, file *string) {
	cmd.Flags().StringVarP(file, "file", "f", "", "`manifest` to change (default "+manifestFile+")")
	_ = cmd.MarkFlagFilename("file", "yaml", "yml") // the flag is there
}

// completeOwnModules are the names of the modules in the manifest.
func completeOwnModules(p process, file *string) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		e, err := openManifest(cmd.Context(), p, *file)
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		var names []cobra.Completion
		for _, m := range e.m.Modules {
			names = append(names, m.ID())
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}
