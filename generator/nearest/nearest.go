// Package nearest finds the name that was probably meant. The runtime has its own in core: the builder does not link it.
package nearest

import (
	"fmt"
	"strings"
)

// Name is the one of names that name was most probably meant to be, "" when none is near. Case does not count; among names
// that are equally near the first wins.
func Name(name string, names []string) string {
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

// DidYouMean is the end of a message about a name that is not among names: "" or `; did you mean "raw"?`.
func DidYouMean(name string, names []string) string {
	if near := Name(name, names); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	return ""
}

// editDistance is the optimal string alignment distance: insert, delete, replace and swap of neighbours count one each.
func editDistance(a, b string) int {
	if len(a) > 128 || len(b) > 128 { // names are short; hostile input is not compared
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
