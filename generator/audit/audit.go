// Package audit finds the known vulnerabilities of what a binary is made of, in a database of govulncheck's layout.
package audit

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/mod/semver"
	"golang.org/x/sync/errgroup"
)

// Stdlib is the name of the standard library in databases.
const Stdlib = "stdlib"

// Subject is what is audited.
type Subject struct {
	Modules []Module
	// Packages are the import paths that are linked in; nil when that is not known.
	Packages     map[string]bool
	GOOS, GOARCH string // "" when not known
}

// Module is a module at a version. The standard library is Stdlib at the version of Go ("v1.26.8").
type Module struct {
	Path    string
	Version string
	// Replaced says that the module stands in the place of another: its packages have import paths of that one.
	Replaced bool
}

// Finding is a known vulnerability of a module.
type Finding struct {
	ID       string   `json:"id"`
	Aliases  []string `json:"aliases,omitempty"` // CVE and GHSA numbers
	Summary  string   `json:"summary"`
	URL      string   `json:"url,omitempty"`
	Severity Severity `json:"severity"`
	Module   string   `json:"module"`
	Version  string   `json:"version"`
	// Fixed is the smallest later version without it, "" when there is none.
	Fixed string `json:"fixed,omitempty"`
	// Packages are those in which it is, "" is the whole module.
	Packages []string `json:"packages,omitempty"`
	// Linked is false when none of the packages is in the binary: it cannot be reached.
	Linked bool `json:"linked"`
}

// Upgrade is the smallest upgrade of a module after which it has no known vulnerability.
type Upgrade struct {
	Module  string   `json:"module"`
	Version string   `json:"version"`
	To      string   `json:"to"`
	Fixes   []string `json:"fixes"` // ids, sorted
}

// Report is what an audit found, sorted.
type Report struct {
	Database string    `json:"database"`
	Findings []Finding `json:"findings"`
	Upgrades []Upgrade `json:"upgrades"`
	// Unchecked are modules whose version says nothing: built from a directory, or by an unreleased Go.
	Unchecked []string `json:"unchecked"`
}

// Failing are the findings that an audit fails for: those in linked packages, of at least a severity. One whose severity nobody told fails at
// every level: nothing says that it is less.
func (r *Report) Failing(least Severity) []Finding {
	return slices.DeleteFunc(slices.Clone(r.Findings), func(f Finding) bool {
		return !f.Linked || f.Severity != Unknown && f.Severity < least
	})
}

// moduleIndex is one line of index/modules.json.
type moduleIndex struct {
	Path  string `json:"path"`
	Vulns []struct {
		ID    string `json:"id"`
		Fixed string `json:"fixed"` // the version after which none is affected, "" when there is none
	} `json:"vulns"`
}

var validID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

// Audit looks up a subject's modules.
func (db *Database) Audit(ctx context.Context, s Subject) (*Report, error) {
	var index []moduleIndex
	if err := db.read(ctx, "index/modules", &index); err != nil {
		return nil, err
	}
	report := &Report{Database: db.String(), Findings: []Finding{}, Upgrades: []Upgrade{}, Unchecked: []string{}}
	for _, m := range s.Modules {
		if !semver.IsValid(m.Version) {
			report.Unchecked = append(report.Unchecked, strings.TrimSpace(m.Path+" "+m.Version))
			continue
		}
		i := slices.IndexFunc(index, func(x moduleIndex) bool { return x.Path == m.Path })
		if i < 0 {
			continue
		}
		if err := db.module(ctx, report, s, m, index[i]); err != nil {
			return nil, err
		}
	}
	slices.Sort(report.Unchecked)
	slices.SortFunc(report.Findings, func(a, b Finding) int {
		return cmp.Or(strings.Compare(a.Module, b.Module), strings.Compare(a.ID, b.ID))
	})
	slices.SortFunc(report.Upgrades, func(a, b Upgrade) int { return strings.Compare(a.Module, b.Module) })
	return report, nil
}

