// Package doctor looks for what builds need of a machine.
package doctor

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/mod/module"

	"github.com/gliderlabs/logspout-builder/generator"
	"github.com/gliderlabs/logspout-builder/generator/gotool"
)

// Finding is something that builds need of a machine.
type Finding struct {
	Name string `json:"name"`
	// State is "ok", "missing" when no build works without it, or "limited" when some do not.
	State string `json:"state"`
	Found string `json:"found"`
	Next  string `json:"next,omitempty"` // how to get it
}

// The states of a finding.
const (
	OK      = "ok"
	Missing = "missing"
	Limited = "limited"
)

// Diagnose looks for what builds need. It uses no network, and leaves nothing behind.
func Diagnose(ctx context.Context, b *generator.Builder) []Finding {
	var findings []Finding
	g, err := gotool.Find(ctx, b.Environ)
	if err != nil {
		reason, next, _ := strings.Cut(err.Error(), "\nnext: ")
		if next == "" {
			reason, next, _ = strings.Cut(reason, ": ")
		}
		findings = append(findings, Finding{"go", Missing, reason, next})
	} else {
		findings = append(findings, Finding{"go", OK, fmt.Sprintf("%s at %s", g.Settings.GOVERSION, g.Path), ""}, cachedModules(b, g))
	}
	return append(findings, findGit(), findCache(b))
}

// cachedModules tells whether bundled modules can be built without network.
func cachedModules(b *generator.Builder, g *gotool.Tool) Finding {
	missing := 0
	for _, m := range b.Core.Bundled.Modules {
		if !g.HasModule(module.Version{Path: m.Path, Version: m.Version}) {
			missing++
		}
	}
	all := len(b.Core.Bundled.Modules)
	found := fmt.Sprintf("%d of the %d that modules of the builder need are in %s", all-missing, all, g.Settings.GOMODCACHE)
	if missing == 0 {
		return Finding{"go modules", OK, found, ""}
	}
	return Finding{"go modules", Limited, found, "the first build that needs the others gets them from GOPROXY (" + g.Secrets.HideAll(g.Settings.GOPROXY) + "); 'logspout-builder fetch' does so beforehand"}
}

func findGit() Finding {
	path, err := exec.LookPath("git")
	if err == nil {
		return Finding{"git", OK, path, ""}
	}
	next := "install it (https://git-scm.com/downloads)"
	for _, manager := range []struct{ name, command string }{
		{"apt-get", "apt-get install git"}, {"dnf", "dnf install git"}, {"apk", "apk add git"}, {"brew", "brew install git"}, {"winget", "winget install Git.Git"},
	} {
		if _, err := exec.LookPath(manager.name); err == nil {
			next = "install it: " + manager.command
			break
		}
	}
	return Finding{"git", Limited, "not in PATH: modules from proxies and directories can be had, others not", next}
}

// findCache tells whether the builder can write where it has to.
func findCache(b *generator.Builder) Finding {
	dir, done, err := b.Cache.Scratch()
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "probe"), make([]byte, 1<<20), 0o600)
		done()
	}
	if err != nil {
		return Finding{"cache", Missing, err.Error(), "make room or change its permissions, or let LOGSPOUT_BUILDER_CACHE name another directory"}
	}
	return Finding{"cache", OK, b.Cache.Dir(), ""}
}
