// Package registry gets registries of modules from files and from the network, and writes entries into them. What they mean is
// generator/manifest's to say.
package registry

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	// maxSize is how many bytes a registry may have.
	maxSize = 4 << 20
	// patience is how long a registry on the network is waited for.
	patience = 10 * time.Second
)

// Fetcher reads registries. What came from the network is kept: it is asked for again with its ETag, and stands in while the network does not
// give a better one.
type Fetcher struct {
	Dir    string // where copies are kept
	Client *http.Client
	// Write writes a file whole or not at all.
	Write func(name string, data []byte, perm os.FileMode) error
	// Offline keeps from the network: the copies are all there is.
	Offline bool
	// Warn is told when a copy stands in, and why.
	Warn func(message string)
}

// copied is a registry that was fetched.
type copied struct {
	URL     string    `json:"url"` // without user and password
	ETag    string    `json:"etag,omitempty"`
	Fetched time.Time `json:"fetched"`
	Body    []byte    `json:"body"`
}

// Get reads the registry at a file or URL. check says whether it can be used: what cannot is an error, or, from the network, gives way to
// the last copy that could.
func (f *Fetcher) Get(ctx context.Context, source string, check func(data []byte) error) ([]byte, error) {
	if !strings.Contains(source, "://") {
		data, err := os.ReadFile(source)
		if err == nil {
			err = check(data)
		}
		if err != nil {
			return nil, fmt.Errorf("registry %s: %w", source, err)
		}
		return data, nil
	}
	shown, err := address(source)
	if err != nil {
		return nil, err
	}
	id := sha256.Sum256([]byte(source))
	name := filepath.Join(f.Dir, hex.EncodeToString(id[:])+".json")
	last := f.last(name, check)
	if f.Offline {
		if last == nil {
			return nil, fmt.Errorf("registry %s: there is no copy of it yet, and --offline keeps from the network", shown)
		}
		return last.Body, nil
	}
	fresh, err := f.fetch(ctx, source, last)
	if err == nil && fresh != last {
		err = check(fresh.Body)
	}
	switch {
	case err == nil && fresh == last:
		return last.Body, nil
	case err == nil:
		fresh.URL = shown
		return fresh.Body, f.keep(name, fresh)
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case last == nil:
		return nil, fmt.Errorf("registry %s: %w, and there is no earlier copy of it", shown, reason(err))
	}
	f.Warn(fmt.Sprintf("registry %s: %v; the copy of %s stands in", shown, reason(err), last.Fetched.UTC().Format(time.DateTime)))
	return last.Body, nil
}

// address is a registry's URL as it may be shown. Registries decide what is built, so they come by https, or from this machine.
func address(source string) (shown string, err error) {
	u, err := url.Parse(source)
	if err != nil || u.Host == "" {
		return "", errors.New("registry: want a file or an https:// address")
	}
	u.User = nil
	if host := u.Hostname(); u.Scheme != "https" && (u.Scheme != "http" || host != "localhost" && host != "127.0.0.1" && host != "::1") {
		return "", fmt.Errorf("registry %s: want a file or an https:// address", u)
	}
	return u.String(), nil
}

// Shown is a file or address without a password.
func Shown(source string) string {
	if u, err := url.Parse(source); err == nil && u.User != nil {
		u.User = nil
		return u.String()
	}
	return source
}

// last is the copy that was kept, nil when there is none that can be used.
func (*Fetcher) last(name string, check func([]byte) error) *copied {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil
	}
	c := new(copied)
	if json.Unmarshal(data, c) != nil || check(c.Body) != nil {
		return nil
	}
	return c
}

func (f *Fetcher) keep(name string, c *copied) error {
	data, err := json.Marshal(c)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(f.Dir, 0o750); err != nil {
		return err
	}
	return f.Write(name, data, 0o600)
}

// fetch asks for a registry; it returns last when that is what the server still has.
func (f *Fetcher) fetch(ctx context.Context, source string, last *copied) (*copied, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, source, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "application/json")
	if last != nil && last.ETag != "" {
		request.Header.Set("If-None-Match", last.ETag)
	}
	response, err := f.Client.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }() // only read
	switch {
	case response.StatusCode == http.StatusNotModified && last != nil:
		return last, nil
	case response.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("the server answers %s", response.Status)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxSize+1))
	if err != nil {
		return nil, err
	}
	if len(body) > maxSize {
		return nil, fmt.Errorf("it is larger than %d MiB", maxSize>>20)
	}
	return &copied{ETag: response.Header.Get("ETag"), Fetched: time.Now().UTC(), Body: body}, nil
}

// reason is an error without the URL that net/http puts before it, which may hold a password.
func reason(err error) error {
	if failed, ok := errors.AsType[*url.Error](err); ok {
		return failed.Err
	}
	return err
}
