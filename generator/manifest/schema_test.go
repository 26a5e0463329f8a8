package manifest

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/tools/txtar"
)

func compileSchema(tb testing.TB, text []byte) *jsonschema.Schema {
	tb.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		tb.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("schema.json", doc); err != nil {
		tb.Fatal(err)
	}
	schema, err := c.Compile("schema.json")
	if err != nil {
		tb.Fatal(err)
	}
	return schema
}

// decode reads YAML as an editor does; ok is false for what JSON cannot hold and for what is no document.
func decode(data []byte) (doc any, ok bool) {
	var raw any
	if err := yaml.Unmarshal(data, &raw); err != nil {
		return nil, false
	}
	text, err := json.Marshal(raw)
	if err != nil {
		return nil, false
	}
	doc, err = jsonschema.UnmarshalJSON(bytes.NewReader(text))
	return doc, err == nil
}

// documents are the inputs of a golden archive.
func documents(t *testing.T, archive string) map[string][]byte {
	t.Helper()
	a, err := txtar.ParseFile(filepath.Join("testdata", archive))
	if err != nil {
		t.Fatal(err)
	}
	docs := map[string][]byte{}
	for _, f := range a.Files {
		if !strings.HasSuffix(f.Name, ".want") {
			docs[f.Name] = f.Data
		}
	}
	return docs
}

func TestSchemaAndParserAgreeOnManifests(t *testing.T) {
	schema := compileSchema(t, Schema)
	for name, data := range documents(t, "right-manifests.txtar") {
		doc, ok := decode(data)
		if !ok {
			t.Fatalf("%s is no document", name)
		}
		if err := schema.Validate(doc); err != nil {
			t.Errorf("the parser takes %s, the schema does not: %v", name, err)
		}
	}
	for name, data := range documents(t, "wrong-shape.txtar") {
		doc, ok := decode(data)
		if !ok {
			continue // a key that comes twice: not a document at all
		}
		if schema.Validate(doc) == nil {
			t.Errorf("the parser refuses %s for its shape, the schema takes it", name)
		}
	}
}

