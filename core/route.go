package core

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// Route says which messages go where. It is not written to after the agent has taken it.
type Route struct {
	// ID names the route in the API, in metrics and on disk: 1 to 64 of a-z A-Z 0-9 . _ -, not beginning with a dot.
	ID string `json:"id"`
	Filter
	// Adapter is the whole scheme: "[processor+]...adapter[+transport]".
	Adapter string `json:"adapter"`
	// Address is "host:port", or whatever stands there for the adapter ("b1:9092,b2:9092"), without userinfo.
	Address string `json:"address"`
	// Path begins with a slash, or is empty.
	Path     string `json:"path,omitempty"`
	User     string `json:"user,omitempty"`
	Password string `json:"password,omitempty"`
	// Options are the query's keys but those of the filter.
	Options map[string]string `json:"options,omitempty"`
}

// RouteError says what is wrong with a route; it may join several problems.
type RouteError struct {
	Route string // the URI as given, passwords hidden
	Err   error
}

// Error names the route and its problems.
func (e *RouteError) Error() string { return fmt.Sprintf("route %s: %v", e.Route, e.Err) }

// Unwrap returns the cause.
func (e *RouteError) Unwrap() error { return e.Err }

// routeOptions are the options that the agent itself reads on every route.
var routeOptions = []string{"full"} //nolint:gochecknoglobals // constant

var (
	schemeForm  = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+._-]*$`)
	nextRoute   = regexp.MustCompile(`,\s*[A-Za-z][A-Za-z0-9+._-]*://`)
	routeIDForm = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$`)
	userInfo    = regexp.MustCompile(`(://[^/?:@]*):[^?]*@`)
	// secretKey is how the name of an option ends whose value is not for everyone's eyes.
	secretKey = regexp.MustCompile(
		`(?i)(pass(word|wd|phrase)?|pwd|secret|token|credential|auth(orization)?|(api|access|account|private|shared|secret)[._-]?key)s?$`)
)

// ValidRouteID reports whether id may name a route: it is safe as a file's name and in a URL.
func ValidRouteID(id string) bool { return routeIDForm.MatchString(id) }

// SplitRoutes splits a comma list of route URIs. A comma parts two routes only where a new scheme begins behind it.
func SplitRoutes(list string) []string {
	var routes []string
	for {
		at := nextRoute.FindStringIndex(list)
		if at == nil {
			break
		}
		routes = append(routes, trimCommas(list[:at[0]]))
		list = list[at[0]+1:]
	}
	routes = append(routes, trimCommas(list))
	return slices.DeleteFunc(routes, func(s string) bool { return s == "" })
}

// trimCommas drops what empty entries and line breaks in a list leave around a route.
func trimCommas(s string) string { return strings.Trim(s, ", \t\r\n") }

// ParseRoutes parses comma lists of route URIs, expanding $VAR and ${VAR} from vars; $$ is a dollar sign. It reports the problems of all of them
// at once, each a *RouteError; the routes that are well-formed are returned with it. Two routes with the same URI get different ids.
func ParseRoutes(lists []string, vars Vars) ([]*Route, error) {
	var routes []*Route
	var problems []error
	seen := map[string]int{}
	value := func(name string) string {
		if name == "$" {
			return name
		}
		return vars[name]
	}
	for _, list := range lists {
		for _, uri := range SplitRoutes(os.Expand(list, value)) {
			r, err := ParseRoute(uri)
			if err != nil {
				problems = append(problems, err)
				continue
			}
			seen[r.ID]++
			if n := seen[r.ID]; n > 1 {
				r.ID = fmt.Sprintf("%s-%d", r.ID, n)
			}
			routes = append(routes, r)
		}
	}
	return routes, errors.Join(problems...)
}

