package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/mod/semver"

	"github.com/gliderlabs/logspout-builder/generator/manifest"
	"github.com/gliderlabs/logspout-builder/generator/plan"
)

func newUpgradeCommand(p process) *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "upgrade [-f FILE] NAME[@VERSION]...",
		Short: "Take modules from elsewhere at a newer version",
		Long: `Take modules from elsewhere at their latest version, or at the one that is given. A version that the manifest names is changed there;
where it leaves the version open, the lock moves. What comes with the builder moves with the builder.`,
		Example:               "  logspout-builder upgrade example.com/ops/logspout-gelf",
		Args:                  cobra.MinimumNArgs(1),
		DisableFlagsInUseLine: true,
		ValidArgsFunction:     completeOwnModules(p, &file),
		RunE: func(cmd *cobra.Command, args []string) error {
			e, err := openManifest(cmd.Context(), p, file)
			if err != nil {
				return err
			}
			again, newest, err := e.upgrade(args)
			if err != nil {
				return codedError{err, exitUsage}
			}
			if err := e.takeLatest(cmd.Context(), p, newest); err != nil {
				return err
			}
			return e.save(cmd.Context(), p, again...)
		},
	}
	editFlags(cmd, &file)
	return cmd
}

// upgrade changes the versions that arguments give. again are those whose versions are for the lock to say; newest are modules of the manifest that
// name a version, which is to be the latest.
func (e *edited) upgrade(specs []string) (again []string, newest []manifest.Module, err error) {
	var problems []error
	refuse := func(format string, values ...any) { problems = append(problems, fmt.Errorf(format, values...)) }
	for _, spec := range specs {
		id, _, hasVersion := strings.Cut(spec, "@")
		m, ok := e.find(id)
		entry, unknown := e.registry.Lookup(id)
		switch {
		case !ok && (unknown == nil || !strings.Contains(id, "/")):
			refuse("%s: the manifest does not name it: add it", id)
		case !ok:
			again = append(again, spec) // a module that others need
		case m.Name == manifest.StandardName || unknown == nil && entry.Bundled():
			refuse("%s comes with the builder, and moves with it: take a newer logspout-builder", id)
		case m.Dir != "":
			refuse("%s is built from the directory %s as it is there", id, m.Dir)
		case hasVersion:
			changed, err := manifest.ParseModule(spec, manifest.Pos{File: spec}, e.registry)
			if err != nil {
				problems = append(problems, err)
				continue
			}
			e.m.Add(changed)
		case semver.IsValid(m.Version) || m.Version == "" && entry.Version != "":
			newest = append(newest, m)
		default:
			again = append(again, id)
		}
	}
	return again, newest, errors.Join(problems...)
}

// takeLatest gives modules of the manifest the newest versions that they can have beside one another. A version that is newer than the latest release
// stays.
func (e *edited) takeLatest(ctx context.Context, p process, modules []manifest.Module) error {
	if len(modules) == 0 {
		return nil
	}
	view := newProgressView(p, false)
	defer view.close()
	b, err := newBuilder(p, view.report)
	if err != nil {
		return err
	}
	asked := *e.m
	asked.Modules = slices.Clone(e.m.Modules)
	for _, m := range modules {
		m.Version = "latest"
		asked.Add(m)
	}
	planned, err := plan.New(&asked, e.registry, b.Core)
	if err != nil {
		return codedError{err, exitManifest}
	}
	now, err := b.Resolve(ctx, planned)
	if err != nil {
		return err
	}
	for _, m := range modules {
		path := m.Package
		if entry, err := e.registry.Lookup(m.Name); err == nil {
			path = entry.Package
		}
		want, _ := now.Lock.Want(path)
		locked, ok := now.Lock.Module(want.From)
		if !ok {
			return fmt.Errorf("%s: its module is not among those that were found", m.ID())
		}
		if semver.Compare(locked.Version, m.Version) > 0 {
			m.Version = locked.Version
			e.m.Add(m)
		}
	}
	return nil
}
