package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"

	"github.com/gliderlabs/logspout-builder/generator/manifest"
	"github.com/gliderlabs/logspout-builder/generator/registry"
	"github.com/gliderlabs/logspout-builder/generator/wholefile"
)

// loadRegistry is the registry that the builder carries, with those that --registry names.
func loadRegistry(ctx context.Context, p process) (*manifest.Registry, error) {
	return loadRegistries(ctx, p, false)
}

// loadRegistries is loadRegistry, offline without the network.
func loadRegistries(ctx context.Context, p process, offline bool) (*manifest.Registry, error) {
	all, err := carriedRegistry()
	if err != nil || p.registries == nil || len(*p.registries) == 0 {
		return all, err
	}
	cache, err := p.cacheDir()
	if err != nil {
		return nil, err
	}
	f := &registry.Fetcher{
		Dir: filepath.Join(cache, "registries"), Client: http.DefaultClient, Offline: offline, Write: wholefile.Write,
		Warn: func(message string) { _, _ = fmt.Fprintf(p.stderr, "%-9s %s\n", "warning", message) },
	}
	var problems []error
	for _, source := range *p.registries {
		var other *manifest.Registry
		_, err := f.Get(ctx, source, func(data []byte) (err error) {
			other, err = manifest.ParseRegistryFrom("registry.json", data)
			return err
		})
		if err == nil {
			var more *manifest.Registry
			if more, err = all.With(other, registry.Shown(source)); err == nil {
				all = more
			}
		}
		problems = append(problems, err)
	}
	if err := errors.Join(problems...); err != nil {
		return nil, codedError{err, exitUsage}
	}
	return all, nil
}
