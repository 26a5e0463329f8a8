// Package foreground runs a binary as if the user had started it, and, where that is wanted, a new one whenever its source has changed.
package foreground

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"time"
)

const (
	// stopGrace is how long a binary may take to stop before it is killed: longer than the agent's own default.
	stopGrace = 30 * time.Second
	// signalGrace is how long a signal that ended the context may take to arrive here, too.
	signalGrace = 200 * time.Millisecond
	// often is how often files are looked at.
	often = 300 * time.Millisecond
)

// Built is a binary that was made.
type Built struct {
	SHA256 string
	Watch  []string // files and directories whose change makes another
}

// Runner builds and runs. Its fields are set once.
type Runner struct {
	// Build makes the binary at path. With an error it may still say what to watch.
	Build func(ctx context.Context, path string) (Built, error)
	// Dir is where binaries go; its owner removes it.
	Dir  string
	Name string // of the binary's file

	Args    []string // of the binary
	Environ []string
	Stdin   io.Reader
	Stdout  io.Writer
	Stderr  io.Writer

	// Signals are passed on to the binary. Terminal says that an interrupt comes from the terminal, which has sent it to the binary as well.
	Signals  <-chan os.Signal
	Terminal bool
	// Tell gets a line for the user about what goes on while files are watched.
	Tell func(line string)

	// Interval is how often files are looked at; 0 is 300 ms.
	Interval time.Duration

	builds int
}

// Run builds the binary, runs it and returns its exit code. When ctx ends, the binary is asked to stop and waited for.
func (r *Runner) Run(ctx context.Context) (code int, err error) {
	path, _, err := r.build(ctx)
	if err != nil {
		return 0, err
	}
	p, err := r.start(path)
	if err != nil {
		return 0, err
	}
	r.wait(ctx, p, nil)
	return p.code, nil
}

// Watch does the same, and builds and starts again whenever what Build said to watch has changed. A build that fails leaves the binary that runs
// alone; one that gives the same bytes, too. It returns when ctx ends or a signal comes.
func (r *Runner) Watch(ctx context.Context) (code int, err error) {
	var p *process
	var running string // the digest of what runs
	var watch []string
	for {
		before := fingerprint(watch) // of what this build reads, or an older state
		path, built, err := r.build(ctx)
		if !slices.Equal(built.Watch, watch) {
			watch = built.Watch
			before = fingerprint(watch)
		}
		switch {
		case ctx.Err() != nil:
		case err != nil && len(watch) == 0:
			r.end(p)
			return 0, err
		case err != nil:
			r.Tell(fmt.Sprintf("build failed: %v", err))
			if p.alive() {
				r.Tell("the binary built before runs on")
			}
		case built.SHA256 == running && p.alive():
			r.Tell("the binary is the same: it runs on")
		default:
			if p.alive() {
				r.Tell("restart")
			}
			r.end(p)
			old := p
			if p, err = r.start(path); err != nil {
				return 0, err
			}
			old.remove()
			running, path = built.SHA256, ""
		}
		if path != "" { // it was not started
			_ = os.RemoveAll(filepath.Dir(path))
		}
		if !r.change(ctx, p, watch, before) {
			if p == nil {
				return 0, ctx.Err()
			}
			return p.code, nil
		}
	}
}

// build makes the next binary, each in a directory of its own: the one before may still run.
func (r *Runner) build(ctx context.Context) (path string, built Built, err error) {
	r.builds++
	dir := filepath.Join(r.Dir, strconv.Itoa(r.builds))
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return "", Built{}, err
	}
	path = filepath.Join(dir, r.Name)
	built, err = r.Build(ctx, path)
	return path, built, err
}

// change waits for a change of files, and tells of a binary that ends meanwhile; false when it is to end all, and the binary has ended.
func (r *Runner) change(ctx context.Context, p *process, watch []string, seen string) bool {
	changed := make(chan struct{})
	looking, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		if awaitChange(looking, cmp.Or(r.Interval, often), watch, seen) {
			close(changed)
		}
	}()
	return r.wait(ctx, p, changed)
}

// wait passes signals on until the binary has ended or, where files are watched, something has changed, which it then reports.
func (r *Runner) wait(ctx context.Context, p *process, changed <-chan struct{}) bool {
	ended := p.ended()
	ctxDone := ctx.Done()
	for {
		select {
		case <-ended:
			if changed == nil || ctx.Err() != nil {
				return false
			}
			if !p.told {
				r.Tell(fmt.Sprintf("the binary ended with exit code %d; waiting for a change", p.code))
			}
			p.told, ended = true, nil
		case s := <-r.Signals:
			r.pass(p, s)
			if !p.alive() {
				return false
			}
			changed, ended, ctxDone = nil, p.ended(), nil
		case <-ctxDone:
			select {
			case s := <-r.Signals:
				r.pass(p, s)
			case <-time.After(signalGrace):
				p.stop()
			}
			if !p.alive() {
				return false
			}
			changed, ended, ctxDone = nil, p.ended(), nil
		case <-changed:
			return true
		}
	}
}

func (r *Runner) pass(p *process, s os.Signal) {
	switch {
	case s == os.Interrupt && r.Terminal: // it has got it
	case s == os.Interrupt:
		p.signal(s)
	default:
		p.stop()
	}
}

// end stops the binary and waits until it has ended.
func (r *Runner) end(p *process) {
	if !p.alive() {
		return
	}
	p.stop()
	timeout := time.NewTimer(stopGrace)
	defer timeout.Stop()
	select {
	case <-p.done:
	case <-timeout.C:
		r.Tell(fmt.Sprintf("the binary does not stop within %s: it is killed", stopGrace))
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

// process is a binary that was started. A nil process has ended.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	code int           // then
	told bool          // that it has ended
}

func (r *Runner) start(path string) (*process, error) {
	p := &process{cmd: exec.Command(path, r.Args...), done: make(chan struct{})} //nolint:noctx // it is asked to stop, not killed
	p.cmd.Env = r.Environ
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = r.Stdin, r.Stdout, r.Stderr
	p.cmd.WaitDelay = time.Second // for a reader of its stdin that never ends
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the binary: %w", err)
	}
	go func() {
		defer close(p.done)
		_ = p.cmd.Wait() // the exit code tells
		p.code = exitCode(p.cmd.ProcessState)
	}()
	return p, nil
}

func (p *process) alive() bool {
	if p == nil {
		return false
	}
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// ended is closed when the process has ended; nil, which never is, for a nil process.
func (p *process) ended() <-chan struct{} {
	if p == nil {
		return nil
	}
	return p.done
}

func (p *process) signal(s os.Signal) {
	if p.alive() {
		_ = p.cmd.Process.Signal(s) // it has just ended
	}
}

// remove takes away the file of a process that has ended.
func (p *process) remove() {
	if p != nil {
		_ = os.RemoveAll(filepath.Dir(p.cmd.Path))
	}
}

// stop asks the process to end.
func (p *process) stop() {
	if p.alive() && p.cmd.Process.Signal(terminate) != nil {
		_ = p.cmd.Process.Kill() // where there are no signals
	}
}
