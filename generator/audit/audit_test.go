package audit

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// database writes a database of these files and names its address.
func database(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		file := filepath.Join(dir, name+".json")
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return "file://" + filepath.ToSlash(dir)
}

func auditOf(t *testing.T, address string, s Subject) (*Report, error) {
	t.Helper()
	db, err := Open(address, http.DefaultClient)
	if err != nil {
		t.Fatal(err)
	}
	return db.Audit(t.Context(), s)
}

// vulnerable is an entry with one range and, where given, one package.
func vulnerable(id, module, events, pkg, more string) string {
	imports := ""
	if pkg != "" {
		imports = fmt.Sprintf(`"ecosystem_specific":{"imports":[{"path":%q}]},`, pkg)
	}
	return fmt.Sprintf(`{"id":%q,"summary":"summary of %s",%s"affected":[{"package":{"name":%q,"ecosystem":"Go"},%s"ranges":[{"type":"SEMVER","events":[%s]}]}]}`,
		id, id, more, module, imports, events)
}

const (
	since0  = `{"introduced":"0"}`
	fixed12 = since0 + `,{"fixed":"1.2.0"}`
)

func standing() map[string]string {
	return map[string]string{
		"index/modules": `[
			{"path":"example.com/a","vulns":[{"id":"GO-1","fixed":"1.2.0"},{"id":"GO-2","fixed":"1.3.0"},{"id":"GO-3"},{"id":"GO-4","fixed":"1.0.1"}]},
			{"path":"example.com/other","vulns":[{"id":"GO-absent"}]},
			{"path":"stdlib","vulns":[{"id":"GO-9","fixed":"1.27.1"}]}]`,
		"ID/GO-1": vulnerable("GO-1", "example.com/a", fixed12, "example.com/a/parse", `"severity":[{"type":"CVSS_V3","score":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],`),
		"ID/GO-2": vulnerable("GO-2", "example.com/a", since0+`,{"fixed":"1.1.0"},{"introduced":"1.2.0"},{"fixed":"1.3.0"}`, "example.com/a/cmd", `"aliases":["CVE-2026-2"],"database_specific":{"severity":"LOW","url":"https://x"},`),
		"ID/GO-3": vulnerable("GO-3", "example.com/a", since0, "", `"withdrawn":"2026-01-01T00:00:00Z",`),
		"ID/GO-9": vulnerable("GO-9", "stdlib", `{"introduced":"1.27.0-0"},{"fixed":"1.27.1"},{"introduced":"0"},{"fixed":"1.26.9"}`, "net/http", ""),
	}
}

