package extpoint

import "github.com/dave/jennifer/jen"

// methods lays out what an extension point can do.
func (id identifiers) methods(f *jen.File) {
	p, name, component, entry := jen.Id("p"), jen.Id("name"), jen.Id("component"), jen.Id("e")
	extensions := jen.Id("p").Dot("extensions")
	locked := func(lock, unlock string) jen.Code {
		return jen.Id("p").Dot("mu").Dot(lock).Call().Line().Defer().Id("p").Dot("mu").Dot(unlock).Call()
	}
	reading, writing := locked("RLock", "RUnlock"), locked("Lock", "Unlock")
	method := func(name string) *jen.Statement {
		return f.Func().Params(jen.Id("p").Op("*").Id(id.point).Types(jen.Id("T"))).Id(name)
	}

	doc(f, "Type is the name of the type that the extension point is for.")
	method("Type").Params().String().Block(jen.Return(jen.Add(p).Dot("typ")))

	doc(f, "Register adds component under name; when name is empty, under its own: that of the function, or of its type. It panics, naming",
		"the packages, when the name is taken or when there is nothing to register or no name to register it under. It returns true.")
	method("Register").Params(jen.Id("component").Id("T"), jen.Id("name").String()).Bool().Block(
		jen.Add(p).Dot("register").Call(component, name, jen.Id(id.caller).Call()),
		jen.Return(jen.True()),
	)

	doc(f, "Unregister takes the component off that is registered under name; false when there is none.")
	method("Unregister").Params(jen.Id("name").String()).Bool().Block(
		writing,
		jen.List(jen.Id("_"), jen.Id("ok")).Op(":=").Add(extensions).Index(name),
		jen.Delete(extensions, name),
		jen.Return(jen.Id("ok")),
	)

	doc(f, "Lookup finds the component that is registered under name; ok is false when there is none.")
	method("Lookup").Params(jen.Id("name").String()).Params(jen.Id("component").Id("T"), jen.Id("ok").Bool()).Block(
		reading,
		jen.List(entry, jen.Id("ok")).Op(":=").Add(extensions).Index(name),
		jen.Return(jen.Add(entry).Dot("component"), jen.Id("ok")),
	)

	doc(f, "Package is the path of the Go package that registered name; \"\" when none did.")
	method("Package").Params(jen.Id("name").String()).String().Block(
		reading,
		jen.Return(jen.Add(extensions).Index(name).Dot("pkg")),
	)

	doc(f, "Select finds the components that are registered under names, in that order; names without one are left out.")
	method("Select").Params(jen.Id("names").Index().String()).Index().Id("T").Block(
		reading,
		jen.Var().Id("selected").Index().Id("T"),
		jen.For(jen.List(jen.Id("_"), name).Op(":=").Range().Id("names")).Block(
			jen.If(jen.List(entry, jen.Id("ok")).Op(":=").Add(extensions).Index(name), jen.Id("ok")).Block(
				jen.Id("selected").Op("=").Append(jen.Id("selected"), jen.Add(entry).Dot("component")),
			),
		),
		jen.Return(jen.Id("selected")),
	)

	doc(f, "All are the registered components by name. The map is the caller's own.")
	method("All").Params().Map(jen.String()).Id("T").Block(
		reading,
		jen.Id("all").Op(":=").Make(jen.Map(jen.String()).Id("T"), jen.Len(extensions)),
		jen.For(jen.List(name, entry).Op(":=").Range().Add(extensions)).Block(
			jen.Id("all").Index(name).Op("=").Add(entry).Dot("component"),
		),
		jen.Return(jen.Id("all")),
	)

	doc(f, "Names are the names under which components are registered, sorted.")
	method("Names").Params().Index().String().Block(
		reading,
		jen.Id("names").Op(":=").Make(jen.Index().String(), jen.Lit(0), jen.Len(extensions)),
		jen.For(name.Clone().Op(":=").Range().Add(extensions)).Block(
			jen.Id("names").Op("=").Append(jen.Id("names"), name),
		),
		jen.Qual("slices", "Sort").Call(jen.Id("names")),
		jen.Return(jen.Id("names")),
	)

	registering := func(format string, more ...jen.Code) *jen.Statement {
		args := append([]jen.Code{jen.Lit(format), jen.Id("p").Dot("typ")}, more...)
		return jen.Panic(jen.Qual("fmt", "Sprintf").Call(args...))
	}
	renaming := jen.Null()
	if id.renamed != "" {
		renaming = jen.Id("name").Op("=").Id(id.renamed).Call(jen.Id("p").Dot("typ"), name, jen.Id("pkg"))
	}
	doc(f, "register adds component under name for the package pkg.")
	method("register").Params(jen.Id("component").Id("T"), jen.List(jen.Id("name"), jen.Id("pkg")).String()).Block(
		jen.Id("v").Op(":=").Qual("reflect", "ValueOf").Call(component),
		jen.If(jen.Op("!").Id("v").Dot("IsValid").Call().Op("||").
			Id("v").Dot("Kind").Call().Op("==").Qual("reflect", "Func").Op("&&").Id("v").Dot("IsNil").Call()).Block(
			registering("%s %q is registered as nil by %s", name, jen.Id("pkg")),
		),
		jen.If(name.Clone().Op("==").Lit("")).Block(
			jen.Id("name").Op("=").Id(id.ownName).Call(jen.Id("v")),
		),
		jen.If(name.Clone().Op("==").Lit("")).Block(
			registering("%s is registered without a name by %s, and %T has none of its own", jen.Id("pkg"), component),
		),
		renaming,
		writing,
		jen.If(jen.List(jen.Id("old"), jen.Id("ok")).Op(":=").Add(extensions).Index(name), jen.Id("ok")).Block(
			registering("%s %q is registered twice: by %s and by %s", name, jen.Id("old").Dot("pkg"), jen.Id("pkg")),
		),
		jen.Add(extensions).Index(name).Op("=").Id(id.entry).Types(jen.Id("T")).Values(component, jen.Id("pkg")),
	)

	doc(f, "offer registers component if it fits: if it implements T or is a function of T's signature.")
	method("offer").Params(jen.Id("component").Any(), jen.List(jen.Id("name"), jen.Id("pkg")).String()).Bool().Block(
		jen.List(jen.Id("v"), jen.Id("t")).Op(":=").List(jen.Qual("reflect", "ValueOf").Call(component), jen.Qual("reflect", "TypeFor").Types(jen.Id("T")).Call()),
		jen.If(jen.Op("!").Id("v").Dot("IsValid").Call().Op("||").Op("!").Id("v").Dot("Type").Call().Dot("AssignableTo").Call(jen.Id("t"))).Block(
			jen.Return(jen.False()),
		),
		jen.List(jen.Id("fitting"), jen.Id("ok")).Op(":=").Id("v").Dot("Convert").Call(jen.Id("t")).Dot("Interface").Call().Assert(jen.Id("T")),
		jen.If(jen.Id("ok")).Block(jen.Add(p).Dot("register").Call(jen.Id("fitting"), name, jen.Id("pkg"))),
		jen.Return(jen.Id("ok")),
	)
}

