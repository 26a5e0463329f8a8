package provenance

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gliderlabs/logspout-builder/generator/sbom"
)

func build() *Build {
	return &Build{
		Name: "logspout", SHA256: strings.Repeat("0a", 32), Plan: map[string]string{"name": "logspout"},
		Manifest: "sha256:1", Lock: "sha256:2", Platform: "linux/amd64", Settings: map[string]string{"CGO_ENABLED": "0", "-trimpath": "true"},
		Modules: []sbom.Module{
			{Path: "example.com/b", Version: "v1.0.0", Sum: "h1:AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="},
			{Path: "example.com/a", Version: "v1.0.0", For: "example.com/c"},
		},
		Go: "go1.26.8", Builder: "v1.0.0", Started: time.Unix(1700000000, 0), Ended: time.Unix(1700000002, 0),
	}
}

func TestStatementIsWhatInTotoAndSLSAAskFor(t *testing.T) {
	out, err := Statement(build())
	if err != nil {
		t.Fatal(err)
	}
	const want = `{
  "_type": "https://in-toto.io/Statement/v1",
  "subject": [
    {
      "name": "logspout",
      "digest": {
        "sha256": "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a"
      }
    }
  ],
  "predicateType": "https://slsa.dev/provenance/v1",
  "predicate": {
    "buildDefinition": {
      "buildType": "https://github.com/gliderlabs/logspout-builder/blob/main/docs/supply-chain.md#build-type-v1",
      "externalParameters": {
        "plan": {
          "name": "logspout"
        },
        "manifest": "sha256:1",
        "lock": "sha256:2",
        "platform": "linux/amd64"
      },
      "internalParameters": {
        "toolchain": "go1.26.8",
        "settings": {
          "-trimpath": "true",
          "CGO_ENABLED": "0"
        }
      },
      "resolvedDependencies": [
        {
          "name": "example.com/a",
          "uri": "pkg:golang/example.com/a@v1.0.0",
          "annotations": {
            "replaces": "example.com/c"
          }
        },
        {
          "name": "example.com/b",
          "uri": "pkg:golang/example.com/b@v1.0.0",
          "digest": {
            "dirHash": "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20"
          }
        }
      ]
    },
    "runDetails": {
      "builder": {
        "id": "https://github.com/gliderlabs/logspout-builder",
        "version": {
          "go": "go1.26.8",
          "logspout-builder": "v1.0.0"
        }
      },
      "metadata": {
        "startedOn": "2023-11-14T22:13:20Z",
        "finishedOn": "2023-11-14T22:13:22Z"
      }
    }
  }
}
`
	if string(out) != want {
		t.Errorf("the statement is\n%s", out)
	}
	if !json.Valid(out) {
		t.Error("it is no JSON")
	}
}

func TestTheSameBuildGivesTheSameStatement(t *testing.T) {
	a, b := build(), build()
	slices.Reverse(b.Modules)
	b.Settings = map[string]string{"-trimpath": "true", "CGO_ENABLED": "0"}
	one, err := Statement(a)
	if err != nil {
		t.Fatal(err)
	}
	two, err := Statement(b)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(one, two) {
		t.Errorf("they differ:\n%s\n%s", one, two)
	}
	a.Modules[0].Sum = "h1:?"
	if _, err := Statement(a); err == nil {
		t.Error("a sum that is none is taken")
	}
}