func TestAuditNamesTheVulnerableModulesAndTheSmallestUpgrade(t *testing.T) {
	address := database(t, standing())
	got, err := auditOf(t, address, Subject{
		Modules: []Module{
			{Path: "stdlib", Version: "v1.26.8"},
			{Path: "example.com/a", Version: "v1.0.5"},
			{Path: "example.com/unknown", Version: "v1.0.0"},
			{Path: "example.com/dir", Version: "(devel)"},
		},
		Packages: map[string]bool{"example.com/a/parse": true, "net/http": true},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := &Report{
		Database: address,
		Findings: []Finding{
			{ID: "GO-1", Summary: "summary of GO-1", Severity: Critical, Module: "example.com/a", Version: "v1.0.5", Fixed: "v1.2.0", Packages: []string{"example.com/a/parse"}, Linked: true},
			{ID: "GO-2", Aliases: []string{"CVE-2026-2"}, Summary: "summary of GO-2", URL: "https://x", Severity: Low, Module: "example.com/a", Version: "v1.0.5", Fixed: "v1.1.0", Packages: []string{"example.com/a/cmd"}},
			{ID: "GO-9", Summary: "summary of GO-9", Module: "stdlib", Version: "v1.26.8", Fixed: "v1.26.9", Packages: []string{"net/http"}, Linked: true},
		},
		Upgrades: []Upgrade{ // 1.2.0 mends GO-1 and has GO-2
			{"example.com/a", "v1.0.5", "v1.3.0", []string{"GO-1", "GO-2"}},
			{"stdlib", "v1.26.8", "v1.26.9", []string{"GO-9"}},
		},
		Unchecked: []string{"example.com/dir (devel)"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	for least, ids := range map[Severity]string{Unknown: "GO-1 GO-9", High: "GO-1 GO-9", Critical: "GO-1 GO-9"} {
		var failing []string
		for _, f := range got.Failing(least) {
			failing = append(failing, f.ID)
		}
		if strings.Join(failing, " ") != ids {
			t.Errorf("from %s on %v fail, want %s", least, failing, ids)
		}
	}
}

func TestWhatIsNotKnownToBeAbsentCountsAsLinked(t *testing.T) {
	address := database(t, standing())
	for name, s := range map[string]Subject{
		"packages not known": {Modules: []Module{{Path: "example.com/a", Version: "v1.2.0"}}},
		"a replacement":      {Modules: []Module{{Path: "example.com/a", Version: "v1.2.0", Replaced: true}}, Packages: map[string]bool{}},
	} {
		got, err := auditOf(t, address, s)
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Findings) != 1 || got.Findings[0].ID != "GO-2" || len(got.Failing(Low)) != 1 || len(got.Failing(Medium)) != 0 {
			t.Errorf("%s: %+v", name, got.Findings)
		}
	}
}

func TestPackagesOfAnotherPlatformAreNotLinked(t *testing.T) {
	files := standing()
	files["ID/GO-1"] = strings.Replace(files["ID/GO-1"], `"path":"example.com/a/parse"`, `"path":"example.com/a/parse","goos":["windows"]`, 1)
	for goos, want := range map[string]bool{"windows": true, "linux": false, "": true} {
		got, err := auditOf(t, database(t, files), Subject{Modules: []Module{{Path: "example.com/a", Version: "v1.1.0"}}, GOOS: goos})
		if err != nil {
			t.Fatal(err)
		}
		if got.Findings[0].Linked != want {
			t.Errorf("linked on %q: %v", goos, !want)
		}
	}
}

func TestRangesOfVersions(t *testing.T) {
	for name, row := range map[string]struct{ events, vulnerable, sound string }{
		"from the beginning":    {since0, "v0.0.1 v1.0.0-rc.1 v9.9.9", ""},
		"until it is fixed":     {fixed12, "v1.1.9 v1.2.0-rc.1 v0.0.0-20200101000000-abcdefabcdef", "v1.2.0 v1.2.1"},
		"in any order":          {`{"fixed":"1.2.0"},{"introduced":"1.0.0"}`, "v1.0.0", "v0.9.0 v1.2.0"},
		"twice":                 {fixed12 + `,{"introduced":"2.0.0"},{"fixed":"2.0.1"}`, "v1.0.0 v2.0.0", "v1.5.0 v2.0.1"},
		"last affected":         {since0 + `,{"last_affected":"1.2.0"}`, "v1.2.0", "v1.2.1"},
		"with a v":              {`{"introduced":"v1.0.0"}`, "v1.0.0", "v0.9.0"},
		"incompatible versions": {`{"introduced":"2.0.0+incompatible"},{"fixed":"3.0.0+incompatible"}`, "v2.1.0+incompatible", "v3.0.0+incompatible"},
	} {
		files := map[string]string{
			"index/modules": `[{"path":"example.com/a","vulns":[{"id":"GO-1"}]}]`,
			"ID/GO-1":       vulnerable("GO-1", "example.com/a", row.events, "", ""),
		}
		address := database(t, files)
		for v := range strings.FieldsSeq(row.vulnerable + " " + row.sound) {
			got, err := auditOf(t, address, Subject{Modules: []Module{{Path: "example.com/a", Version: v}}})
			if err != nil {
				t.Fatal(err)
			}
			if want := slices.Contains(strings.Fields(row.vulnerable), v); (len(got.Findings) == 1) != want {
				t.Errorf("%s: %s is vulnerable: %v, want %v", name, v, !want, want)
			}
		}
	}
}

func TestADamagedDatabaseIsAnErrorAndNotSound(t *testing.T) {
	for want, change := range map[string]func(map[string]string){
		"read index/modules of":  func(f map[string]string) { delete(f, "index/modules") },
		"read ID/GO-1 of":        func(f map[string]string) { delete(f, "ID/GO-1") },
		`is about "GO-2"`:        func(f map[string]string) { f["ID/GO-1"] = f["ID/GO-2"] },
		`is about ""`:            func(f map[string]string) { f["ID/GO-1"] = "{}" },
		"unexpected end of JSON": func(f map[string]string) { f["ID/GO-1"] = "" },
		"no semantic version":    func(f map[string]string) { f["ID/GO-1"] = strings.ReplaceAll(f["ID/GO-1"], "1.2.0", "soon") },
		`has an entry "../../secret"`: func(f map[string]string) {
			f["index/modules"] = strings.ReplaceAll(f["index/modules"], "GO-1", "../../secret")
		},
	} {
		files := standing()
		change(files)
		_, err := auditOf(t, database(t, files), Subject{Modules: []Module{{Path: "example.com/a", Version: "v1.0.5"}}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want it to say %q", err, want)
		}
	}
}

func TestADatabaseIsReadOverHTTPAsGovulncheckReadsIt(t *testing.T) {
	files := standing()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, ok := files[strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, "/db/"), ".json.gz")]
		if !ok {
			http.NotFound(w, r)
			return
		}
		z := gzip.NewWriter(w)
		_, _ = z.Write([]byte(text))
		_ = z.Close()
	}))
	defer server.Close()
	with := strings.Replace(server.URL, "http://", "http://me:s3cret@", 1) + "/db/"
	got, err := auditOf(t, with, Subject{Modules: []Module{{Path: "example.com/a", Version: "v1.0.5"}}})
	if err != nil || len(got.Findings) != 2 || strings.Contains(got.Database, "s3cret") {
		t.Errorf("%+v %v", got, err)
	}
	delete(files, "ID/GO-1")
	_, err = auditOf(t, with, Subject{Modules: []Module{{Path: "example.com/a", Version: "v1.0.5"}}})
	if err == nil || !strings.Contains(err.Error(), "404") || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("got %v", err)
	}
	server.Close()
	_, err = auditOf(t, with, Subject{})
	if err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("got %v", err)
	}
}

