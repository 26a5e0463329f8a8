// Package webhook is an adapter that posts lines to a web server, as JSON, one object a line.
package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/gliderlabs/logspout-builder/core"
)

// adapter is the adapter of one route.
type adapter struct {
	url    string
	token  string
	client *http.Client
	body   bytes.Buffer // used again by every Deliver
}

// record is a line as the server gets it.
type record struct {
	Time      time.Time `json:"time"`
	Container string    `json:"container"`
	Source    string    `json:"source"`
	Message   string    `json:"message"`
}

// New makes the adapter of a route "webhook://host[:port]/path[?tls=true][&token=...]". It makes no connection.
func New(_ core.Env, route *core.Route) (core.Adapter, error) {
	problems := []error{route.CheckOptions("tls", "token")}
	if route.Address == "" {
		problems = append(problems, errors.New("no address: want webhook://host[:port]/path"))
	}
	secure, err := core.ParseBool(route.Option("tls", "false"))
	if err != nil {
		problems = append(problems, fmt.Errorf("option tls=%q: %w", route.Options["tls"], err))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	scheme := "http"
	if secure {
		scheme = "https"
	}
	return &adapter{
		url:    scheme + "://" + route.Address + route.Path,
		token:  route.Option("token", ""),
		client: &http.Client{Transport: &http.Transport{MaxIdleConns: 1}},
	}, nil
}

// Deliver implements core.Adapter.
func (a *adapter) Deliver(ctx context.Context, batch []core.Message) error {
	if len(batch) == 0 {
		return nil
	}
	a.body.Reset()
	encoder := json.NewEncoder(&a.body)
	for i := range batch {
		m := &batch[i]
		if err := encoder.Encode(record{m.Time, m.Container.BareName(), m.Source, m.Data}); err != nil {
			return fmt.Errorf("encode: %w", err)
		}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, a.url, bytes.NewReader(a.body.Bytes()))
	if err != nil {
		return fmt.Errorf("make request: %w", err)
	}
	request.Header.Set("Content-Type", "application/x-ndjson")
	if a.token != "" {
		request.Header.Set("Authorization", "Bearer "+a.token)
	}
	response, err := a.client.Do(request)
	if err != nil {
		return err // the batch comes again
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 64<<10)) // so that the connection is used again
	switch code := response.StatusCode; {
	case code < 300:
		return nil
	case code == http.StatusBadRequest || code == http.StatusRequestEntityTooLarge:
		return core.Permanent(fmt.Errorf("%s: %s", a.url, response.Status)) // no repetition mends it
	default:
		return fmt.Errorf("%s: %s", a.url, response.Status)
	}
}

// Close implements core.Adapter.
func (a *adapter) Close(context.Context) error {
	a.client.CloseIdleConnections()
	return nil
}

var _ core.Adapter = (*adapter)(nil)