// helpers lays out the functions behind the methods.
func (id identifiers) helpers(f *jen.File) {
	name := func() *jen.Statement { return jen.Id("name") }
	doc(f, id.caller+" is the path of the package that called the function that asks.")
	f.Func().Id(id.caller).Params().String().Block(
		jen.Id("pcs").Op(":=").Make(jen.Index().Uintptr(), jen.Lit(1)),
		jen.Qual("runtime", "Callers").Call(jen.Lit(3), jen.Id("pcs")).Comment("beyond Callers, this function and the one that asks"),
		jen.List(jen.Id("frame"), jen.Id("_")).Op(":=").Qual("runtime", "CallersFrames").Call(jen.Id("pcs")).Dot("Next").Call(),
		name().Op(":=").Id("frame").Dot("Function").Comment("example.com/my.module/pkg%2ev2.init.0"),
		jen.Id("base").Op(":=").Qual("strings", "LastIndexByte").Call(name(), jen.LitRune('/')).Op("+").Lit(1),
		jen.If(jen.Id("dot").Op(":=").Qual("strings", "IndexByte").Call(name().Index(jen.Id("base").Op(":").Empty()), jen.LitRune('.')), jen.Id("dot").Op(">=").Lit(0)).Block(
			name().Op("=").Add(name()).Index(jen.Empty().Op(":").Id("base").Op("+").Id("dot")),
		),
		jen.Return(jen.Qual("strings", "ReplaceAll").Call(name(), jen.Lit("%2e"), jen.Lit("."))),
	)

	doc(f, id.ownName+" is the name of a function or method, else that of the component's type; \"\" for what has no name.")
	f.Func().Id(id.ownName).Params(jen.Id("v").Qual("reflect", "Value")).String().Block(
		jen.Switch(jen.Id("v").Dot("Kind").Call()).Block(
			jen.Case(jen.Qual("reflect", "Func")),
			jen.Case(jen.Qual("reflect", "Pointer")).Block(jen.Return(jen.Id("v").Dot("Type").Call().Dot("Elem").Call().Dot("Name").Call())),
			jen.Default().Block(jen.Return(jen.Id("v").Dot("Type").Call().Dot("Name").Call())),
		),
		name().Op(":=").Qual("runtime", "FuncForPC").Call(jen.Id("v").Dot("Pointer").Call()).Dot("Name").Call(),
		jen.Id("parts").Op(":=").Qual("strings", "Split").Call(
			name().Index(jen.Qual("strings", "LastIndexByte").Call(name(), jen.LitRune('/')).Op("+").Lit(1).Op(":").Empty()), jen.Lit(".")),
		jen.List(jen.Id("last"), jen.Id("isMethod")).Op(":=").Qual("strings", "CutSuffix").Call(jen.Id("parts").Index(jen.Len(jen.Id("parts")).Op("-").Lit(1)), jen.Lit("-fm")),
		jen.If(jen.Len(jen.Id("parts")).Op(">").Lit(2).Op("&&").Op("!").Id("isMethod")).Block(
			jen.Return(jen.Lit("")).Comment("a function literal"),
		),
		jen.Return(jen.Id("last")),
	)
}
