package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/gliderlabs/logspout-builder/generator/nearest"
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
		if near := nearest.Name(m[1], flags); near != "" {
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
	if near := nearest.Name(m[1], names); near != "" {
		return fmt.Errorf("unknown command %q; did you mean %q?", m[1], near)
	}
	if command.Name() == "modules" {
		return fmt.Errorf("unknown command %q (there is: %s); did you mean \"modules info %s\"?", m[1], strings.Join(names, ", "), m[1])
	}
	return fmt.Errorf("unknown command %q (there is: %s)", m[1], strings.Join(names, ", "))
}

// nextForMachine is the next step for what a machine's file system refuses, "" for all else.
func nextForMachine(p process, err error) string {
	const elsewhere = "let GOCACHE, GOMODCACHE, TMPDIR and LOGSPOUT_BUILDER_CACHE point elsewhere"
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
	case errors.Is(err, fs.ErrPermission):
		return nextForPermission(p, err)
	}
	return ""
}

// nextForPermission says of which file or directory the permissions are in the way, what they are, and what else could be done. It looks
// for what is there: a file, the directory that a new one was to be in, or a directory on the way.
func nextForPermission(p process, err error) string {
	path := ""
	if failed, ok := errors.AsType[*fs.PathError](err); ok {
		path = failed.Path
	} else if failed, ok := errors.AsType[*os.LinkError](err); ok { // a file that was to get its name
		path = filepath.Dir(failed.New)
	}
	if path == "" {
		return ""
	}
	user := "this user"
	if uid := os.Getuid(); uid >= 0 {
		user = fmt.Sprintf("this user (uid %d)", uid)
	}
	at, verb := path, "read"
	info, statErr := os.Lstat(at)
	switch {
	case statErr == nil && info.IsDir():
		verb = "use"
	case errors.Is(statErr, fs.ErrPermission):
		verb = "enter"
	case statErr != nil:
		verb = "write to"
	}
	for statErr != nil && filepath.Dir(at) != at {
		at = filepath.Dir(at)
		info, statErr = os.Lstat(at)
	}
	if statErr != nil {
		return ""
	}
	next := fmt.Sprintf("\nnext: let %s %s %s (its mode is %s)", user, verb, at, info.Mode())
	caches, cacheErr := p.cacheDir()
	switch {
	case cacheErr == nil && isBelow(caches, path):
		return next + ", or let LOGSPOUT_BUILDER_CACHE name another directory"
	case isBelow(os.TempDir(), path) && strings.Contains(path, "logspout-builder-"):
		return next + ", or let TMPDIR name another directory"
	case verb == "write to", verb == "use":
		return next + ", or name another place (-o, for a lock --lock)"
	}
	return next
}

// isBelow tells whether a path is a directory or in it.
func isBelow(dir, path string) bool {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return false
	}
	relative, err := filepath.Rel(dir, absolute)
	return err == nil && relative != ".." && !strings.HasPrefix(relative, ".."+string(filepath.Separator))
}
