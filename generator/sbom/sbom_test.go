package sbom

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/santhosh-tekuri/jsonschema/v6"
	spdxjson "github.com/spdx/tools-golang/json"
	"github.com/spdx/tools-golang/spdxlib"
	"golang.org/x/mod/module"
)

const sum = "h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

func program() *Program {
	return &Program{
		Name: "logspout <ops>", Version: "1.4", SHA256: strings.Repeat("0a", 32), Platform: "linux/arm64", Go: "1.26.8", Tool: "v1.0.0",
		Modules: []Module{
			{Path: "github.com/klauspost/compress", Version: "v1.20.3", Sum: sum, License: "Apache-2.0 AND BSD-3-Clause AND MIT"},
			{Path: "github.com/Azure/go-autorest", Version: "v14.2.0+incompatible", Sum: sum, License: "Apache-2.0"},
			{Path: "example.com/fork", Version: "v1.0.0", For: "example.com/origin"},
			{Path: "example.com/a", Version: "v1.0.0", Sum: sum},
			{Path: "example.com/A", Version: "v1.0.0", Sum: sum}, // another module
		},
	}
}

func write(t *testing.T, format func(*Program) ([]byte, error), p *Program) []byte {
	t.Helper()
	out, err := format(p)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestCycloneDXIsWhatTheOfficialSchemaAsksFor validates with the schema that the official library carries.
func TestCycloneDXIsWhatTheOfficialSchemaAsksFor(t *testing.T) {
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/CycloneDX/cyclonedx-go").Output()
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	for file, id := range map[string]string{
		"bom-1.6.schema.json": "http://cyclonedx.org/schema/bom-1.6.schema.json", "spdx.schema.json": "http://cyclonedx.org/schema/spdx.schema.json",
		"jsf-0.82.schemax.json": "http://cyclonedx.org/schema/jsf-0.82.schema.json",
	} {
		data, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "schema", file))
		if err != nil {
			t.Fatal(err)
		}
		schema, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if err := compiler.AddResource(id, schema); err != nil {
			t.Fatal(err)
		}
	}
	schema, err := compiler.Compile("http://cyclonedx.org/schema/bom-1.6.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	full := program()
	full.Created = time.Unix(1700000000, 0)
	for _, p := range []*Program{program(), full, {Name: "x"}} {
		out := write(t, CycloneDX, p)
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(out))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(doc); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	}
	broken := bytes.Replace(write(t, CycloneDX, full), []byte(`"id": "Apache-2.0"`), []byte(`"id": "Apache2"`), 1)
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(broken))
	if err != nil {
		t.Fatal(err)
	}
	if schema.Validate(doc) == nil {
		t.Error("the schema takes a licence that there is not: it checks nothing")
	}
}

func TestCycloneDXSaysWhatIsInTheProgram(t *testing.T) {
	bom := new(cdx.BOM)
	if err := cdx.NewBOMDecoder(bytes.NewReader(write(t, CycloneDX, program())), cdx.BOMFileFormatJSON).Decode(bom); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range *bom.Components {
		line := c.PackageURL
		if c.Licenses != nil {
			l := (*c.Licenses)[0]
			line += " " + l.Expression
			if l.License != nil {
				line += l.License.ID
			}
		}
		got = append(got, line)
	}
	want := []string{
		"pkg:golang/example.com/a@v1.0.0",
		"pkg:golang/example.com/a@v1.0.0",
		"pkg:golang/example.com/fork@v1.0.0",
		"pkg:golang/github.com/azure/go-autorest@v14.2.0%2Bincompatible Apache-2.0",
		"pkg:golang/github.com/klauspost/compress@v1.20.3 Apache-2.0 AND BSD-3-Clause AND MIT",
		"pkg:golang/stdlib@1.26.8 BSD-3-Clause",
	}
	if !slices.Equal(got, want) {
		t.Errorf("the components are\n%s", strings.Join(got, "\n"))
	}
	if m := bom.Metadata.Component; m.Name != "logspout <ops>" || (*m.Hashes)[0].Value != program().SHA256 {
		t.Errorf("it is about %+v", m)
	}
}

func TestSPDXIsReadByTheOfficialLibrary(t *testing.T) {
	p := program()
	p.Created = time.Unix(1700000000, 0)
	doc, err := spdxjson.Read(bytes.NewReader(write(t, SPDX, p)))
	if err != nil {
		t.Fatal(err)
	}
	if err := spdxlib.ValidateDocument(doc); err != nil {
		t.Error(err)
	}
	if len(doc.Packages) != 7 || len(doc.Relationships) != 7 || doc.CreationInfo.Created != "2023-11-14T22:13:20Z" {
		t.Errorf("%d packages, %d relationships, %+v", len(doc.Packages), len(doc.Relationships), doc.CreationInfo)
	}
	compress := doc.Packages[5]
	if compress.PackageLicenseDeclared != "Apache-2.0 AND BSD-3-Clause AND MIT" || compress.PackageExternalReferences[0].Locator != "pkg:golang/github.com/klauspost/compress@v1.20.3" {
		t.Errorf("%+v", compress)
	}
	ids := map[string]bool{}
	for _, x := range doc.Packages {
		if ids[string(x.PackageSPDXIdentifier)] {
			t.Errorf("two packages are %s", x.PackageSPDXIdentifier)
		}
		ids[string(x.PackageSPDXIdentifier)] = true
	}
}

func TestTheSameProgramGivesTheSameBytesInAnyOrder(t *testing.T) {
	for name, format := range map[string]func(*Program) ([]byte, error){"cyclonedx": CycloneDX, "spdx": SPDX} {
		a, b, other := program(), program(), program()
		slices.Reverse(b.Modules)
		other.Modules[0].Version = "v1.20.4"
		one, two, three := write(t, format, a), write(t, format, b), write(t, format, other)
		if !bytes.Equal(one, two) {
			t.Errorf("%s: another order of modules gives other bytes", name)
		}
		if identity(t, one) == identity(t, three) {
			t.Errorf("%s: another version has the same identity", name)
		}
	}
}

// identity is a document's serial number or namespace.
func identity(t *testing.T, data []byte) string {
	t.Helper()
	var doc struct{ SerialNumber, DocumentNamespace string }
	if err := json.Unmarshal(data, &doc); err != nil || doc.SerialNumber+doc.DocumentNamespace == "" {
		t.Fatalf("no identity (%v)", err)
	}
	return doc.SerialNumber + doc.DocumentNamespace
}

func TestPackageURLsAreEscaped(t *testing.T) {
	for want, m := range map[string]module.Version{
		"pkg:golang/example.com/x%2By@v1.0.0-a%2Bb": {Path: "example.com/x+y", Version: "v1.0.0-a+b"},
		"pkg:golang/logspout":                       {Path: "logspout"},
	} {
		if got := PURL(m); got != want {
			t.Errorf("%v is %s, want %s", m, got, want)
		}
	}
}
