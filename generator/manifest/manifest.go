// Package manifest holds what a user wants in a binary (Manifest) and what can be had by name (Registry): parsed, defaulted and
// validated. It does no I/O.
package manifest

const (
	// StandardName stands in a manifest's modules for the standard set.
	StandardName = "standard"
	// DefaultName is the binary's name where the manifest gives none.
	DefaultName = "logspout"
	// CorePath is the module that holds the core and the bundled modules; it travels inside the builder.
	CorePath = "github.com/gliderlabs/logspout-builder"

	// legacyPath is the module of the original logspout, whose packages register into a core that nobody reads here.
	legacyPath = "github.com/gliderlabs/logspout"
)

// Pos is a place in a manifest's file: line and column count from 1, 0 is unknown (a flag, an implied value).
type Pos struct {
	File string
	Line int
	Col  int
}

// Manifest is what a binary is to be made of.
type Manifest struct {
	File    string // as named by the user, "" when implied
	Name    string // of the binary; default "logspout"
	Version string // of the binary; default ""
	Modules []Module
	Implied bool      // Modules are not written: they are the standard set, or the fewest that serve the routes
	Replace []Replace // sorted by module
	Build   Build
	Env     map[string]string // default environment baked into the binary
	Budget  Budget
	Routes  []Route // default routes baked into the binary, used when neither arguments nor ROUTE_URIS name any
	For     []Route // other routes that the binary must be able to serve; they are not baked in
}

// Module is one entry of modules. Exactly one of Name and Package is set.
type Module struct {
	Name    string // a registry's name, or StandardName
	Package string // a Go package path that the registry does not know
	Version string // a module version or query ("v1.2.3", "latest", a branch or commit); "" is the registry's, else latest
	Dir     string // a local directory that holds the package's module, relative to the manifest; "" is none
	Rename  Renames
	Pos     Pos
}

// Renames are the names to register what a package registers under: its own name -> the one here, at every extension point.
type Renames map[string]string

// Name is what a name of the package becomes.
func (r Renames) Name(own string) string {
	if name, ok := r[own]; ok {
		return name
	}
	return own
}

// Replace takes a module from elsewhere.
type Replace struct {
	Module  string // module path
	Dir     string // local directory, or
	Path    string // another module path, with
	Version string // its version
	Pos     Pos
}

// Build holds the compiler's settings.
type Build struct {
	Tags    []string // sorted
	LDFlags string
	// Debug keeps the symbol table and DWARF data, which are stripped by default.
	Debug bool
}

// Budget is what a binary may not outgrow.
type Budget struct {
	Size    int64 // bytes of the file; 0 is no bound
	Modules int   // Go modules in the binary; 0 is no bound
	// SizePos and ModulesPos are where the bounds stand.
	SizePos, ModulesPos Pos
}

// Default is the manifest that is implied where there is none: the standard set.
func Default() *Manifest {
	return &Manifest{Name: DefaultName, Modules: []Module{{Name: StandardName}}, Implied: true}
}