// ParseRoute parses one route URI, "[processor+]...adapter[+transport]://[user[:password]@]address[/path][?query]". The id is made
// from what the URI says but its secrets: it is the same at the next start, and tells nothing of a password. Its error is a
// *RouteError.
func ParseRoute(uri string) (*Route, error) {
	fail := func(format string, args ...any) (*Route, error) {
		return nil, &RouteError{Route: hidePassword(uri), Err: fmt.Errorf(format, args...)}
	}
	scheme, rest, ok := strings.Cut(uri, "://")
	if !ok {
		return fail("no scheme: want adapter[+transport]://host:port[?option=value&...]")
	}
	if !schemeForm.MatchString(scheme) {
		return fail("malformed scheme %q: want adapter[+transport]", scheme)
	}
	if i := strings.IndexFunc(uri, func(r rune) bool { return r <= ' ' || r == 0x7f }); i >= 0 {
		return fail("white space or a control character at byte %d: write it as %%%02X", i, uri[i])
	}
	if brokenUserInfo(rest) {
		uri = scheme + "://xxxxx"
		return fail("user or password: write / ? # in it as %%2F %%3F %%23")
	}
	r := &Route{Adapter: strings.ToLower(scheme), Options: map[string]string{}}
	rest, query, _ := strings.Cut(rest, "?")
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		path, err := url.PathUnescape(rest[i:])
		if err != nil {
			return fail("path: %w", err)
		}
		r.Path, rest = path, rest[:i]
	}
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		user, password, _ := strings.Cut(rest[:i], ":")
		var err1, err2 error
		r.User, err1 = url.PathUnescape(user)
		r.Password, err2 = url.PathUnescape(password)
		if err1 != nil || err2 != nil {
			return fail("user or password: malformed %%-escape")
		}
		rest = rest[i+1:]
	}
	address, err := url.PathUnescape(rest)
	if err != nil {
		return fail("address: %w", err)
	}
	r.Address = address
	if err := errors.Join(r.checkPlace(), r.parseQuery(query), r.Check()); err != nil {
		return fail("%w", err)
	}
	sum := sha256.Sum256([]byte(r.String()))
	r.ID = hex.EncodeToString(sum[:6])
	return r, nil
}

// brokenUserInfo tells of an "@" that stands behind the first / or ?, where what is in front of those looks like the beginning of
// a password and not like a port.
func brokenUserInfo(rest string) bool {
	end := strings.IndexAny(rest, "/?")
	if end < 0 {
		return false
	}
	authority, behind := rest[:end], rest[end:]
	if i := strings.IndexByte(behind, '='); i >= 0 {
		behind = behind[:i]
	}
	i := strings.IndexByte(authority, ':')
	if i < 0 || strings.ContainsAny(authority, "@[,") || !strings.Contains(behind, "@") {
		return false
	}
	return strings.Trim(authority[i+1:], "0123456789") != ""
}

// checkPlace reports what no address and no path can hold.
func (r *Route) checkPlace() error {
	var problems []error
	for _, part := range []struct{ what, text string }{{"address", r.Address}, {"path", r.Path}} {
		if strings.ContainsFunc(part.text, unicode.IsControl) {
			problems = append(problems, fmt.Errorf("%s %q: control character", part.what, part.text))
		}
	}
	if strings.ContainsAny(r.Address, "/?") {
		problems = append(problems, fmt.Errorf("address %q: / and ? are no part of it", r.Address))
	}
	return errors.Join(problems...)
}

// parseQuery fills the filter and the options; every problem is reported.
func (r *Route) parseQuery(query string) error {
	if strings.Contains(query, ";") {
		return errors.New("query: options are parted by &; write a ; as %3B")
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return fmt.Errorf("query: %w", err)
	}
	var problems []error
	for _, key := range slices.Sorted(maps.Keys(values)) {
		if len(values[key]) > 1 {
			problems = append(problems, fmt.Errorf("option %q is given %d times", key, len(values[key])))
			continue
		}
		value := values[key][0]
		switch key {
		case "filter.id":
			r.Filter.ID = value
		case "filter.name":
			r.Name = value
		case "filter.sources":
			r.Sources = splitList(value)
		case "filter.labels":
			r.Labels = splitList(value)
		default:
			if strings.HasPrefix(key, "filter.") {
				problems = append(problems, unknownOption(key, []string{"filter.id", "filter.name", "filter.sources", "filter.labels"}))
				continue
			}
			r.Options[key] = value
		}
	}
	return errors.Join(problems...)
}

// Validate reports all that is wrong with a route that was not made by ParseRoute (the API's, a persisted one).
func (r *Route) Validate() error {
	var problems []error
	if !ValidRouteID(r.ID) {
		problems = append(problems, fmt.Errorf("id %q: want 1 to 64 of a-z A-Z 0-9 . _ -, not beginning with a dot", r.ID))
	}
	if !schemeForm.MatchString(r.Adapter) {
		problems = append(problems, fmt.Errorf("adapter %q: want adapter[+transport]", r.Adapter))
	}
	if r.Path != "" && !strings.HasPrefix(r.Path, "/") {
		problems = append(problems, fmt.Errorf("path %q: want a leading slash", r.Path))
	}
	problems = append(problems, r.checkPlace(), r.Check())
	return errors.Join(problems...)
}

// Option is the option's value, or def when the route does not have it or it is empty.
func (r *Route) Option(name, def string) string {
	if v := r.Options[name]; v != "" {
		return v
	}
	return def
}

