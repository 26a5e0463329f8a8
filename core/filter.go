package core

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

// Filter says which messages a route or a live reader wants. What is set must all hold; the zero value wants everything.
// In Name, Sources and Labels an entry that begins with "!" excludes.
type Filter struct {
	// ID is a prefix of the container's id, of any length.
	ID string `json:"filter_id,omitempty"`
	// Name is a comma list of globs over the whole name without its slash.
	Name string `json:"filter_name,omitempty"`
	// Sources are exact names of sources ("stdout", "stderr").
	Sources []string `json:"filter_sources,omitempty"`
	// Labels are "key:glob", or "key" for a container that has the label at all. All of them must hold.
	Labels []string `json:"filter_labels,omitempty"`
}

// Check reports every pattern that is malformed.
func (f *Filter) Check() error {
	var problems []error
	check := func(what, pattern string) {
		if _, err := path.Match(pattern, ""); err != nil {
			problems = append(problems, fmt.Errorf("%s: malformed glob %q: want * ? [a-z] or \\ before a literal one", what, pattern))
		}
	}
	for _, g := range splitList(f.Name) {
		check("filter.name", strings.TrimPrefix(g, "!"))
	}
	for _, l := range f.Labels {
		key, glob, _ := strings.Cut(strings.TrimPrefix(l, "!"), ":")
		if key == "" {
			problems = append(problems, fmt.Errorf("filter.labels: %q has no label name: want key:glob", l))
		}
		check("filter.labels", glob)
	}
	return errors.Join(problems...)
}

// MatchContainer reports whether the filter wants lines of c, as far as the container decides it. The answer is the same for
// every message with that *Container, so callers keep it.
func (f *Filter) MatchContainer(c *Container) bool {
	if !strings.HasPrefix(c.ID, f.ID) {
		return false
	}
	if f.Name != "" && !matchList(splitList(f.Name), func(g string) bool { return Glob(g, c.BareName()) }) {
		return false
	}
	for _, l := range f.Labels {
		l, not := strings.CutPrefix(l, "!")
		key, glob, hasGlob := strings.Cut(l, ":")
		value, ok := c.Config.Labels[key]
		if (ok && (!hasGlob || Glob(glob, value))) == not {
			return false
		}
	}
	return true
}

// MatchSource reports whether the filter wants lines of that source.
func (f *Filter) MatchSource(source string) bool {
	return len(f.Sources) == 0 || matchList(f.Sources, func(s string) bool { return s == source })
}

// Match reports whether the filter wants m.
func (f *Filter) Match(m *Message) bool {
	return f.MatchSource(m.Source) && f.MatchContainer(m.Container)
}

// Glob reports whether the whole of s matches pattern: * any run, ? one character, [a-z] a class, \ the next one literally. Unlike
// in a file path a slash is a character like others. A malformed pattern matches nothing.
func Glob(pattern, s string) bool {
	if pattern == "*" {
		return true
	}
	ok, err := path.Match(strings.ReplaceAll(pattern, "/", "\x00"), strings.ReplaceAll(s, "/", "\x00"))
	return ok && err == nil
}

// matchList is true when no entry with "!" matches and, where there are entries without, one of those does.
func matchList(entries []string, match func(string) bool) bool {
	wanted, positive := false, false
	for _, e := range entries {
		if not, ok := strings.CutPrefix(e, "!"); ok {
			if match(not) {
				return false
			}
			continue
		}
		positive = true
		wanted = wanted || match(e)
	}
	return wanted || !positive
}

// splitList splits a comma list and drops empty entries.
func splitList(s string) []string {
	list := slices.DeleteFunc(strings.Split(s, ","), func(e string) bool { return e == "" })
	if len(list) == 0 {
		return nil
	}
	return list
}
