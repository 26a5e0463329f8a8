package adopt

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gliderlabs/logspout-builder/generator/manifest"
)

// Forwarder asks a running forwarder, ours or the original, for its routes. address is its URL; token is what its HTTP side wants, "" for none.
func Forwarder(ctx context.Context, address, token string) (Draft, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return Draft{}, errors.New("malformed URL: want http://host:port of a running forwarder")
	}
	shown := u.Redacted()
	if !strings.HasSuffix(strings.TrimSuffix(u.Path, "/"), "/routes") {
		u = u.JoinPath("routes")
	}
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return Draft{}, fmt.Errorf("ask %s for its routes: %w", shown, err)
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return Draft{}, fmt.Errorf("ask %s for its routes: %w", shown, errors.Unwrap(err))
	}
	defer response.Body.Close() //nolint:errcheck // it was only read
	switch response.StatusCode {
	case http.StatusOK:
	case http.StatusUnauthorized, http.StatusForbidden:
		return Draft{}, fmt.Errorf("%s does not show its routes (%s): set LOGSPOUT_TOKEN to the forwarder's", shown, response.Status)
	case http.StatusNotFound:
		return Draft{}, fmt.Errorf("%s has no /routes (%s): it is no forwarder, or one without routesapi", shown, response.Status)
	default:
		return Draft{}, fmt.Errorf("ask %s for its routes: it answers %s", shown, response.Status)
	}
	data, err := io.ReadAll(io.LimitReader(response.Body, 4<<20))
	if err != nil {
		return Draft{}, fmt.Errorf("ask %s for its routes: %w", shown, err)
	}
	d := Draft{From: "the routes of " + shown, Modules: []string{manifest.StandardName}}
	if d.Routes, err = routesFromJSON(data); err != nil {
		return Draft{}, fmt.Errorf("%s: its routes are not understood: %w", shown, err)
	}
	if len(d.Routes) == 0 {
		d.note("%s has no routes", shown)
	}
	return d, nil
}

// runningRoute is a route as GET /routes shows it, here and in the original.
type runningRoute struct {
	FilterID      string            `json:"filter_id"`
	FilterName    string            `json:"filter_name"`
	FilterSources []string          `json:"filter_sources"`
	FilterLabels  []string          `json:"filter_labels"`
	Adapter       string            `json:"adapter"`
	Address       string            `json:"address"`
	Path          string            `json:"path"`
	User          string            `json:"user"`
	Password      string            `json:"password"`
	Options       map[string]string `json:"options"`
}

// routesFromJSON are the URIs of routes.
func routesFromJSON(data []byte) ([]string, error) {
	var running []runningRoute
	if err := json.Unmarshal(data, &running); err != nil {
		return nil, err
	}
	var uris []string
	for _, r := range running {
		if r.Adapter == "" {
			return nil, errors.New("a route without adapter")
		}
		uris = append(uris, r.uri())
	}
	return uris, nil
}

// uri is the route as it would be given to a binary, in which $ begins a variable.
func (r runningRoute) uri() string {
	var b strings.Builder
	b.WriteString(r.Adapter + "://")
	if r.User != "" || r.Password != "" {
		b.WriteString(escape(r.User, ":@/?#"))
		if r.Password != "" {
			b.WriteString(":" + escape(r.Password, ":@/?#"))
		}
		b.WriteByte('@')
	}
	b.WriteString(escape(r.Address, "@/?#") + escape(r.Path, "@?#"))
	separator := "?"
	add := func(key, value string) {
		if value != "" {
			b.WriteString(separator + escape(key, "@&;+#=") + "=" + escape(value, "&;+#"))
			separator = "&"
		}
	}
	add("filter.id", r.FilterID)
	add("filter.name", r.FilterName)
	add("filter.sources", strings.Join(r.FilterSources, ","))
	add("filter.labels", strings.Join(r.FilterLabels, ","))
	for _, key := range slices.Sorted(maps.Keys(r.Options)) {
		add(key, r.Options[key])
	}
	return b.String()
}

// escape percent-encodes what would mean something else in a URI.
func escape(s, special string) string {
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case c == '$':
			b.WriteString("$$")
		case c <= ' ' || c >= 0x7f || c == '%' || c == '"' || c == '\'' || c == '\\' || strings.IndexByte(special, c) >= 0:
			fmt.Fprintf(&b, "%%%02X", c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
