// Command bench runs Go benchmarks and prints each figure beside its floor: what the same work costs at least.
//
//	bench [FLAG...] PACKAGE...
//
// The flags are those of go test. The output of the benchmarks goes to stderr as it comes, the table to stdout at the end. The exit code is that of go test.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
)

func main() {
	code, err := run(context.Background(), os.Args[1:], os.Stdout, os.Stderr)
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "bench:", err)
	}
	os.Exit(code)
}

func run(ctx context.Context, flagsAndPackages []string, stdout, stderr io.Writer) (int, error) {
	// One package at a time: two would measure each other.
	args := append([]string{"test", "-p", "1", "-run", "^$", "-bench", ".", "-benchmem", "-timeout", "30m"}, flagsAndPackages...)
	cmd := exec.CommandContext(ctx, "go", args...) //nolint:gosec // packages that the Makefile names
	cmd.Stderr = stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 1, err
	}
	if err := cmd.Start(); err != nil {
		return 1, err
	}
	var results results
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		_, _ = fmt.Fprintln(stderr, lines.Text())
		results.add(lines.Text())
	}
	err = errors.Join(lines.Err(), cmd.Wait())
	if writeErr := results.write(stdout); err == nil {
		err = writeErr
	}
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return exit.ExitCode(), nil // go test has said why
	}
	if err != nil {
		return 1, err
	}
	return 0, nil
}
