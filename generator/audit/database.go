package audit

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
)

// DefaultDatabase is the Go project's own.
const DefaultDatabase = "https://vuln.go.dev"

// maxBytes is how much of one file of a database is read; the largest of vuln.go.dev has some megabytes.
const maxBytes = 64 << 20

// Database is a vulnerability database in the layout of https://go.dev/doc/security/vuln/database: index/modules.json and a file an entry,
// ID/GO-....json. Over HTTP the files are compressed (.json.gz).
type Database struct {
	address string
	client  *http.Client
	dir     string // of a file:// database
}

// Open names a database by its address: https://, http://, file://, or the path of a directory that begins with "." or is absolute. Nothing is
// read yet.
func Open(address string, client *http.Client) (*Database, error) {
	if strings.HasPrefix(address, ".") || filepath.IsAbs(address) {
		return &Database{address: address, dir: address}, nil
	}
	u, err := url.Parse(address)
	if err != nil || u.Opaque != "" {
		return nil, fmt.Errorf("the address of the vulnerability database cannot be read: want https://host/path or file:///directory, found %q", hidden(address))
	}
	switch u.Scheme {
	case "https", "http":
		return &Database{address: strings.TrimSuffix(address, "/"), client: client}, nil
	case "file":
		dir := filepath.FromSlash(u.Path)
		if runtime.GOOS == "windows" {
			dir = strings.TrimPrefix(dir, `\`)
		}
		if u.Host != "" || !filepath.IsAbs(dir) {
			return nil, fmt.Errorf("the address of the vulnerability database is no path: want file:///directory, found %q", address)
		}
		return &Database{address: address, dir: dir}, nil
	}
	return nil, fmt.Errorf("the vulnerability database has an unknown kind of address: want https://host/path or file:///directory, found %q", hidden(address))
}

// String is the database's address, without user and password.
func (db *Database) String() string { return hidden(db.address) }

func hidden(address string) string {
	return regexp.MustCompile(`://[^/@]*@`).ReplaceAllString(address, "://xxxxx@")
}

// read decodes one file of the database, named without its ending.
func (db *Database) read(ctx context.Context, name string, into any) error {
	data, err := db.fetch(ctx, name)
	if err == nil && len(data) > maxBytes {
		err = fmt.Errorf("it has more than %d MiB", maxBytes>>20)
	}
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("read %s of the vulnerability database %s: %w", name, db, withoutAddress(err))
	}
	return nil
}

func (db *Database) fetch(ctx context.Context, name string) ([]byte, error) {
	if db.dir != "" {
		f, err := os.Open(filepath.Join(db.dir, filepath.FromSlash(name)+".json"))
		if err != nil {
			return nil, err
		}
		defer func() { _ = f.Close() }() // only read
		return io.ReadAll(io.LimitReader(f, maxBytes+1))
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, db.address+"/"+name+".json.gz", http.NoBody)
	if err != nil {
		return nil, err
	}
	response, err := db.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }() // only read
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("it answers %s", response.Status)
	}
	unpacked, err := gzip.NewReader(response.Body)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(unpacked, maxBytes+1))
}

// withoutAddress is an error of net/http without the address, which has been told and may hold a password.
func withoutAddress(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}