func TestAddressesOfDatabases(t *testing.T) {
	for _, address := range []string{".", "./x", t.TempDir()} {
		if db, err := Open(address, nil); err != nil || db.dir != address {
			t.Errorf("%q: %v", address, err)
		}
	}
	for _, address := range []string{"", "vuln.go.dev", "ftp://x/y", "file://host/x", "file:x", "https://me:s3cret@%zz"} {
		if _, err := Open(address, nil); err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%q: %v", address, err)
		}
	}
}

// TestScoresAreThoseOfTheSpecification takes vectors and scores from CVSS v3.1 examples (https://www.first.org/cvss/v3.1/examples).
func TestScoresAreThoseOfTheSpecification(t *testing.T) {
	for vector, want := range map[string]float64{
		"CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:L/I:L/A:N": 6.4, // MySQL, CVE-2013-0375
		"CVSS:3.1/AV:N/AC:H/PR:N/UI:R/S:U/C:L/I:N/A:N": 3.1, // SSLv3 POODLE, CVE-2014-3566
		"CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:H/I:H/A:H": 9.9, // VMware, CVE-2012-1516
		"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N": 7.5, // Heartbleed, CVE-2014-0160
		"CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H": 9.8, // Shellshock, CVE-2014-6271
		"CVSS:3.1/AV:L/AC:L/PR:N/UI:R/S:U/C:N/I:N/A:N": 0,
	} {
		if got, err := cvss3(vector); err != nil || got != want {
			t.Errorf("%s has %v (%v), want %v", vector, got, err, want)
		}
	}
	for _, vector := range []string{"", "CVSS:3.1/AV:N", "CVSS:4.0/AV:N/AC:L", "CVSS:3.1/AV:N/AV:N/AC:L/PR:L/UI:N/S:C/C:L/I:L/A:N", "CVSS:3.1/AV:X/AC:L/PR:L/UI:N/S:C/C:L/I:L/A:N"} {
		if got, err := cvss3(vector); err == nil {
			t.Errorf("%q has %v", vector, got)
		}
	}
}

func TestVersionsOfGo(t *testing.T) {
	for version, want := range map[string]string{
		"go1.26.8": "v1.26.8", "go1.26": "v1.26.0", "go1.27rc1": "v1.27.0-rc.1", "go1.26.8 X:jsonv2": "v1.26.8", "go1.26.8-corp": "v1.26.8", "devel go1.27-abc": "", "": "",
	} {
		if got := GoVersion(version); got != want {
			t.Errorf("%s is %q, want %q", version, got, want)
		}
	}
}

func FuzzEntriesOfAnyText(f *testing.F) {
	for name, text := range standing() {
		if strings.HasPrefix(name, "ID/") {
			f.Add([]byte(text))
		}
	}
	f.Add([]byte(`{"id":"x","affected":[{"package":{"name":"example.com/a"},"versions":["1.0.0"],"ranges":[{"type":"SEMVER","events":[{"last_affected":"1.2.0"},{"limit":"2"}]}]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var e entry
		if json.Unmarshal(data, &e) != nil {
			return
		}
		of := e.of("example.com/a")
		found, ok := e.finding(Subject{}, Module{Path: "example.com/a", Version: "v1.0.5"}, of)
		if ok && found.Fixed != "" {
			if _, still := e.finding(Subject{}, Module{Path: "example.com/a", Version: found.Fixed}, of); still {
				t.Errorf("%s is said to be fixed in %s, and is not", data, found.Fixed)
			}
		}
	})
}
