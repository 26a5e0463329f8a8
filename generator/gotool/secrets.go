package gotool

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Secrets hides passwords in what is shown: those of every address, and those that the environment's addresses have wherever they come up.
type Secrets struct{ words *strings.Replacer }

var (
	userInfo     = regexp.MustCompile(`(://)[^/\s"']*@`)
	addressQuery = regexp.MustCompile(`(://[^\s"'?]+\?)[^\s"':)]+`)
	withUserInfo = regexp.MustCompile(`([^\s,|/:@]*):([^\s,|]+)@`)
)

// NewSecrets knows the passwords in the addresses of proxies in an environment.
func NewSecrets(environ []string) Secrets {
	var words []string
	for _, kv := range environ {
		name, value, _ := strings.Cut(kv, "=")
		if name = strings.ToUpper(name); name != "GOPROXY" && !strings.HasSuffix(name, "_PROXY") {
			continue
		}
		value = strings.ReplaceAll(value, "://", " ")
		for _, m := range withUserInfo.FindAllStringSubmatch(value, -1) {
			words = append(words, m[2])
			if plain, err := url.PathUnescape(m[2]); err == nil {
				words = append(words, plain)
			}
		}
	}
	const least = 4 // less is no secret, and would hide much else
	words = slices.DeleteFunc(words, func(w string) bool { return len(w) < least })
	slices.SortFunc(words, func(a, b string) int { return len(b) - len(a) })
	var pairs []string
	for _, w := range slices.Compact(words) {
		pairs = append(pairs, w, "xxxxx")
	}
	return Secrets{strings.NewReplacer(pairs...)}
}

// Hide is text without the secrets.
func (s Secrets) Hide(text string) string {
	if s.words != nil {
		text = s.words.Replace(text)
	}
	return hideSecrets(text)
}

// HideAll is Hide for what other programs say: addresses lose their queries, too, which may hold a token.
func (s Secrets) HideAll(text string) string {
	return addressQuery.ReplaceAllStringFunc(s.Hide(text), func(address string) string {
		before, query, _ := strings.Cut(address, "?")
		if query == "go-get=1" { // the go command's own
			return address
		}
		return before + "?xxxxx"
	})
}

// hideSecrets removes the user and password of every URL.
func hideSecrets(text string) string { return userInfo.ReplaceAllString(text, "${1}xxxxx@") }
