package inspect

import (
	"go/doc"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/gliderlabs/logspout-builder/generator/manifest"
)

// ReadmeOptions are the options that a module's README lists: the rows of the tables in its section Options whose first column is headed
// "option" or "variable", with the columns "default", "type" and "environment" where there are such. The last column describes.
func ReadmeOptions(readme string) []manifest.Option {
	var options []manifest.Option
	var head []string
	inSection := false
	for line := range strings.Lines(readme) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "## ") {
			inSection, head = strings.EqualFold(strings.TrimSpace(line[3:]), "options"), nil
			continue
		}
		if !inSection || !strings.HasPrefix(line, "|") {
			head = nil
			continue
		}
		cells := tableCells(line)
		switch {
		case strings.Trim(line, "|-: ") == "" && head != nil: // below the head
		case head == nil:
			for _, cell := range cells {
				head = append(head, strings.ToLower(cell))
			}
		case head[0] == "option" || head[0] == "variable" || head[0] == "environment":
			if o, ok := readmeOption(head, cells); ok {
				options = append(options, o)
			}
		}
	}
	return options
}

// cellEnd parts the cells of a table's row; a bar within a cell is escaped.
var cellEnd = regexp.MustCompile(`(\\\||[^|])*\|`)

func tableCells(line string) []string {
	var cells []string
	for _, cell := range cellEnd.FindAllString(strings.TrimPrefix(line, "|"), -1) {
		cell = strings.ReplaceAll(strings.TrimSuffix(cell, "|"), `\|`, "|")
		cells = append(cells, strings.TrimSpace(cell))
	}
	return cells
}

var (
	optionName  = regexp.MustCompile("^`?([A-Za-z][A-Za-z0-9_.-]*)`?$")
	optionTypes = []string{"bool", "duration", "enum", "float", "int", "list", "path", "regexp", "secret", "size", "string", "template", "url"} //nolint:gochecknoglobals // constant
)

func readmeOption(head, cells []string) (manifest.Option, bool) {
	m := optionName.FindStringSubmatch(cells[0])
	if m == nil {
		return manifest.Option{}, false
	}
	o := manifest.Option{Name: m[1], Type: "string"}
	if head[0] != "option" {
		o.Name, o.Env = "", m[1]
	}
	for i := 1; i < min(len(head), len(cells)); i++ {
		text := strings.Trim(cells[i], "`")
		switch head[i] {
		case "default":
			if o.Default = text; cells[i] == "-" || cells[i] == "--" { // none
				o.Default = ""
			}
		case "type":
			if slices.Contains(optionTypes, text) {
				o.Type = text
			}
		case "environment", "variable":
			if optionName.MatchString(text) {
				o.Env = text
			}
		default:
			o.Description = strings.ReplaceAll(cells[i], "`", "")
		}
	}
	switch {
	case o.Type != "string":
	case o.Default == "true", o.Default == "false":
		o.Type = "bool"
	case regexp.MustCompile(`^\d+(ms|s|m|h)$`).MatchString(o.Default):
		o.Type = "duration"
	case regexp.MustCompile(`^\d+$`).MatchString(o.Default):
		o.Type = "int"
	}
	return o, o.Description != ""
}

// Synopsis is the first sentence of the documentation of a package, without "Package name"; "" when there is none.
func Synopsis(module fs.FS, dir string) string {
	names, err := fs.Glob(module, path.Join(dir, "*.go"))
	if err != nil {
		return ""
	}
	for _, name := range names {
		source, err := fs.ReadFile(module, name)
		if err != nil || strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, source, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil || f.Doc == nil {
			continue
		}
		if text := new(doc.Package).Synopsis(f.Doc.Text()); text != "" {
			text = strings.TrimPrefix(text, "Package "+f.Name.Name+" ")
			return strings.TrimSuffix(text, ".")
		}
	}
	return ""
}
