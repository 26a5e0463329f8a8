// Package provenance writes how a binary was made: an in-toto statement (https://in-toto.io/Statement/v1) with SLSA provenance
// (https://slsa.dev/provenance/v1) as its predicate. It is not signed: whoever vouches for the builder's machine signs it.
package provenance

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/module"

	"github.com/gliderlabs/logspout-builder/generator/sbom"
)

const (
	// BuildType says how externalParameters and internalParameters are to be read: docs/supply-chain.md describes them.
	BuildType = "https://github.com/gliderlabs/logspout-builder/blob/main/docs/supply-chain.md#build-type-v1"
	// BuilderID is the builder on a machine that nobody vouches for; who does sets an id of their own.
	BuilderID = "https://github.com/gliderlabs/logspout-builder"
)

// Build is one binary and what it was made of.
type Build struct {
	Name   string // of the binary's file
	SHA256 string // in hexadecimal
	// Plan is what was asked for: JSON, without what is secret.
	Plan any
	// Manifest and Lock identify what was asked for and what it was resolved to, "sha256:...".
	Manifest, Lock string
	Platform       string            // "linux/amd64"
	Settings       map[string]string // of the binary's build info
	Modules        []sbom.Module
	Go             string // version of the toolchain, "go1.26.8"
	Builder        string // version of the builder
	BuilderID      string // "" is BuilderID
	Started, Ended time.Time
}

type (
	statement struct {
		Type          string     `json:"_type"`
		Subject       []resource `json:"subject"`
		PredicateType string     `json:"predicateType"`
		Predicate     predicate  `json:"predicate"`
	}
	resource struct {
		Name        string            `json:"name,omitempty"`
		URI         string            `json:"uri,omitempty"`
		Digest      map[string]string `json:"digest,omitempty"`
		Annotations map[string]string `json:"annotations,omitempty"`
	}
	predicate struct {
		BuildDefinition definition `json:"buildDefinition"`
		RunDetails      details    `json:"runDetails"`
	}
	definition struct {
		BuildType            string     `json:"buildType"`
		ExternalParameters   external   `json:"externalParameters"`
		InternalParameters   internal   `json:"internalParameters"`
		ResolvedDependencies []resource `json:"resolvedDependencies"`
	}
	external struct {
		Plan     any    `json:"plan"`
		Manifest string `json:"manifest"`
		Lock     string `json:"lock"`
		Platform string `json:"platform"`
	}
	internal struct {
		Toolchain string            `json:"toolchain"`
		Settings  map[string]string `json:"settings"`
	}
	details struct {
		Builder  builder  `json:"builder"`
		Metadata metadata `json:"metadata"`
	}
	builder struct {
		ID      string            `json:"id"`
		Version map[string]string `json:"version"`
	}
	metadata struct {
		StartedOn  string `json:"startedOn"`
		FinishedOn string `json:"finishedOn"`
	}
)

// Statement is the statement's JSON. The same build gives the same bytes but for its times.
func Statement(b *Build) ([]byte, error) {
	id := b.BuilderID
	if id == "" {
		id = BuilderID
	}
	s := statement{
		Type:          "https://in-toto.io/Statement/v1",
		Subject:       []resource{{Name: b.Name, Digest: map[string]string{"sha256": b.SHA256}}},
		PredicateType: "https://slsa.dev/provenance/v1",
		Predicate: predicate{
			BuildDefinition: definition{
				BuildType:            BuildType,
				ExternalParameters:   external{b.Plan, b.Manifest, b.Lock, b.Platform},
				InternalParameters:   internal{b.Go, b.Settings},
				ResolvedDependencies: []resource{},
			},
			RunDetails: details{
				Builder:  builder{id, map[string]string{"logspout-builder": b.Builder, "go": b.Go}},
				Metadata: metadata{stamp(b.Started), stamp(b.Ended)},
			},
		},
	}
	for _, m := range b.Modules {
		r := resource{Name: m.Path, URI: sbom.PURL(module.Version{Path: m.Path, Version: m.Version})}
		if m.Sum != "" {
			hash, err := dirHash(m.Sum)
			if err != nil {
				return nil, fmt.Errorf("module %s: %w", m.Path, err)
			}
			r.Digest = map[string]string{"dirHash": hash}
		}
		if m.For != "" {
			r.Annotations = map[string]string{"replaces": m.For}
		}
		s.Predicate.BuildDefinition.ResolvedDependencies = append(s.Predicate.BuildDefinition.ResolvedDependencies, r)
	}
	slices.SortStableFunc(s.Predicate.BuildDefinition.ResolvedDependencies, func(a, b resource) int { return strings.Compare(a.URI, b.URI) })
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(s)
	return out.Bytes(), err
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// dirHash is a sum of go.sum as in-toto has it: without "h1:", in hexadecimal (in-toto attestation spec/v1/digest_set.md).
func dirHash(sum string) (string, error) {
	encoded, ok := strings.CutPrefix(sum, "h1:")
	hash, err := base64.StdEncoding.DecodeString(encoded)
	if !ok || err != nil {
		return "", fmt.Errorf("want a sum h1:..., found %q", sum)
	}
	return hex.EncodeToString(hash), nil
}
