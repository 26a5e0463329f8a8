// Package rename holds the names that a build gives to extensions in the place of those that their packages register: two packages that
// both bring a "kafka" live in one binary that way.
//
// It imports nothing. A generated package "logspout/renames" fills it when it is initialised. That one imports only this, so that the Go
// specification has it done before any package that registers (section "Program initialization": of the packages whose imports are
// initialised, the first by import path comes next): those import core, core imports os, and "logspout/renames" sorts before "os".
package rename

// extension is a name that a package registers.
type extension struct{ pkg, name string }

// names are the new names. They are only read once packages begin to register.
var names = map[extension]string{} //nolint:gochecknoglobals // filled by generated code before anything registers

// Set makes what the package pkg registers as name be registered as newName, at every extension point. It is for generated code, which
// calls it before anything registers.
func Set(pkg, name, newName string) { names[extension{pkg, name}] = newName }

// Name is what pkg's name is registered as: name itself, unless it was renamed.
func Name(pkg, name string) string {
	if newName, ok := names[extension{pkg, name}]; ok {
		return newName
	}
	return name
}

// Original is what pkg calls that which is registered as name: name itself, unless it was renamed.
func Original(pkg, name string) string {
	for x, newName := range names {
		if x.pkg == pkg && newName == name {
			return x.name
		}
	}
	return name
}
