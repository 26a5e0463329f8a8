package sbom

import (
	"cmp"
	"strings"
	"time"
)

// The parts of an SPDX 2.3 document that are written here (https://spdx.github.io/spdx-spec/v2.3).
type (
	spdxDocument struct {
		Version       string             `json:"spdxVersion"`
		DataLicense   string             `json:"dataLicense"`
		ID            string             `json:"SPDXID"`
		Name          string             `json:"name"`
		Namespace     string             `json:"documentNamespace"`
		CreationInfo  spdxCreation       `json:"creationInfo"`
		Packages      []spdxPackage      `json:"packages"`
		Relationships []spdxRelationship `json:"relationships"`
	}
	spdxCreation struct {
		Created  string   `json:"created"`
		Creators []string `json:"creators"`
	}
	spdxPackage struct {
		ID               string         `json:"SPDXID"`
		Name             string         `json:"name"`
		Version          string         `json:"versionInfo,omitempty"`
		Purpose          string         `json:"primaryPackagePurpose"`
		DownloadLocation string         `json:"downloadLocation"`
		FilesAnalyzed    bool           `json:"filesAnalyzed"`
		Checksums        []spdxChecksum `json:"checksums,omitempty"`
		LicenseConcluded string         `json:"licenseConcluded"`
		LicenseDeclared  string         `json:"licenseDeclared"`
		Copyright        string         `json:"copyrightText"`
		SourceInfo       string         `json:"sourceInfo,omitempty"`
		References       []spdxExternal `json:"externalRefs,omitempty"`
	}
	spdxChecksum struct {
		Algorithm string `json:"algorithm"`
		Value     string `json:"checksumValue"`
	}
	spdxExternal struct {
		Category string `json:"referenceCategory"`
		Type     string `json:"referenceType"`
		Locator  string `json:"referenceLocator"`
	}
	spdxRelationship struct {
		From string `json:"spdxElementId"`
		Type string `json:"relationshipType"`
		To   string `json:"relatedSpdxElement"`
	}
)

const (
	noAssertion = "NOASSERTION"
	namespace   = "https://github.com/gliderlabs/logspout-builder/sbom/"
)

// SPDX is the program's bill of materials in SPDX 2.3. Its namespace is made from its content. The format wants a time: without one it is
// the first second of 1970.
func SPDX(p *Program) ([]byte, error) {
	created := p.Created
	if created.IsZero() {
		created = time.Unix(0, 0)
	}
	tool := "Tool: logspout-builder"
	if p.Tool != "" {
		tool += "-" + p.Tool
	}
	main := spdxPackage{
		ID: "SPDXRef-main", Name: p.Name, Version: p.Version, Purpose: "APPLICATION", DownloadLocation: noAssertion,
		LicenseConcluded: noAssertion, LicenseDeclared: noAssertion, Copyright: noAssertion,
	}
	if p.Platform != "" {
		main.SourceInfo = "built for " + p.Platform
	}
	if p.SHA256 != "" {
		main.Checksums = []spdxChecksum{{"SHA256", p.SHA256}}
	}
	doc := spdxDocument{
		Version: "SPDX-2.3", DataLicense: "CC0-1.0", ID: "SPDXRef-DOCUMENT", Name: p.Name,
		CreationInfo:  spdxCreation{created.UTC().Format(time.RFC3339), []string{tool}},
		Packages:      []spdxPackage{main},
		Relationships: []spdxRelationship{{"SPDXRef-DOCUMENT", "DESCRIBES", main.ID}},
	}
	for _, m := range p.components() {
		x := spdxPackage{
			ID: spdxID(m), Name: m.Path, Version: m.Version, Purpose: "LIBRARY", DownloadLocation: noAssertion,
			LicenseConcluded: cmp.Or(m.License, noAssertion), LicenseDeclared: cmp.Or(m.License, noAssertion), Copyright: noAssertion,
			References: []spdxExternal{{"PACKAGE-MANAGER", "purl", m.purl()}},
		}
		var source []string
		if m.Sum != "" {
			source = append(source, "go.sum: "+m.Sum)
		}
		if m.For != "" {
			source = append(source, "in the place of "+m.For)
		}
		x.SourceInfo = strings.Join(source, "; ")
		doc.Packages = append(doc.Packages, x)
		doc.Relationships = append(doc.Relationships, spdxRelationship{main.ID, "STATIC_LINK", x.ID})
	}
	text, err := marshal(doc)
	if err != nil {
		return nil, err
	}
	doc.Namespace = namespace + escape(p.Name, "") + "-" + digest(text)
	return marshal(doc)
}

// spdxID is a module's identifier in a document: letters, digits, "." and "-". What another character stands for is told apart by a digest.
func spdxID(m Module) string {
	name := strings.Map(func(c rune) rune {
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '.' || c == '-' {
			return c
		}
		return '-'
	}, m.Path+"-"+m.Version)
	return "SPDXRef-" + name + "-" + digest([]byte(m.Path + "@" + m.Version))[:8]
}
