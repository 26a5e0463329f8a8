package agent

import (
	"io"
	"log/slog"
	"net/url"
	"strings"

	"github.com/gliderlabs/logspout-builder/core"
)

// newLogger is the program's own log.
func newLogger(w io.Writer, c config) *slog.Logger {
	options := &slog.HandlerOptions{Level: c.logLevel}
	if c.logJSON {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// secrets takes a route's secrets out of the text of errors, which clients love to build from URLs.
func secrets(route *core.Route) *strings.Replacer {
	var pairs []string
	hide := func(secret string) {
		if len(secret) < 4 { // too short to be one, and its replacement would garble any text
			return
		}
		for _, form := range []string{secret, url.QueryEscape(secret), url.PathEscape(secret), url.UserPassword("", secret).String()[1:]} {
			pairs = append(pairs, form, "xxxxx")
		}
	}
	hide(route.Password)
	shown := route.Redacted().Options
	for key, value := range route.Options {
		if shown[key] != value {
			hide(value)
		}
	}
	return strings.NewReplacer(pairs...)
}
