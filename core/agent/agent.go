// Package agent is the runtime of a logspout binary: its command line and configuration, the routes and their delivery
// loops, the supervision of log routers and jobs, the HTTP server, and the order in which all of it starts and stops.
package agent

import (
	"context"
	"io"
	"maps"
	"os"
	"runtime/debug"

	"github.com/gliderlabs/logspout-builder/core"
)

// Process is what a program gets from the system. Main reads it once and hands it down.
type Process struct {
	Args    []string // without the program's name
	Environ []string // "NAME=value"
	Stdin   io.Reader
	Stdout  io.Writer
	Stderr  io.Writer
}

// Build is what the builder wrote into this binary.
type Build struct {
	Name    string            // of the binary, from its manifest; "" is "logspout"
	Version string            // of the binary, from its manifest
	Core    string            // the version of the core that it was built from
	Env     map[string]string // defaults under the real environment
	Routes  []string          // used when neither arguments nor ROUTE_URIS name any
	// What the binary was made from, each "sha256:..." or "": the plan with its build list, what the manifest asks for, and the lock.
	Digest, Manifest, Lock string
}

// Exit codes of Run.
const (
	exitOK    = 0 // done as asked; lines that could not be delivered at stop are logged and counted, and change nothing here
	exitError = 1 // wrong configuration, or something that could not start
	exitUsage = 2 // the command line was not understood
)

// system is what of the machine a test replaces.
type system struct {
	// hostname is the file that names the host.
	hostname string
	// interrupts gives the signals that come after ctx has ended, and a function that stops them; nil gives none.
	interrupts func() (<-chan os.Signal, func())
	// collect sets how much garbage there may be, in percent of the memory in use; nil leaves it.
	collect func(percent int) int
}

// Run is the whole program behind main: it runs the command line's command, by default the forwarder until ctx ends or every
// log router has nothing more to read, and returns the exit code.
func Run(ctx context.Context, process Process, build Build) int {
	return run(ctx, process, build, linkedExtensions(), system{
		hostname: "/etc/host_hostname", interrupts: notifyInterrupts, collect: debug.SetGCPercent,
	})
}

func run(ctx context.Context, process Process, build Build, ext *extensions, sys system) int {
	if build.Name == "" {
		build.Name = "logspout"
	}
	p := &program{process: process, build: build, ext: ext, sys: sys}
	p.vars = make(core.Vars, len(build.Env))
	maps.Copy(p.vars, build.Env)
	maps.Copy(p.vars, core.ParseVars(process.Environ))
	return p.main(ctx)
}
