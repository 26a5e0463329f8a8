package main

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// openTerminal opens a pseudo terminal of so many columns: what is written to its slave is read from its master.
func openTerminal(t *testing.T, columns uint16) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil && os.Getenv("CI") != "" {
		t.Fatal(err)
	}
	if err != nil {
		t.Skipf("no pseudo terminals here: %v", err)
	}
	t.Cleanup(func() { _ = master.Close() })
	fd := int(master.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0); err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: columns}); err != nil {
		t.Fatal(err)
	}
	return master, slave
}

func TestATerminalShowsTheStepThatGoesOnInOneLine(t *testing.T) {
	for term, live := range map[string]bool{"xterm": true, "dumb": false} {
		t.Run(term, func(t *testing.T) {
			dir := t.TempDir()
			smallManifest(t, dir)
			master, slave := openTerminal(t, 30)
			cmd := builderIn(t, dir, t.TempDir(), "build")
			cmd.Env = append(cmd.Env, "TERM="+term)
			cmd.Stderr = slave
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			_ = slave.Close()
			var shown strings.Builder
			_, _ = io.Copy(&shown, master) // until the last writer is gone, which Linux tells as an error
			if err := cmd.Wait(); err != nil {
				t.Fatalf("%v: %s", err, &shown)
			}
			running := regexp.MustCompile(`\r\x1b\[K(compile   go[^\r\n]* \.\.\.)`).FindStringSubmatch(shown.String())
			if !live {
				if strings.Contains(shown.String(), "\x1b") {
					t.Errorf("shown: %q", &shown)
				}
				return
			}
			if running == nil || len(running[1]) >= 30 {
				t.Errorf("the step that runs is not in one line of 30 columns: %q of %q", running, &shown)
			}
			if !regexp.MustCompile(`\r\x1b\[Kcompile   go\S+ for \S+ \(\S+\)\r\n`).MatchString(shown.String()) || !strings.Contains(shown.String(), "\r\nbuilt ") {
				t.Errorf("the step that ended does not stand in its place: %q", &shown)
			}
		})
	}
}
