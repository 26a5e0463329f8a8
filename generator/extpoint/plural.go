package extpoint

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// plural names the variable of an extension point: the English plural of the type name's last word, as go-extpoints does
// (AdapterFactory -> AdapterFactories, HTTPHandler -> HTTPHandlers). A word without a plural of its own gets "Extensions" behind
// it (Series -> SeriesExtensions).
func plural(name string) string {
	head, word := splitLastWord(name)
	lower := strings.ToLower(word)
	if p, ok := irregular[lower]; ok {
		return head + word[:1] + p[1:]
	}
	if slices.Contains(uncountable, lower) {
		return name + "Extensions"
	}
	stem := func(n int) string { return name[:len(name)-n] }
	switch {
	case strings.HasSuffix(lower, "sis"):
		return stem(2) + "es"
	case hasAnySuffix(lower, "s", "x", "z", "ch", "sh"):
		return name + "es"
	case strings.HasSuffix(lower, "y") && len(lower) > 1 && !strings.ContainsRune("aeiou", rune(lower[len(lower)-2])):
		return stem(1) + "ies"
	}
	return name + "s"
}

// irregular holds plurals that no rule gives; both begin with the same letter.
//
//nolint:gochecknoglobals // constant
var irregular = map[string]string{
	"person": "people", "child": "children", "man": "men", "woman": "women", "foot": "feet", "tooth": "teeth", "mouse": "mice",
	"index": "indices", "matrix": "matrices", "vertex": "vertices", "axis": "axes", "quiz": "quizzes", "criterion": "criteria",
	"datum": "data", "medium": "media", "hero": "heroes", "echo": "echoes", "leaf": "leaves", "half": "halves", "shelf": "shelves",
	"self": "selves", "life": "lives", "knife": "knives", "wolf": "wolves",
}

// uncountable holds words whose plural is the word itself.
//
//nolint:gochecknoglobals // constant
var uncountable = []string{
	"data", "equipment", "feedback", "fish", "information", "media", "metadata", "money", "news", "police", "series", "sheep", "species",
}

func hasAnySuffix(s string, suffixes ...string) bool {
	return slices.ContainsFunc(suffixes, func(x string) bool { return strings.HasSuffix(s, x) })
}

// splitLastWord cuts a camel-case name before its last word.
func splitLastWord(name string) (head, word string) {
	for i := len(name); i > 0; {
		r, size := utf8.DecodeLastRuneInString(name[:i])
		i -= size
		if unicode.IsUpper(r) {
			return name[:i], name[i:]
		}
	}
	return "", name
}
