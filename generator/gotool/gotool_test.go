//go:build unix

package gotool

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestGoEnvironmentIsHermetic(t *testing.T) {
	env := baseEnvironment([]string{
		"PATH=/bin", "HOME=/home/x", "GOPROXY=https://p", "GOFLAGS=-race", "GOWORK=/w", "CGO_ENABLED=1", "CC=evil", "GOEXPERIMENT=x",
		"LD_PRELOAD=x", "GOCACHEPROG=evil", "AWS_SECRET_ACCESS_KEY=x", "PATH=/usr/bin", "GO111MODULE=off", "GOPRIVATE=corp.example.com",
	})
	for _, want := range []string{"PATH=/usr/bin", "HOME=/home/x", "GOPROXY=https://p", "GOPRIVATE=corp.example.com", "CGO_ENABLED=0", "GOWORK=off", "GO111MODULE=on"} {
		if !slices.Contains(env, want) {
			t.Errorf("the go command lacks %s", want)
		}
	}
	for _, kv := range env {
		for _, bad := range []string{"GOFLAGS", "CC=", "LD_PRELOAD", "GOCACHEPROG", "AWS_", "PATH=/bin"} {
			if strings.HasPrefix(kv, bad) {
				t.Errorf("the go command gets %s", kv)
			}
		}
	}
}

func TestUserDecidesWhenTheToolchainCollectsGarbage(t *testing.T) {
	for _, row := range [][2]string{{"HOME=/home/x", "GOGC=400"}, {"GOGC=50", "GOGC=50"}, {"GOMEMLIMIT=300MiB", "GOMEMLIMIT=300MiB"}} {
		if env := baseEnvironment([]string{row[0]}); !slices.Contains(env, row[1]) {
			t.Errorf("with %s the go command lacks %s: %q", row[0], row[1], env)
		}
	}
}

func TestGOFLAGSThatRunProgramsAreRefused(t *testing.T) {
	for _, flags := range []string{
		"-toolexec=./x", "--toolexec=./x", "-p=2 -exec=x", "-vettool=x", "-ldflags=-extld=x", "'-ldflags=-linkmode=external -extld x'", "-ldflags=-extldflags=-fuse-ld=x",
	} {
		if kept, err := keptFlags(flags); err == nil {
			t.Errorf("GOFLAGS=%s is taken as %s", flags, kept)
		}
	}
	for flags, want := range map[string]string{
		"":                                     "-mod=readonly",
		"-modcacherw -p=4":                     "-mod=readonly -modcacherw -p=4",
		"-race -mod=mod -tags=x -ldflags=-X=a": "-mod=readonly",
		"-buildvcs=false --modcacherw":         "-mod=readonly --modcacherw",
	} {
		if kept, err := keptFlags(flags); err != nil || kept != want {
			t.Errorf("GOFLAGS=%s is kept as %q (%v), want %q", flags, kept, err, want)
		}
	}
}

func TestSecretsAreHidden(t *testing.T) {
	secrets := NewSecrets([]string{
		"GOPROXY=https://me:p4ss%2Fword@proxy.example.com,direct|http://you:s3same@b.example.com", "https_proxy=me:0pen:up@cache:3128", "HOME=/home/me:none@x",
	})
	for text, want := range map[string]string{
		`reading https://user:pass@proxy.example.com/x: 404`:      `reading https://xxxxx@proxy.example.com/x: 404`,
		`parse "https://us/er:pa@ss@proxy": bad`:                  `parse "https://us/er:pa@ss@proxy": bad`, // nothing that the environment has
		`dial https://a:b@c@proxy.example.com/x@v1`:               `dial https://xxxxx@proxy.example.com/x@v1`,
		`git ls-remote "https://tok3n@git.example.com/x"`:         `git ls-remote "https://xxxxx@git.example.com/x"`,
		`example.com/x@v1.0.0: https://proxy/x/@v/list`:           `example.com/x@v1.0.0: https://proxy/x/@v/list`,
		`wrong: p4ss%2Fword, p4ss/word, s3same and 0pen:up, none`: `wrong: xxxxx, xxxxx, xxxxx and xxxxx, none`,
		`fetching https://x.example.com/?go-get=1: no`:            `fetching https://x.example.com/?go-get=1: no`,
		`Get "https://x.example.com/?token=a&b=c": no`:            `Get "https://x.example.com/?xxxxx": no`,
	} {
		if got := secrets.HideAll(text); got != want {
			t.Errorf("%s is shown as %s", text, got)
		}
	}
}

func TestGoErrorHasTheCommandAndItsLastLines(t *testing.T) {
	g, err := Find(t.Context(), os.Environ())
	if err != nil {
		t.Fatal(err)
	}
	_, err = g.Run(t.Context(), t.TempDir(), nil, "build", "-nonsense")
	var failed *Error
	if !errors.As(err, &failed) || !strings.Contains(err.Error(), "go build -nonsense") || !strings.Contains(err.Error(), "flag provided but not defined") {
		t.Errorf("got %v", err)
	}
}

func TestEndOfTheContextKillsWhatTheGoCommandStarted(t *testing.T) {
	dir := t.TempDir()
	script := filepath.Join(dir, "go")
	// A go command that starts a child of its own, which would live on.
	if err := os.WriteFile(script, []byte("#!/bin/sh\nsleep 60 &\necho $! >"+dir+"/child.tmp\nmv "+dir+"/child.tmp "+dir+"/child\nwait\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	g := &Tool{Path: script, env: []string{"PATH=" + os.Getenv("PATH")}}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := g.Run(ctx, dir, nil, "build")
		ended <- err
	}()
	child := 0
	for deadline := time.Now().Add(10 * time.Second); child == 0; time.Sleep(5 * time.Millisecond) {
		data, err := os.ReadFile(filepath.Join(dir, "child"))
		if err == nil {
			if child, err = strconv.Atoi(strings.TrimSpace(string(data))); err != nil {
				t.Fatal(err)
			}
		}
		if time.Now().After(deadline) {
			t.Fatal("the go command did not start")
		}
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("run returned %v", err)
	}
	for deadline := time.Now().Add(10 * time.Second); alive(child); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("process %d lives on", child)
		}
	}
}

// alive tells whether a process runs; one that is dead and not yet collected does not.
func alive(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err != nil || !strings.Contains(string(stat), ") Z ")
}
