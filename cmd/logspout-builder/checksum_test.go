package main

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/goproxytest"
	"golang.org/x/mod/sumdb"
	"golang.org/x/mod/sumdb/note"
)

// checksums is a checksum database that has another sum than the proxy for every module, and notes what it was asked for.
type checksums struct {
	key, url string

	mu    sync.Mutex
	asked []string
}

func newChecksums(t *testing.T) *checksums {
	t.Helper()
	signer, key, err := note.GenerateKey(rand.Reader, "sum.example.com")
	if err != nil {
		t.Fatal(err)
	}
	c := &checksums{key: key}
	database := sumdb.NewTestServer(signer, func(path, version string) ([]byte, error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.asked = append(c.asked, path+"@"+version)
		const other = "h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
		return fmt.Appendf(nil, "%s %s %s\n%s %s/go.mod %s\n", path, version, other, path, version, other), nil
	})
	mux := http.NewServeMux()
	for _, path := range sumdb.ServerPaths {
		mux.Handle(path, sumdb.NewServer(database))
	}
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	c.url = server.URL
	return c
}

// TestChecksumDatabaseDecides resolves a module whose content the checksum database disagrees with: GOSUMDB is asked and obeyed, for what does not come with
// the builder and is not declared private.
func TestChecksumDatabaseDecides(t *testing.T) {
	env := goEnv(t)
	proxy := goproxytest.NewTestServer(t, filepath.Join("testdata", "proxy"), "")
	for name, row := range map[string]struct {
		environ []string
		refused bool
	}{
		"by default":                       {nil, true},
		"modules of others are private":    {[]string{"GOPRIVATE=corp.example.com", "GONOPROXY=none"}, true},
		"private modules are not asked of": {[]string{"GOPRIVATE=example.com", "GONOPROXY=none"}, false},
		"nor those of GONOSUMDB":           {[]string{"GONOSUMDB=example.com/*"}, false},
		"nor any without a database":       {[]string{"GOSUMDB=off"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			database := newChecksums(t)
			manifest := filepath.Join(t.TempDir(), "logspout.yaml")
			if err := os.WriteFile(manifest, []byte("modules: [stdin, example.com/good@v1.0.0]\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			environ := slices.Concat(os.Environ(), []string{
				"LOGSPOUT_BUILDER_CACHE=" + t.TempDir(), "GOMODCACHE=" + t.TempDir(), "GOPATH=" + t.TempDir(), "GOFLAGS=-modcacherw", "GOENV=off", "GOTOOLCHAIN=local",
				"GOPRIVATE=", "GONOPROXY=", "GONOSUMDB=", "GOPROXY=file://" + filepath.ToSlash(filepath.Join(env["GOMODCACHE"], "cache", "download")) + "," + proxy.URL,
				"GOSUMDB=" + database.key + " " + database.url,
			}, row.environ)
			var stdout, stderr bytes.Buffer
			code := run(t.Context(), process{args: []string{"lock", "-f", manifest}, environ: environ, stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr})
			_, err := os.Stat(strings.TrimSuffix(manifest, ".yaml") + ".lock")
			if row.refused {
				if code != 4 || err == nil || !strings.Contains(stderr.String(), "the module's content is not what its checksum says") || !strings.Contains(stderr.String(), "example.com/good") {
					t.Errorf("exit code %d\n%s", code, &stderr)
				}
				if len(database.asked) == 0 {
					t.Error("the database was not asked")
				}
			} else if code != 0 || err != nil || len(database.asked) > 0 {
				t.Errorf("exit code %d, asked for %v\n%s", code, database.asked, &stderr)
			}
			for _, m := range database.asked {
				if !strings.HasPrefix(m, "example.com/good@") {
					t.Errorf("the database was asked for %s, which comes with the builder", m)
				}
			}
		})
	}
}
