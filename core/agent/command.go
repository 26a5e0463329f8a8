package agent

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/gliderlabs/logspout-builder/core"
)

// program is one run of the binary.
type program struct {
	process Process
	build   Build
	ext     *extensions
	sys     system
	vars    core.Vars
}

// main runs the command that the arguments ask for.
func (p *program) main(ctx context.Context) int {
	args := p.process.Args
	if len(args) > 0 {
		switch args[0] {
		case "--version", "-version", "-v":
			return p.printed(p.printVersion(p.process.Stdout))
		case "--help", "-help", "-h", "help":
			return p.printed(p.printHelp(p.process.Stdout))
		case "modules":
			return p.modules(args[1:])
		case "check":
			if problem := p.misplaced(args[1:]); problem != "" {
				return p.usage(problem)
			}
			return p.check(ctx, args[1:])
		}
	}
	if problem := p.misplaced(args); problem != "" {
		return p.usage(problem)
	}
	return p.forward(ctx, args)
}

// misplaced says what is wrong with arguments that should all be route URIs, "" when nothing is.
func (p *program) misplaced(args []string) string {
	for _, arg := range args {
		switch {
		case strings.HasPrefix(arg, "-"):
			return fmt.Sprintf("unknown flag %q", arg)
		case strings.Contains(arg, "://"), strings.Contains(arg, "$"):
		default:
			text := fmt.Sprintf("%q is neither a command nor a route URI (adapter[+transport]://host:port)", arg)
			if near := core.Nearest(arg, []string{"modules", "check", "help"}); near != "" {
				text += fmt.Sprintf("; did you mean %q?", near)
			}
			return text
		}
	}
	return ""
}

func (p *program) usage(problem string) int {
	_, _ = fmt.Fprintf(p.process.Stderr, "%s: %s\n%s", p.build.Name, problem, p.usageText())
	return exitUsage
}

// problems prints what is wrong with the configuration, a line each.
func (p *program) problems(err error) int {
	list := flatten(err)
	_, _ = fmt.Fprintf(p.process.Stderr, "%s: %d %s:\n", p.build.Name, len(list), plural(len(list), "problem", "problems"))
	for _, e := range list {
		_, _ = fmt.Fprintf(p.process.Stderr, "  %s\n", strings.ReplaceAll(e.Error(), "\n", "; "))
	}
	return exitError
}

// flatten takes joined errors apart, as far as nothing was wrapped around them.
func flatten(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var list []error
		for _, e := range joined.Unwrap() {
			list = append(list, flatten(e)...)
		}
		return list
	}
	return []error{err}
}

// printed is the exit code of a command that only prints.
func (p *program) printed(err error) int {
	if err != nil {
		_, _ = fmt.Fprintf(p.process.Stderr, "%s: %v\n", p.build.Name, err)
		return exitError
	}
	return exitOK
}

func (p *program) printVersion(w io.Writer) error {
	version := p.build.Version
	if version == "" {
		version = "(no version)"
	}
	_, err := fmt.Fprintf(w, "%s %s (core %s)\n", p.build.Name, version, orUnknown(p.build.Core))
	return err
}

func orUnknown(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}

func (p *program) usageText() string {
	return strings.ReplaceAll(`usage:
  @ [URI[,URI...]...]        forward logs to these routes; without any to those of ROUTE_URIS
  @ check [URI[,URI...]...]  report all that is wrong with routes and environment, connecting to nothing
  @ modules [--json]         list what this binary was built with
  @ --version
  @ --help
`, "@", p.build.Name)
}

func (p *program) printHelp(w io.Writer) error {
	var b strings.Builder
	b.WriteString(p.usageText())
	b.WriteString("\nroute: [processor+]...adapter[+transport]://[user[:password]@]host[:port][/path][?option=value&...]\n" +
		"  filter.id, filter.name, filter.sources, filter.labels   which lines it wants; \"!\" excludes\n" +
		"  full=drop|block   when the journal is full: the oldest lines are dropped and counted, or reading waits\n" +
		"\nenvironment (modules read more, see their own pages):\n")
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, v := range variables {
		text := v.text
		if v.value != "" {
			text += " (default " + v.value + ")"
		}
		_, _ = fmt.Fprintf(table, "  %s\t%s\n", v.name, text)
	}
	_ = table.Flush()
	_, err := io.WriteString(w, b.String())
	return err
}

// modules lists the extensions.
func (p *program) modules(args []string) int {
	switch {
	case len(args) == 0:
		table := tabwriter.NewWriter(p.process.Stdout, 0, 0, 2, ' ', 0)
		_, _ = fmt.Fprintln(table, "POINT\tNAME\tPACKAGE")
		for _, e := range p.ext.list() {
			_, _ = fmt.Fprintf(table, "%s\t%s\t%s\n", e.Point, e.Name, e.Package)
		}
		return p.printed(table.Flush())
	case len(args) == 1 && args[0] == "--json":
		encoder := json.NewEncoder(p.process.Stdout)
		encoder.SetIndent("", "  ")
		encoder.SetEscapeHTML(false)
		return p.printed(encoder.Encode(struct {
			Name       string   `json:"name"`
			Version    string   `json:"version"`
			Core       string   `json:"core"`
			Digest     string   `json:"digest"`
			Manifest   string   `json:"manifest"`
			Lock       string   `json:"lock"`
			Extensions []listed `json:"extensions"`
		}{p.build.Name, p.build.Version, p.build.Core, p.build.Digest, p.build.Manifest, p.build.Lock, p.ext.list()}))
	}
	return p.usage(fmt.Sprintf("modules: unknown argument %q", strings.Join(args, " ")))
}
