package audit

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/semver"
)

// The parts of OSV entries (https://ossf.github.io/osv-schema) that are read here.
type (
	entry struct {
		ID        string     `json:"id"`
		Aliases   []string   `json:"aliases"`
		Summary   string     `json:"summary"`
		Withdrawn *time.Time `json:"withdrawn"`
		Severity  []score    `json:"severity"`
		Affected  []affected `json:"affected"`
		Specific  struct {
			URL      string `json:"url"`
			Severity string `json:"severity"`
		} `json:"database_specific"`
	}
	affected struct {
		Package struct {
			Name      string `json:"name"`
			Ecosystem string `json:"ecosystem"`
		} `json:"package"`
		Severity  []score      `json:"severity"`
		Ranges    []eventRange `json:"ranges"`
		Versions  []string     `json:"versions"`
		Ecosystem struct {
			Severity string     `json:"severity"`
			Imports  []imported `json:"imports"`
		} `json:"ecosystem_specific"`
	}
	score struct {
		Type  string `json:"type"`
		Score string `json:"score"`
	}
	imported struct {
		Path   string   `json:"path"`
		GOOS   []string `json:"goos"`
		GOARCH []string `json:"goarch"`
	}
	eventRange struct {
		Type   string  `json:"type"`
		Events []event `json:"events"`
	}
	// event is where vulnerable versions begin or end.
	event struct {
		at   string // "v1.2.3"; "" is before all versions
		kind eventKind
	}
)

type eventKind int

const (
	introduced   eventKind = iota // vulnerable from here on
	fixed                         // no longer vulnerable from here on
	lastAffected                  // no longer vulnerable after this
)

// UnmarshalJSON reads an event; what it cannot read is an error, since a vulnerable version could seem sound without it.
func (e *event) UnmarshalJSON(data []byte) error {
	var raw map[string]string
	if err := json.Unmarshal(data, &raw); err != nil {
		return err
	}
	for i, name := range []string{"introduced", "fixed", "last_affected"} {
		version, ok := raw[name]
		if !ok {
			continue
		}
		if len(raw) != 1 {
			return fmt.Errorf("an event is several: %s", data)
		}
		e.kind = eventKind(i)
		if version == "0" && e.kind == introduced {
			return nil
		}
		e.at = "v" + strings.TrimPrefix(version, "v")
		if !semver.IsValid(e.at) {
			return fmt.Errorf("%s %q is no semantic version", name, version)
		}
		return nil
	}
	if _, ok := raw["limit"]; ok { // says how far a search for versions went
		e.kind, e.at = introduced, "v999999.0.0"
		return nil
	}
	return fmt.Errorf("unknown event %s", data)
}

// affects reports whether a version, "v1.2.3", is vulnerable.
func (a *affected) affects(version string) bool {
	ranged := false
	for _, r := range a.Ranges {
		if r.Type != "SEMVER" && r.Type != "ECOSYSTEM" {
			continue
		}
		ranged = true
		if r.holds(version) {
			return true
		}
	}
	if slices.ContainsFunc(a.Versions, func(v string) bool { return semver.Compare("v"+strings.TrimPrefix(v, "v"), version) == 0 }) {
		return true
	}
	return !ranged && len(a.Versions) == 0 // nothing said: all versions
}

func (r eventRange) holds(version string) bool {
	events := slices.Clone(r.Events)
	slices.SortStableFunc(events, func(a, b event) int { return compareVersions(a.at, b.at) })
	in := false
	for _, e := range events {
		order := compareVersions(version, e.at)
		switch {
		case e.kind == introduced && order >= 0:
			in = true
		case e.kind == fixed && order >= 0, e.kind == lastAffected && order > 0:
			in = false
		}
	}
	return in
}

// fixes are the versions from which on the ranges say that it is fixed.
func (a *affected) fixes() []string {
	var versions []string
	for _, r := range a.Ranges {
		for _, e := range r.Events {
			if e.kind == fixed {
				versions = append(versions, e.at)
			}
		}
	}
	return versions
}

// compareVersions orders "v1.2.3"; "" is before all.
func compareVersions(a, b string) int {
	if a == "" || b == "" {
		return len(a) - len(b)
	}
	return semver.Compare(a, b)
}
