package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	readyTime = 20 * time.Second // that the forwarder may take until it listens
	stopTime  = 20 * time.Second // that it may take to end
)

// build runs the builder; its progress goes to stderr.
func build(ctx context.Context, o options, dir string, stderr io.Writer) (binary string, err error) {
	var stdout bytes.Buffer
	cmd := exec.CommandContext(ctx, o.builder, "build", "-f", o.manifest, "-o", dir+string(filepath.Separator)) //nolint:forbidigo // running the builder is what is shown
	cmd.Stdout, cmd.Stderr = &stdout, stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = stopTime
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s: %w", strings.Join(cmd.Args, " "), err)
	}
	return strings.TrimSpace(stdout.String()), nil
}

// forwarder is the logspout that was built, running.
type forwarder struct {
	cmd   *exec.Cmd
	log   forwarderLog
	ended chan struct{} // closed once the process has ended
	err   error         // read after ended
	self  bool          // it ends by itself, when its input does
}

// start runs the binary with nothing in its environment but what is said here.
func start(ctx context.Context, binary, dir, route string, s *source) (*forwarder, error) {
	f := &forwarder{ended: make(chan struct{}), self: s.stdin != nil}
	f.log.ready = make(chan struct{})
	f.cmd = exec.CommandContext(context.WithoutCancel(ctx), binary, route) //nolint:forbidigo // running what was built is what is shown
	f.cmd.Env = append(s.env, "PORT=0", "HTTP_BIND_ADDRESS=127.0.0.1", "LOG_FORMAT=json", "ROUTESPATH="+filepath.Join(dir, "no-routes"))
	f.cmd.Stdin, f.cmd.Stderr = s.stdin, &f.log
	f.cmd.WaitDelay = time.Second
	if err := f.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", binary, err)
	}
	go func() {
		defer close(f.ended)
		f.err = f.cmd.Wait()
	}()
	return f, nil
}

// watch runs what needs the forwarder once that is ready, and then ends the forwarder in good order. An end of the forwarder before its
// time, and the timeout, end it.
func (f *forwarder) watch(ctx context.Context, timeout time.Duration, work func(context.Context) (*tally, error)) (*tally, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("not all lines arrived within %s", timeout))
	defer cancel()
	if !f.self {
		select {
		case <-f.log.ready:
		case <-f.ended:
			return nil, f.failure("ended at its start")
		case <-time.After(readyTime):
			return nil, f.failure("is not ready")
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	working, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	finished := make(chan struct{})
	var result *tally
	var err error
	go func() {
		defer close(finished)
		result, err = work(working)
	}()
	select {
	case <-finished:
	case <-f.ended:
		if !f.self || f.err != nil {
			stop(f.failure("ended before its time"))
		}
		<-finished
	}
	if err != nil {
		return result, errors.Join(err, f.failure("said"))
	}
	return result, f.stop(ctx)
}

// stop ends the forwarder as an init system does, and makes sure that it ends well.
func (f *forwarder) stop(ctx context.Context) error {
	if !f.self {
		_ = f.cmd.Process.Signal(syscall.SIGTERM)
	}
	select {
	case <-f.ended:
	case <-time.After(stopTime):
		return f.failure("does not stop")
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if f.err != nil {
		return f.failure("ended badly")
	}
	return nil
}

// kill ends it at once, if it still runs.
func (f *forwarder) kill() {
	_ = f.cmd.Process.Kill()
	<-f.ended
}

func (f *forwarder) failure(what string) error {
	select {
	case <-f.ended:
		if f.err != nil {
			what += " (" + f.err.Error() + ")"
		}
	default:
	}
	return fmt.Errorf("the forwarder %s; its log:\n%s", what, f.log.tail())
}

// forwarderLog keeps the end of the forwarder's log and finds out when it is ready.
type forwarderLog struct {
	mu      sync.Mutex
	text    []byte
	scanned int
	isReady bool
	ready   chan struct{} // closed when the HTTP server listens, which is after the routes and just before the intakes
}

const maxLog = 64 << 10

// Write implements io.Writer.
func (l *forwarderLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, p...)
	for !l.isReady {
		end := bytes.IndexByte(l.text[l.scanned:], '\n')
		if end < 0 {
			break
		}
		var entry struct {
			Msg string `json:"msg"`
		}
		_ = json.Unmarshal(l.text[l.scanned:l.scanned+end], &entry) // what is no JSON is no such entry
		if l.scanned += end + 1; entry.Msg == "http listening" {
			l.isReady = true
			close(l.ready)
		}
	}
	if cut := len(l.text) - maxLog; cut > 0 {
		l.text = append(l.text[:0], l.text[cut:]...)
		l.scanned = max(0, l.scanned-cut)
	}
	return len(p), nil
}

func (l *forwarderLog) tail() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.TrimSpace(string(l.text))
}

// inherited are the variables that the forwarder needs of this process's environment.
func inherited(names ...string) []string {
	var env []string
	for _, name := range names {
		if value, ok := os.LookupEnv(name); ok { //nolint:forbidigo // this is a main package
			env = append(env, name+"="+value)
		}
	}
	return env
}
