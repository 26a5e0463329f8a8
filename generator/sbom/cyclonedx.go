package sbom

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"
)

// The parts of a CycloneDX 1.6 document that are written here (https://cyclonedx.org/docs/1.6/json).
type (
	cdxDocument struct {
		Schema       string          `json:"$schema"`
		Format       string          `json:"bomFormat"`
		SpecVersion  string          `json:"specVersion"`
		SerialNumber string          `json:"serialNumber,omitempty"`
		Version      int             `json:"version"`
		Metadata     cdxMetadata     `json:"metadata"`
		Components   []cdxComponent  `json:"components"`
		Dependencies []cdxDependency `json:"dependencies"`
	}
	cdxMetadata struct {
		Timestamp string       `json:"timestamp,omitempty"`
		Tools     cdxTools     `json:"tools"`
		Component cdxComponent `json:"component"`
	}
	cdxTools struct {
		Components []cdxComponent `json:"components"`
	}
	cdxComponent struct {
		Type       string        `json:"type"`
		Ref        string        `json:"bom-ref,omitempty"`
		Name       string        `json:"name"`
		Version    string        `json:"version,omitempty"`
		Scope      string        `json:"scope,omitempty"`
		Hashes     []cdxHash     `json:"hashes,omitempty"`
		Licenses   []cdxLicense  `json:"licenses,omitempty"`
		PURL       string        `json:"purl,omitempty"`
		Properties []cdxProperty `json:"properties,omitempty"`
	}
	cdxHash struct {
		Algorithm string `json:"alg"`
		Content   string `json:"content"`
	}
	cdxLicense struct {
		License    *cdxLicenseID `json:"license,omitempty"`
		Expression string        `json:"expression,omitempty"`
	}
	cdxLicenseID struct {
		ID string `json:"id"`
	}
	cdxProperty struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
	cdxDependency struct {
		Ref       string   `json:"ref"`
		DependsOn []string `json:"dependsOn,omitempty"`
	}
)

// property is the name of a property of ours.
func property(name, value string) cdxProperty { return cdxProperty{"logspout-builder:" + name, value} }

// CycloneDX is the program's bill of materials in CycloneDX 1.6. Its serial number is made from its content. What go.sum knows of a module is a
// property and no hash: it is the SHA-256 of a list of files, and of no file that one could hash to check it.
func CycloneDX(p *Program) ([]byte, error) {
	main := cdxComponent{Type: "application", Ref: "main", Name: p.Name, Version: p.Version}
	if p.SHA256 != "" {
		main.Hashes = []cdxHash{{"SHA-256", p.SHA256}}
	}
	if p.Platform != "" {
		main.Properties = append(main.Properties, property("platform", p.Platform))
	}
	doc := cdxDocument{
		Schema: "http://cyclonedx.org/schema/bom-1.6.schema.json", Format: "CycloneDX", SpecVersion: "1.6", Version: 1,
		Metadata: cdxMetadata{
			Tools:     cdxTools{[]cdxComponent{{Type: "application", Name: "logspout-builder", Version: p.Tool}}},
			Component: main,
		},
		Components:   []cdxComponent{},
		Dependencies: []cdxDependency{{Ref: main.Ref}},
	}
	if !p.Created.IsZero() {
		doc.Metadata.Timestamp = p.Created.UTC().Format(time.RFC3339)
	}
	for _, m := range p.components() {
		c := cdxComponent{Type: "library", Ref: m.Path + "@" + m.Version, Name: m.Path, Version: m.Version, Scope: "required", PURL: m.purl()}
		switch {
		case m.License == "":
		case strings.Contains(m.License, " "):
			c.Licenses = []cdxLicense{{Expression: m.License}}
		default:
			c.Licenses = []cdxLicense{{License: &cdxLicenseID{m.License}}}
		}
		if m.Sum != "" {
			c.Properties = append(c.Properties, property("go.sum", m.Sum))
		}
		if m.For != "" {
			c.Properties = append(c.Properties, property("replaces", m.For))
		}
		doc.Components = append(doc.Components, c)
		doc.Dependencies[0].DependsOn = append(doc.Dependencies[0].DependsOn, c.Ref)
		doc.Dependencies = append(doc.Dependencies, cdxDependency{Ref: c.Ref})
	}
	text, err := marshal(doc)
	if err != nil {
		return nil, err
	}
	id := []byte(digest(text)[:32])
	id[12], id[16] = '8', "89ab"[id[16]%4] // RFC 9562 section 5.8: a UUID of one's own making
	doc.SerialNumber = "urn:uuid:" + string(bytes.Join([][]byte{id[:8], id[8:12], id[12:16], id[16:20], id[20:]}, []byte("-")))
	return marshal(doc)
}

// marshal is indented JSON with a line's end.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(v)
	return b.Bytes(), err
}
