package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/gliderlabs/logspout-builder/generator/wholefile"
)

func newDocsCommand(p process) *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:                   "docs man|completions -o DIR",
		Short:                 "Write man pages, or completions for every shell, into a directory",
		ValidArgs:             []cobra.Completion{"man", "completions"},
		Args:                  cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if dir == "" {
				return codedError{errors.New("docs needs a directory: -o DIR"), exitUsage}
			}
			if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // for everyone whom umask lets read
				return err
			}
			files, err := docFiles(cmd.Root(), args[0])
			if err != nil {
				return err
			}
			for name, text := range files {
				if err := wholefile.Write(filepath.Join(dir, name), text, 0o644); err != nil {
					return err
				}
			}
			_, err = fmt.Fprintln(p.stdout, dir)
			return err
		},
	}
	cmd.Flags().StringVarP(&dir, "output", "o", "", "`directory` to write into; made when it is not there")
	_ = cmd.MarkFlagDirname("output") // the flag is there
	return cmd
}

// docFiles are the files of a kind: a page for each command, or a script for each shell.
func docFiles(root *cobra.Command, kind string) (map[string][]byte, error) {
	files := map[string][]byte{}
	if kind == "man" {
		manPages(root, files)
		return files, nil
	}
	var bash, zsh, fish, powershell bytes.Buffer
	err := errors.Join(root.GenBashCompletionV2(&bash, true), root.GenZshCompletion(&zsh), root.GenFishCompletion(&fish, true),
		root.GenPowerShellCompletionWithDesc(&powershell))
	name := root.Name()
	files[name+".bash"], files["_"+name], files[name+".fish"], files[name+".ps1"] = bash.Bytes(), zsh.Bytes(), fish.Bytes(), powershell.Bytes()
	return files, err
}

// manPages adds the pages of a command and of those below it.
func manPages(cmd *cobra.Command, files map[string][]byte) {
	files[pageName(cmd)+".1"] = manPage(cmd)
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			manPages(sub, files)
		}
	}
}

func pageName(cmd *cobra.Command) string { return strings.ReplaceAll(cmd.CommandPath(), " ", "-") }

// manPage is a command's page for man(1), in the macros of man(7).
func manPage(cmd *cobra.Command) []byte {
	var b bytes.Buffer
	line := func(format string, args ...any) { _, _ = fmt.Fprintf(&b, format+"\n", args...) }
	line(".TH %s 1 \"\" logspout-builder \"User Commands\"", strings.ToUpper(troff(pageName(cmd))))
	line(".SH NAME\n%s \\- %s", troff(pageName(cmd)), troff(cmd.Short))
	line(".SH SYNOPSIS\n.B %s", troff(cmd.UseLine()))
	if cmd.Long != "" {
		line(".SH DESCRIPTION")
		paragraphs(&b, cmd.Long)
	}
	options := func(title string, flags *pflag.FlagSet) {
		if !flags.HasAvailableFlags() {
			return
		}
		line(".SH %s", title)
		flags.VisitAll(func(f *pflag.Flag) {
			if f.Hidden {
				return
			}
			value, usage := pflag.UnquoteUsage(f)
			name := "--" + f.Name
			if f.Shorthand != "" {
				name = "-" + f.Shorthand + ", " + name
			}
			line(".TP\n\\fB%s\\fR \\fI%s\\fR\n%s", troff(name), troff(value), troff(usage))
		})
	}
	options("OPTIONS", cmd.NonInheritedFlags())
	options("GLOBAL OPTIONS", cmd.InheritedFlags())
	if cmd.Example != "" {
		line(".SH EXAMPLES\n.nf")
		for text := range strings.Lines(cmd.Example) {
			line("%s", troff(strings.TrimRight(text, "\n")))
		}
		line(".fi")
	}
	line(".SH EXIT STATUS\n0 done, 1 the machine is at fault, 2 the command line, 3 the manifest, 4 resolution or inspection, 5 compiling, 6 verification.")
	var others []string
	if cmd.HasParent() {
		others = append(others, pageName(cmd.Parent()))
	}
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			others = append(others, pageName(sub))
		}
	}
	if len(others) > 0 {
		line(".SH SEE ALSO")
		for i, name := range others {
			end := ","
			if i == len(others)-1 {
				end = ""
			}
			line(".BR %s (1)%s", troff(name), end)
		}
	}
	return b.Bytes()
}

// paragraphs writes text whose paragraphs are parted by empty lines.
func paragraphs(b *bytes.Buffer, text string) {
	for text := range strings.Lines(strings.TrimSpace(text)) {
		text = strings.TrimRight(text, "\n")
		if text == "" {
			text = ".PP"
		} else {
			text = troff(text)
		}
		b.WriteString(text + "\n")
	}
}

// troff is text that says itself in a page: no character of it is a request.
func troff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "\n", " ").Replace(text)
	if strings.HasPrefix(text, ".") || strings.HasPrefix(text, "'") {
		text = `\&` + text
	}
	return text
}
