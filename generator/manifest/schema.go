package manifest

import _ "embed" // for the schemas

// Schema is the JSON Schema of logspout.yaml, for editors and other tools. What Parse takes is valid by it; it knows neither the registry nor the
// forms of paths, versions and flags.
//
//go:embed logspout.schema.json
var Schema []byte

// RegistrySchema is the JSON Schema of registry.json. What ParseRegistry takes is valid by it.
//
//go:embed registry.schema.json
var RegistrySchema []byte
