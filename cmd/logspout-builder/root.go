package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gliderlabs/logspout-builder/generator/gotool"
)

// process is what the commands know of the process they run in.
type process struct {
	args    []string // without the program's name
	environ []string // "NAME=value"
	stdin   io.Reader
	stdout  io.Writer // results only
	stderr  io.Writer // progress and everything else

	registries *[]string // files and addresses of registries beside the builder's own, once the flags are read
}

// Exit codes, as documented in docs/builder.md.
const (
	exitFailure  = 1
	exitUsage    = 2
	exitManifest = 3
	exitVerify   = 6
)

// coded is an error that knows the exit code it stands for. *exec.ExitError knows that of another process: it wraps nothing.
type coded interface {
	error
	ExitCode() int
	Unwrap() error
}

// exitStatusError ends the process with the exit code of a program that it ran.
type exitStatusError int

func (e exitStatusError) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// run executes one command line and returns the process's exit code.
func run(ctx context.Context, p process) int {
	started := false // what fails before a command's own code runs is a wrong command line
	root := newRootCommand(p)
	root.PersistentPreRun = func(*cobra.Command, []string) { started = true }
	root.SetArgs(p.args)
	root.SetIn(p.stdin)
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)
	root.InitDefaultCompletionCmd() // it keeps the root's stdout
	for _, cmd := range root.Commands() {
		if cmd.Name() == "completion" { // else it takes any argument, and prints its help for it
			cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
		}
	}

	command, err := root.ExecuteContextC(ctx)
	if err == nil {
		return 0
	}
	if ended, ok := errors.AsType[exitStatusError](err); ok {
		return int(ended) // of another program, which has said what there was to say
	}
	if ctx.Err() != nil {
		err = errors.New("interrupted")
	}
	if !started {
		err = usage(command, err)
	}
	_, _ = fmt.Fprintf(p.stderr, "logspout-builder: %s\n", gotool.NewSecrets(p.environ).Hide(err.Error()+nextForMachine(p, err)))
	if !started && exitCode(err) == exitFailure {
		_, _ = fmt.Fprintf(p.stderr, "see '%s --help'\n", command.CommandPath())
		return exitUsage
	}
	return exitCode(err)
}

// exitCode is the exit code that an error stands for.
func exitCode(err error) int {
	if c, ok := errors.AsType[coded](err); ok {
		return c.ExitCode()
	}
	return exitFailure
}

func newRootCommand(p process) *cobra.Command {
	p.registries = new([]string)
	root := &cobra.Command{
		Use:           "logspout-builder",
		Short:         "Build logspout with exactly the modules you want",
		Args:          cobra.NoArgs,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.PersistentFlags().StringArrayVar(p.registries, "registry", strings.Fields(p.getenv("LOGSPOUT_BUILDER_REGISTRY")),
		"take names from this registry, too: a `FILE` or https:// address")
	root.AddCommand(
		newExtpointsCommand(),
		newBuildCommand(p),
		newGenerateCommand(p),
		newLockCommand(p),
		newOutdatedCommand(p),
		newFetchCommand(p),
		newBundleCommand(p),
		newNewCommand(p),
		newCoreCommand(p),
		newInitCommand(p),
		newAddCommand(p),
		newRemoveCommand(p),
		newUpgradeCommand(p),
		newLintCommand(p),
		newModulesCommand(p),
		newRegistryCommand(p),
		newRunCommand(p),
		newTestCommand(p),
		newInspectCommand(p),
		newSizeCommand(p),
		newSBOMCommand(p),
		newAuditCommand(p),
		newVerifyCommand(p),
		newDoctorCommand(p),
		newDocsCommand(p),
		newVersionCommand(),
	)
	return root
}