// module adds a module's findings to the report, and the upgrade that ends them.
func (db *Database) module(ctx context.Context, report *Report, s Subject, m Module, index moduleIndex) error {
	entries := make([]entry, len(index.Vulns))
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for i, v := range index.Vulns {
		if last := "v" + strings.TrimPrefix(v.Fixed, "v"); v.Fixed != "" && semver.IsValid(last) && semver.Compare(m.Version, last) >= 0 {
			continue
		}
		if !validID.MatchString(v.ID) {
			return fmt.Errorf("the vulnerability database %s is damaged: its index has an entry %q", db, v.ID)
		}
		group.Go(func() error {
			if err := db.read(groupCtx, "ID/"+v.ID, &entries[i]); err != nil {
				return err
			}
			if entries[i].ID != v.ID {
				return fmt.Errorf("the vulnerability database %s is damaged: the file of %s is about %q", db, v.ID, entries[i].ID)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	var all []*affected
	var ids []string
	for i := range entries {
		e := &entries[i]
		if e.ID == "" || e.Withdrawn != nil {
			continue
		}
		of := e.of(m.Path)
		all = append(all, of...)
		if f, ok := e.finding(s, m, of); ok {
			report.Findings = append(report.Findings, f)
			ids = append(ids, e.ID)
		}
	}
	if len(ids) > 0 {
		if to := smallest(m.Version, all); to != "" {
			slices.Sort(ids)
			report.Upgrades = append(report.Upgrades, Upgrade{m.Path, m.Version, to, ids})
		}
	}
	return nil
}

// of are what an entry says of a module.
func (e *entry) of(module string) []*affected {
	var of []*affected
	for i := range e.Affected {
		if a := &e.Affected[i]; a.Package.Name == module && (a.Package.Ecosystem == "Go" || a.Package.Ecosystem == "") {
			of = append(of, a)
		}
	}
	return of
}

// finding is what an entry says of a module's version; ok is false when that is not affected.
func (e *entry) finding(s Subject, m Module, of []*affected) (f Finding, ok bool) {
	f = Finding{ID: e.ID, Aliases: e.Aliases, Summary: e.Summary, URL: e.Specific.URL, Module: m.Path, Version: m.Version}
	for _, a := range of {
		if !a.affects(m.Version) {
			continue
		}
		ok = true
		f.Severity = max(f.Severity, e.severity(a))
		if len(a.Ecosystem.Imports) == 0 || m.Replaced {
			f.Linked = true
		}
		for _, x := range a.Ecosystem.Imports {
			f.Packages = append(f.Packages, x.Path)
			if s.links(x) {
				f.Linked = true
			}
		}
	}
	f.Fixed = smallest(m.Version, of)
	slices.Sort(f.Packages)
	f.Packages = slices.Compact(f.Packages)
	return f, ok
}

// links reports whether a package is in the subject, as far as one knows.
func (s Subject) links(x imported) bool {
	excluded := func(list []string, have string) bool {
		return have != "" && len(list) > 0 && !slices.Contains(list, have)
	}
	if excluded(x.GOOS, s.GOOS) || excluded(x.GOARCH, s.GOARCH) {
		return false
	}
	return s.Packages == nil || s.Packages[x.Path]
}

// smallest is the smallest version after this one that nothing of these affects, "" when there is none.
func smallest(version string, of []*affected) string {
	var candidates []string
	for _, a := range of {
		candidates = append(candidates, a.fixes()...)
	}
	semver.Sort(candidates)
	for _, v := range candidates {
		if semver.Compare(v, version) > 0 && !slices.ContainsFunc(of, func(a *affected) bool { return a.affects(v) }) {
			return v
		}
	}
	return ""
}

// GoVersion is a version of Go ("go1.26.8", "go1.27rc1") as a semantic version ("v1.26.8", "v1.27.0-rc.1"); "" when it is none that was released.
func GoVersion(version string) string {
	version, _, _ = strings.Cut(version, " ") // experiments
	m := regexp.MustCompile(`^go(1)\.(\d+)(?:\.(\d+))?(?:(rc|beta)(\d+))?(?:-.*)?$`).FindStringSubmatch(version)
	if m == nil {
		return ""
	}
	out := fmt.Sprintf("v%s.%s.%s", m[1], m[2], cmp.Or(m[3], "0"))
	if m[4] != "" {
		out += "-" + m[4] + "." + m[5]
	}
	return out
}