// Transport is what stands behind the adapter's own name in the scheme ("tcp" for "syslog" in "multiline+syslog+tcp"), def when
// nothing does.
func (r *Route) Transport(adapter, def string) string {
	parts := strings.Split(r.Adapter, "+")
	if i := slices.Index(parts, adapter); i >= 0 && i+1 < len(parts) {
		return strings.Join(parts[i+1:], "+")
	}
	return def
}

// Endpoint is what a transport dials: the address, or the path where there is none (unix:///run/log.sock).
func (r *Route) Endpoint() string {
	if r.Address != "" {
		return r.Address
	}
	return r.Path
}

// CheckOptions reports every option of the route that is neither among known nor read by the agent itself. A known name that ends
// in "." stands for all names that begin with it.
func (r *Route) CheckOptions(known ...string) error {
	var problems []error
	all := slices.Concat(known, routeOptions)
	for _, key := range slices.Sorted(maps.Keys(r.Options)) {
		if !slices.ContainsFunc(all, func(k string) bool { return k == key || strings.HasSuffix(k, ".") && strings.HasPrefix(key, k) }) {
			problems = append(problems, unknownOption(key, all))
		}
	}
	return errors.Join(problems...)
}

// CheckAddressOnly reports a user, a password and a path, for adapters whose destination is an address and nothing else: they would be
// ignored in silence. A path of "/", and one in the place of an address, are none.
func (r *Route) CheckAddressOnly() error {
	var problems []error
	var ignored []string
	if r.User != "" {
		ignored = append(ignored, fmt.Sprintf("user %q", r.User))
	}
	if r.Password != "" {
		ignored = append(ignored, "password")
	}
	if len(ignored) > 0 {
		problems = append(problems, fmt.Errorf("%s: %s sends none and would connect without; take what stands in front of the @ out of the URI",
			strings.Join(ignored, " and "), r.Adapter))
	}
	if r.Path != "" && r.Path != "/" && r.Address != "" {
		problems = append(problems, fmt.Errorf("path %q: %s has no use for it; take it out of the URI", r.Path, r.Adapter))
	}
	return errors.Join(problems...)
}

// String is the route as a URI with its secrets hidden, for logs and people. Without secrets, ParseRoute gives the same route again.
func (r *Route) String() string {
	var b strings.Builder
	b.WriteString(r.Adapter + "://")
	if r.User != "" || r.Password != "" {
		b.WriteString(url.PathEscape(r.User))
		if r.Password != "" {
			b.WriteString(":xxxxx")
		}
		b.WriteByte('@')
	}
	b.WriteString(escape(r.Address, "@/?#") + escape(r.Path, "@?#"))
	sep := byte('?')
	add := func(key, value string) {
		b.WriteByte(sep)
		b.WriteString(escape(key, "@&;+#=") + "=" + escape(value, "&;+#"))
		sep = '&'
	}
	for _, f := range []struct{ key, value string }{
		{"filter.id", r.Filter.ID}, {"filter.name", r.Name}, {"filter.sources", strings.Join(r.Sources, ",")}, {"filter.labels", strings.Join(r.Labels, ",")},
	} {
		if f.value != "" {
			add(f.key, f.value)
		}
	}
	shown := r.Redacted().Options
	for _, key := range slices.Sorted(maps.Keys(shown)) {
		add(key, shown[key])
	}
	return b.String()
}

// escape percent-encodes what would mean something else in a URI, and what nobody could read.
func escape(s, special string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c == 0x7f || c == '%' || strings.IndexByte(special, c) >= 0 {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// Redacted is a copy with the password and every option whose name says that it is a secret hidden.
func (r *Route) Redacted() *Route {
	c := *r
	if c.Password != "" {
		c.Password = "xxxxx"
	}
	c.Options = maps.Clone(r.Options)
	for key := range c.Options {
		if secretKey.MatchString(key) {
			c.Options[key] = "xxxxx"
		}
	}
	return &c
}

// hidePassword makes a URI that may be malformed safe to print.
func hidePassword(uri string) string {
	uri = userInfo.ReplaceAllString(uri, "$1:xxxxx@")
	base, query, ok := strings.Cut(uri, "?")
	if !ok {
		return uri
	}
	pairs := strings.Split(query, "&")
	for i, p := range pairs {
		if key, _, ok := strings.Cut(p, "="); ok && secretKey.MatchString(key) {
			pairs[i] = key + "=xxxxx"
		}
	}
	return base + "?" + strings.Join(pairs, "&")
}

func unknownOption(key string, known []string) error {
	text := fmt.Sprintf("unknown option %q", key)
	if near := Nearest(key, known); near != "" {
		text += fmt.Sprintf("; did you mean %q?", near)
	}
	return errors.New(text)
}
