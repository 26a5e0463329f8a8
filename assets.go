// Package assets is what the builder carries: the registry, the skeletons of modules and the source of the runtime, from which it compiles binaries
// without a download. Only a file at the root of the module can embed them.
package assets

import "embed"

// Files holds, under their paths in the repository, the registry, the licence, templates and the source of the runtime. It has more than
// a binary needs (tests, documentation): packed.NewCore chooses.
//
//go:embed LICENSE registry.json core modules templates
var Files embed.FS
