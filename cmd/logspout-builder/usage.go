package main

import (
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/gliderlabs/logspout-builder/generator/manifest"
)

var (
	unknownCommand = regexp.MustCompile(`^unknown command "(.*)" for `)
	unknownFlag    = regexp.MustCompile(`^unknown flag: --(\S+)`)
	argumentCount  = regexp.MustCompile(`^(?:requires at least|accepts(?: at most)?) \d+ arg\(s\), (?:only )?received (\d+)$`)
)

// usage is what is wrong with a command line, and what was probably meant.
func usage(command *cobra.Command, err error) error {
	if m := unknownFlag.FindStringSubmatch(err.Error()); m != nil {
		var flags []string
		command.Flags().VisitAll(func(f *pflag.Flag) { flags = append(flags, f.Name) })
		if near := manifest.Nearest(m[1], flags); near != "" {
			return fmt.Errorf("%w; did you mean --%s?", err, near)
		}
		return err
	}
	if m := argumentCount.FindStringSubmatch(err.Error()); m != nil {
		found := m[1]
		if found == "0" {
			found = "none"
		}
		return fmt.Errorf("wrong number of arguments, found %s: want %s", found, command.UseLine())
	}
	m := unknownCommand.FindStringSubmatch(err.Error())
	if m == nil {
		return err
	}
	if !command.HasAvailableSubCommands() {
		hint := ""
		if command.Flags().Lookup("with") != nil {
			hint = "; did you mean --with " + m[1] + "?"
		}
		return fmt.Errorf("%s takes no argument, found %q%s", command.Name(), m[1], hint)
	}
	var names []string
	for _, c := range command.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	if near := manifest.Nearest(m[1], names); near != "" {
		return fmt.Errorf("unknown command %q; did you mean %q?", m[1], near)
	}
	if command.Name() == "modules" {
		return fmt.Errorf("unknown command %q (there is: %s); did you mean \"modules info %s\"?", m[1], strings.Join(names, ", "), m[1])
	}
	return fmt.Errorf("unknown command %q (there is: %s)", m[1], strings.Join(names, ", "))
}

// nextForMachine is the next step for what a machine's file system refuses, "" for all else.
func nextForMachine(err error) string {
	const elsewhere = "let GOCACHE, GOMODCACHE, TMPDIR and LOGSPOUT_BUILDER_CACHE point elsewhere"
	var failed *fs.PathError
	switch {
	case strings.Contains(err.Error(), "\nnext: "):
		return ""
	case errors.Is(err, syscall.ENOSPC):
		return "\nnext: the disk is full: make room, or " + elsewhere
	case errors.Is(err, syscall.EDQUOT):
		return "\nnext: the quota is used up: make room, or " + elsewhere
	case errors.Is(err, syscall.EFBIG):
		return "\nnext: files must not be that large here: raise the limit (ulimit -f), or " + elsewhere
	case errors.Is(err, syscall.EROFS):
		return "\nnext: the file system is read-only: write elsewhere with -o, or " + elsewhere
	case errors.As(err, &failed) && errors.Is(err, fs.ErrPermission):
		return "\nnext: this user must not: change the permissions of " + failed.Path + ", or " + elsewhere
	}
	return ""
}
