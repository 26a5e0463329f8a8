package registry

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gliderlabs/logspout-builder/generator/manifest"
)

const one = `{"schema": 1, "modules": [{"name": "a", "package": "example.com/a", "summary": "x", "standard": false, "registers": {"Job": ["a"]},
	"license": "MIT", "home": "https://example.com", "stability": "stable"}]}`

func check(data []byte) error {
	_, err := manifest.ParseRegistry(data)
	return err
}

func TestARegistryOfTheNetworkIsKeptAndStandsInWhileThereIsNone(t *testing.T) {
	body, status, notModified := one, http.StatusOK, 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "me" || password != "hunter2" {
			t.Errorf("asked as %s", user)
		}
		if r.Header.Get("If-None-Match") == `"1"` && status == http.StatusOK && body == one {
			notModified++
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.Header().Set("ETag", `"1"`)
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	defer server.Close()
	var warned []string
	f := &Fetcher{
		Dir: t.TempDir(), Client: server.Client(), Write: os.WriteFile,
		Warn: func(m string) { warned = append(warned, m) },
	}
	source := strings.Replace(server.URL, "://", "://me:hunter2@", 1) + "/registry.json"
	get := func(want string) {
		t.Helper()
		data, err := f.Get(t.Context(), source, check)
		if err != nil || string(data) != want {
			t.Fatalf("got %s, %v", data, err)
		}
	}
	get(one)
	get(one)
	if notModified != 1 || len(warned) > 0 {
		t.Errorf("%d answers without content, warnings %q", notModified, warned)
	}
	for _, failing := range []func(){
		func() { status = http.StatusBadGateway },
		func() { status, body = http.StatusOK, "{}" },
		func() { body = strings.Repeat("x", maxSize+1) },
		server.Close,
	} {
		failing()
		warned = nil
		get(one)
		if len(warned) != 1 || !strings.Contains(warned[0], "stands in") || strings.Contains(warned[0], "hunter2") {
			t.Errorf("warnings %q", warned)
		}
	}
	f.Offline, warned = true, nil
	get(one)
	if len(warned) > 0 {
		t.Errorf("warnings %q", warned)
	}
	f.Dir = t.TempDir()
	if _, err := f.Get(t.Context(), source, check); err == nil || !strings.Contains(err.Error(), "no copy of it yet") {
		t.Error(err)
	}
	f.Offline = false
	if _, err := f.Get(t.Context(), source, check); err == nil || strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), "no earlier copy") {
		t.Error(err)
	}
}

func TestOnlyFilesAndSafeAddressesAreTaken(t *testing.T) {
	f := &Fetcher{Dir: t.TempDir(), Client: http.DefaultClient, Write: os.WriteFile}
	for source, want := range map[string]string{
		"http://example.com/registry.json": "want a file or an https:// address",
		"ftp://example.com/registry.json":  "want a file or an https:// address",
		"https://":                         "want a file or an https:// address",
		filepath.Join(t.TempDir(), "none"): "registry ",
	} {
		if _, err := f.Get(t.Context(), source, check); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", source, err)
		}
	}
}

func TestAnEntryIsAddedOrRenewedAndTheOthersStay(t *testing.T) {
	e := manifest.Entry{
		Name: "b", Package: "example.com/b", Version: "v1.0.0", Summary: "does <b>", Registers: map[string][]string{"AdapterFactory": {"b"}},
		License: "MIT", Home: "https://example.com/b", Stability: "beta",
	}
	text, replaced, err := Add([]byte(one), e)
	if err != nil || replaced {
		t.Fatal(replaced, err)
	}
	reg, err := manifest.ParseRegistry(text)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := reg.Lookup("b"); err != nil || got.Summary != "does <b>" || len(reg.Names()) != 2 || !strings.Contains(string(text), `"does <b>"`) {
		t.Errorf("%+v, %v\n%s", got, err, text)
	}
	e.Version, e.Name, e.Summary = "v1.1.0", "other", "generated"
	text, replaced, err = Add(text, e)
	if err != nil || !replaced {
		t.Fatal(replaced, err)
	}
	reg, err = manifest.ParseRegistry(text)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := reg.Lookup("b"); err != nil || got.Version != "v1.1.0" || got.Summary != "does <b>" {
		t.Errorf("%+v, %v", got, err)
	}
	e.Package, e.Name = "example.com/c", "a"
	if _, _, err := Add([]byte(one), e); err == nil || !strings.Contains(err.Error(), "already that of example.com/a") {
		t.Error(err)
	}
	if text, _, err := Add(nil, e); err != nil || !strings.HasPrefix(string(text), "{\n  \"schema\": 1,") {
		t.Errorf("%s, %v", text, err)
	}
}