func TestSchemaAndReaderAgreeOnRegistries(t *testing.T) {
	schema := compileSchema(t, RegistrySchema)
	for name, data := range documents(t, "registry-shape.txtar") {
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		_, readError := ParseRegistry(data)
		if schemaError := schema.Validate(doc); readError == nil || schemaError == nil {
			t.Errorf("%s: reader: %v\nschema: %v", name, readError, schemaError)
		}
	}
	for _, path := range []string{filepath.Join("testdata", "registry.json"), filepath.Join("..", "..", "registry.json")} {
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(readFile(t, path)))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(doc); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// One fault a document: in the archives one fault can hide behind another.
func TestOneFaultIsEnoughForSchemaAndParser(t *testing.T) {
	reg, schema := registryOf(t), compileSchema(t, Schema)
	for _, text := range []string{
		`x: 1`, `name: 1`, `name: a/b`, `name: ""`, `version: a b`, `version: [1]`, `version: null`, `modules: kafka`, `modules: []`, `modules: [1]`, `modules: [""]`, `modules: [[kafka]]`,
		`modules: [{}]`, `modules: [{version: v1.0.0}]`, `modules: [{name: redis, package: example.com/a/b}]`, `modules: [{name: example.com/a/b}]`, `modules: [{package: kafka}]`,
		`modules: [{name: redis, x: 1}]`, `modules: [{name: redis, version: 1.2}]`, `modules: [{name: redis, version: ""}]`, `modules: [{name: redis, dir: ""}]`, `modules: [{name: redis, dir: true}]`, `modules: [{name: redis, rename: {}}]`,
		`modules: [{name: redis, rename: a}]`, `budget: {}`, `budget: 12MiB`, `budget: {size: true}`, `budget: {size: 0}`, `budget: {size: "0MB"}`,
		`budget: {size: 12Mb}`, `budget: {modules: 0}`, `budget: {modules: "3"}`, `budget: {modules: 1.5}`, `budget: {modules: true}`, `budget: {x: 1}`, `modules: [{name: redis, rename: {"a b": c}}]`, `modules: [{name: redis, rename: {a: "b c"}}]`, `modules: [{name: redis, rename: {a: 1}}]`,
		`replace: []`, `replace: {example.com/a/b: 1}`, `replace: {example.com/a/b: ""}`, `build: []`, `build: {x: 1}`, `build: {tags: a}`, `build: {tags: [a, a]}`, `build: {tags: [1]}`, `build: {tags: ["a,b"]}`,
		`build: {ldflags: [-s]}`, `build: {debug: "true"}`, `env: []`, `env: {A: null}`, `env: {A: [1]}`, `env: {A-B: 1}`, `routes: raw://a`, `routes: [1]`, `routes: [raw]`, `routes: ["raw://a", "raw://a"]`,
	} {
		if _, err := Parse("m", []byte(text), reg); err == nil {
			t.Errorf("the parser takes %s", text)
		}
		if doc, ok := decode([]byte(text)); !ok || schema.Validate(doc) == nil {
			t.Errorf("the schema takes %s", text)
		}
	}
}

func TestOneFaultIsEnoughForSchemaAndRegistry(t *testing.T) {
	const good = `{"schema": 1, "modules": [{"name": "a", "package": "example.com/a", "version": "v1.0.0", "summary": "x", "standard": true, "registers": {"Job": ["a"]}, "example": "a://b",
		"options": [{"name": "o", "type": "int", "default": "1", "env": "O", "description": "y"}], "license": "MIT", "home": "https://example.com", "stability": "stable"}]}`
	schema := compileSchema(t, RegistrySchema)
	taken := func(text string) (byReader, bySchema bool) {
		doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		_, err = ParseRegistry([]byte(text))
		return err == nil, schema.Validate(doc) == nil
	}
	if byReader, bySchema := taken(good); !byReader || !bySchema {
		t.Fatalf("the good one: %v, %v", byReader, bySchema)
	}
	for _, fault := range [][2]string{
		{`"schema": 1`, `"schema": 2`},
		{`"schema": 1`, `"x": 1`},
		{`"schema": 1`, `"schema": 1, "x": 1`},
		{`"name": "a"`, `"name": "A"`},
		{`"name": "a"`, `"name": "standard"`},
		{`"name": "a", `, ``},
		{`"name": "a"`, `"name": "a", "x": 1`},
		{`example.com/a`, `a`},
		{`"v1.0.0"`, `""`},
		{`"x"`, `"x\ny"`},
		{`"x"`, `""`},
		{`true`, `"true"`},
		{`{"Job": ["a"]}`, `{}`},
		{`{"Job": ["a"]}`, `{"Jobs": ["a"]}`},
		{`{"Job": ["a"]}`, `{"Job": []}`},
		{`{"Job": ["a"]}`, `{"Job": ["a", "a"]}`},
		{`{"Job": ["a"]}`, `{"Job": [""]}`},
		{`a://b`, `a`},
		{`"name": "o"`, `"title": "o"`},
		{`"name": "o", "type": "int", "default": "1", "env": "O"`, `"type": "int"`},
		{`"type": "int"`, `"type": "integer"`},
		{`"type": "int", `, ``},
		{`"default": "1"`, `"default": 1`},
		{`"env": "O"`, `"env": "O-P"`},
		{`"y"`, `" y"`},
		{`, "description": "y"`, ``},
		{`"MIT"`, `1`},
		{`https:`, `http:`},
		{`"stable"`, `"good"`},
		{`, "stability": "stable"`, ``},
	} {
		text := strings.Replace(good, fault[0], fault[1], 1)
		if text == good {
			t.Errorf("%s is not there", fault[0])
		}
		if byReader, bySchema := taken(text); byReader || bySchema {
			t.Errorf("%s for %s is taken: reader %v, schema %v", fault[1], fault[0], byReader, bySchema)
		}
	}
}
