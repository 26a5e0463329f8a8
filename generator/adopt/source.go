package adopt

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gliderlabs/logspout-builder/generator/manifest"
)

// Source is where a manifest comes from.
type Source struct {
	From    string // a file or URL, "" for none
	Service string // of a compose file, "" for the one that looks like logspout
	Token   string // of a running forwarder, "" for none
}

// Find looks at a source and makes a draft of it.
func Find(ctx context.Context, s Source, reg *manifest.Registry) (Draft, error) {
	lower := strings.ToLower(s.From)
	isCompose := strings.HasSuffix(lower, ".yml") || strings.HasSuffix(lower, ".yaml")
	if s.Service != "" && !isCompose {
		return Draft{}, fmt.Errorf("a service is one of a compose file (.yaml or .yml), and %q is none", s.From)
	}
	switch {
	case s.From == "":
		return Draft{}, nil
	case strings.HasPrefix(lower, "http://"), strings.HasPrefix(lower, "https://"):
		return Forwarder(ctx, s.From, s.Token)
	case isCompose:
		data, err := os.ReadFile(s.From)
		if err != nil {
			return Draft{}, err
		}
		d, err := Compose(s.From, data, s.Service)
		if err != nil || d.buildContext == "" {
			return d, err
		}
		return d.customBuild(filepath.Join(filepath.Dir(s.From), d.buildContext, "modules.go"), reg)
	case strings.HasSuffix(lower, ".go"):
		data, err := os.ReadFile(s.From)
		if err != nil {
			return Draft{}, err
		}
		return Imports(s.From, data, reg)
	}
	return Binary(ctx, s.From, reg)
}

// customBuild takes the modules of the modules.go that a service's image is built with, where there is one, in the place of the standard set.
func (d Draft) customBuild(file string, reg *manifest.Registry) (Draft, error) {
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		d.note("the service's image is built from %s, which has no modules.go: the standard set is written down", filepath.Dir(file))
		return d, nil
	}
	if err != nil {
		return d, err
	}
	imports, err := Imports(file, data, reg)
	if err != nil {
		return d, err
	}
	d.From, d.Modules = d.From+", and "+file, imports.Modules
	return d, nil
}

// Imports takes the modules of a modules.go. file is for messages.
func Imports(file string, data []byte, reg *manifest.Registry) (Draft, error) {
	m, err := manifest.Parse(file, data, reg)
	if err != nil {
		return Draft{}, err
	}
	d := Draft{From: file}
	for _, mod := range m.Modules {
		d.Modules = append(d.Modules, mod.String())
	}
	return d, nil
}
