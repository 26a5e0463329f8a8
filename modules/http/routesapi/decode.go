package routesapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/gliderlabs/logspout-builder/core"
)

// fields are the names that a route's JSON has, as core.Route says, and "uri" for the whole of it at once.
var fields = []string{ //nolint:gochecknoglobals // constant
	"id", "uri", "adapter", "address", "path", "user", "password", "options", "filter_id", "filter_name", "filter_sources", "filter_labels",
}

// decode reads one route. What is wrong with it comes as a *core.RouteError, all of it at once; other errors are the reader's.
func decode(body io.Reader) (*core.Route, error) {
	text, err := io.ReadAll(body)
	if err != nil {
		return nil, err
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(text, &object); err != nil || object == nil {
		return nil, wrong(fmt.Errorf(`want one JSON object, such as {"uri": "syslog+tls://logs.example.com:6514"}%s`, why(err)))
	}
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(object)) {
		if !slices.Contains(fields, name) {
			problems = append(problems, unknown(name))
		}
	}
	var given struct {
		core.Route
		URI string `json:"uri"`
	}
	if err := json.Unmarshal(text, &given); err != nil {
		problems = append(problems, describe(err))
	}
	if len(problems) > 0 {
		return nil, wrong(problems...)
	}
	if _, ok := object["uri"]; !ok {
		if err := checkAddress(&given.Route); err != nil {
			return nil, wrong(err)
		}
		return &given.Route, nil
	}
	for name := range object {
		if name != "uri" && name != "id" {
			return nil, wrong(errors.New(`"uri" holds the whole route: give no other field beside it but "id"`))
		}
	}
	// No $VAR is expanded here: it would show the process's environment to whoever may add routes.
	route, err := core.ParseRoute(given.URI)
	if err != nil {
		return nil, err
	}
	if route.ID = given.ID; strings.Contains(route.Address, ",") && len(core.SplitRoutes(given.URI)) > 1 {
		return nil, wrong(errors.New("several routes in one URI: add one at a time"))
	}
	return route, nil
}

// checkAddress finds what belongs into a field of its own: a password inside the address would be shown to everyone.
func checkAddress(r *core.Route) error {
	if strings.ContainsAny(r.Address, "@?#") || strings.Contains(r.Address, "://") {
		return errors.New(`address: want host:port alone; "user", "password", "path" and "options" are fields of their own, or give all of it as "uri"`)
	}
	return nil
}

func wrong(problems ...error) error {
	return &core.RouteError{Route: "of the request", Err: errors.Join(problems...)}
}

func unknown(name string) error {
	if len(name) > 64 {
		name = name[:64]
	}
	if near := core.Nearest(name, fields); near != "" {
		return fmt.Errorf("unknown field %q; did you mean %q?", name, near)
	}
	return fmt.Errorf("unknown field %q (there are: %s)", name, strings.Join(fields, ", "))
}

// describe says what is wrong with a field's value without the names of Go's types.
func describe(err error) error {
	var mistyped *json.UnmarshalTypeError
	if !errors.As(err, &mistyped) {
		return err
	}
	field := mistyped.Field[strings.LastIndexByte(mistyped.Field, '.')+1:]
	want := "a string"
	switch {
	case strings.HasPrefix(mistyped.Field, "options") || strings.Contains(mistyped.Field, ".options"):
		field, want = "options", `an object of strings, such as {"append_tag": ".x"}`
	case strings.Contains(mistyped.Field, "filter_sources") || strings.Contains(mistyped.Field, "filter_labels"):
		want = "an array of strings"
	}
	return fmt.Errorf("field %q: want %s, found %s", field, want, mistyped.Value)
}

// why is the JSON parser's own word about text that is no object.
func why(err error) string {
	var mistyped *json.UnmarshalTypeError
	if err == nil || errors.As(err, &mistyped) {
		return ""
	}
	return ": " + string(bytes.TrimPrefix([]byte(err.Error()), []byte("json: ")))
}
