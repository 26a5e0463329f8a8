package extpoint

import (
	"strconv"

	"github.com/dave/jennifer/jen"
)

// identifiers are the package-level names of the generated file that give way to the package's own.
type identifiers struct {
	point     string // the generic type of all extension points
	construct string // makes one
	entry     string // a component and who registered it
	any       string // an extension point whatever its type
	all       string // the list of all
	caller    string // who registers
	ownName   string // a component's name when none is given
	renamed   string // the package's own function that gives an extension another name, "" when it has none
}

// renamedExtension is the function that a package declares to have a say in names: it is given the extension point's type, the name and the
// registering package, and returns the name to register under.
const renamedExtension = "renamedExtension"

// render lays out the generated file.
func (p *pkg) render(points []point, constraint string) *jen.File {
	taken := func(name string) bool {
		for _, x := range points {
			if x.variable == name {
				return true
			}
		}
		return p.declared[name] != ""
	}
	f := jen.NewFile(p.name)
	f.HeaderComment(header)
	if constraint != "" {
		f.HeaderComment("//go:build " + constraint)
	}
	for _, std := range []string{"fmt", "reflect", "runtime", "slices", "strings", "sync"} {
		if name := free(std, taken); name != std {
			f.ImportAlias(std, name)
		} else {
			f.ImportName(std, name)
		}
	}
	pick := func(name string) string {
		return free(name, func(s string) bool { return taken(s) || p.imported[s] })
	}
	id := identifiers{
		point: pick("ExtensionPoint"), construct: pick("newExtensionPoint"), entry: pick("extension"), any: pick("anyExtensionPoint"),
		all: pick("extensionPoints"), caller: pick("callerPackage"), ownName: pick("componentName"),
	}
	if p.declared[renamedExtension] != "" {
		id.renamed = renamedExtension
	}
	id.variables(f, points)
	id.packageFunctions(f)
	id.pointType(f)
	id.methods(f)
	id.helpers(f)
	return f
}

// free is name, or name with the smallest number behind it that makes it free.
func free(name string, taken func(string) bool) string {
	for n, candidate := 2, name; ; n++ {
		if !taken(candidate) {
			return candidate
		}
		candidate = name + strconv.Itoa(n)
	}
}

func (id identifiers) variables(f *jen.File, points []point) {
	f.Comment("The extension points of this package.")
	f.Var().DefsFunc(func(g *jen.Group) {
		for _, x := range points {
			g.Commentf("%s is the extension point of type %s.", x.variable, x.typ.name)
			g.Id(x.variable).Op("=").Id(id.construct).Types(jen.Id(x.typ.name)).Call(jen.Lit(x.typ.name))
		}
	})
	f.Commentf("%s are the extension points of this package, sorted by type.", id.all)
	f.Var().Id(id.all).Op("=").Index().Id(id.any).ValuesFunc(func(g *jen.Group) {
		for _, x := range points {
			g.Line().Id(x.variable)
		}
		g.Line()
	})
	f.Commentf("%s is an extension point of whatever type.", id.any)
	f.Type().Id(id.any).Interface(
		jen.Id("Type").Params().String(),
		jen.Id("Unregister").Params(jen.Id("name").String()).Bool(),
		jen.Id("offer").Params(jen.Id("component").Any(), jen.List(jen.Id("name"), jen.Id("pkg")).String()).Bool(),
	)
}

func (id identifiers) packageFunctions(f *jen.File) {
	collect := func(call *jen.Statement) []jen.Code {
		return []jen.Code{
			jen.Var().Id("types").Index().String(),
			jen.For(jen.List(jen.Id("_"), jen.Id("p")).Op(":=").Range().Id(id.all)).Block(
				jen.If(call).Block(jen.Id("types").Op("=").Append(jen.Id("types"), jen.Id("p").Dot("Type").Call())),
			),
			jen.Return(jen.Id("types")),
		}
	}
	doc(f, "RegisterExtension registers component under name at every extension point whose type it fits. It returns those types' names,",
		"sorted; none means that it fits nowhere and is not registered. It panics as Register does.")
	f.Func().Id("RegisterExtension").Params(jen.Id("component").Any(), jen.Id("name").String()).Index().String().Block(
		append([]jen.Code{jen.Id("pkg").Op(":=").Id(id.caller).Call()},
			collect(jen.Id("p").Dot("offer").Call(jen.Id("component"), jen.Id("name"), jen.Id("pkg")))...)...,
	)
	doc(f, "UnregisterExtension takes what is registered under name off every extension point. It returns the names of the types it was",
		"registered as, sorted.")
	f.Func().Id("UnregisterExtension").Params(jen.Id("name").String()).Index().String().Block(
		collect(jen.Id("p").Dot("Unregister").Call(jen.Id("name")))...,
	)
}

func (id identifiers) pointType(f *jen.File) {
	doc(f, id.point+" holds the registered components of type T by name. Its methods may be called by many goroutines.")
	f.Type().Id(id.point).Types(jen.Id("T").Any()).Struct(
		jen.Id("typ").String(),
		jen.Id("mu").Qual("sync", "RWMutex"),
		jen.Id("extensions").Map(jen.String()).Id(id.entry).Types(jen.Id("T")),
	)
	f.Commentf("%s is a component and the Go package that registered it.", id.entry)
	f.Type().Id(id.entry).Types(jen.Id("T").Any()).Struct(
		jen.Id("component").Id("T"),
		jen.Id("pkg").String(),
	)
	f.Func().Id(id.construct).Types(jen.Id("T").Any()).Params(jen.Id("typ").String()).Op("*").Id(id.point).Types(jen.Id("T")).Block(
		jen.Return(jen.Op("&").Id(id.point).Types(jen.Id("T")).Values(jen.Dict{
			jen.Id("typ"):        jen.Id("typ"),
			jen.Id("extensions"): jen.Map(jen.String()).Id(id.entry).Types(jen.Id("T")).Values(),
		})),
	)
}

// doc writes a comment of several lines.
func doc(f *jen.File, lines ...string) {
	for _, line := range lines {
		f.Comment(line)
	}
}
