package core

import (
	"errors"
	"fmt"
	"sort"
	"strings"
)

// Permanent marks err as one that no repetition mends: the agent drops the messages it is about, counts them as lost with
// the route and the reason "rejected", and goes on. A nil err stays nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &permanentError{err}
}

// IsPermanent reports whether err or an error it wraps was marked by Permanent.
func IsPermanent(err error) bool {
	var p *permanentError
	return errors.As(err, &p)
}

type permanentError struct{ err error }

func (e *permanentError) Error() string { return e.err.Error() }
func (e *permanentError) Unwrap() error { return e.err }

// PartialError says that a destination took a part of a batch. The messages that neither Retry nor Rejected name were taken.
type PartialError struct {
	// Retry are the indexes, in the batch given to Deliver, of the messages that must come again, ascending.
	Retry []int
	// Rejected are the indexes of the messages that the destination will never take, ascending: dropped and counted.
	Rejected []int
	// Err is why.
	Err error
}

// Error implements error.
func (e *PartialError) Error() string {
	return fmt.Sprintf("%d to retry, %d rejected: %v", len(e.Retry), len(e.Rejected), e.Err)
}

// Unwrap returns the cause.
func (e *PartialError) Unwrap() error { return e.Err }

// UnknownError says that a name is not among those this binary has.
type UnknownError struct {
	Kind string   // "adapter", "transport", ...
	Name string   // what was asked for
	Have []string // what there is
}

// Error gives the name, what there is instead and the nearest match, or where to look for more.
func (e *UnknownError) Error() string {
	have := append([]string(nil), e.Have...)
	sort.Strings(have)
	list := "none"
	if len(have) > 0 {
		list = strings.Join(have, ", ")
	}
	text := fmt.Sprintf("unknown %s %q (this binary has: %s)", e.Kind, e.Name, list)
	if near := Nearest(e.Name, have); near != "" {
		return text + fmt.Sprintf("; did you mean %q?", near)
	}
	return text + "; 'logspout-builder modules' lists what can be built in"
}

// Nearest is the one of names that name was most probably meant to be, "" when none is near.
func Nearest(name string, names []string) string {
	allowed := 3 // mistakes; fewer in a short name, where two make it another one
	switch {
	case len(name) < 5:
		allowed = 1
	case len(name) < 9:
		allowed = 2
	}
	best, bestDistance := "", min(allowed+1, max(len(name), 1))
	for _, n := range names {
		if d := editDistance(strings.ToLower(name), strings.ToLower(n)); d < bestDistance {
			best, bestDistance = n, d
		}
	}
	return best
}

// editDistance is the optimal string alignment distance: insert, delete, replace and swap of neighbours count one each.
func editDistance(a, b string) int {
	if len(a) > 64 || len(b) > 64 { // names are short; hostile input is not compared
		return 1 << 20
	}
	previous, current, next := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range current {
		current[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			next[j] = min(current[j]+1, next[j-1]+1, current[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], previous[j-2]+1)
			}
		}
		previous, current, next = current, next, previous
	}
	return current[len(b)]
}
