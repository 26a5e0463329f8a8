// Package rsyslog runs a real rsyslogd for tests: its own configuration, ports and directory, nothing of the system's.
package rsyslog

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Server is one rsyslogd. It can be killed and started again at the same ports.
type Server struct {
	TCP, UDP string // addresses "127.0.0.1:port"

	tb     testing.TB
	dir    string
	binary string
	cmd    *exec.Cmd
	stderr bytes.Buffer
}

// Record is one received record, as rsyslog parsed it.
type Record struct {
	Pri       string // "14"
	Time      string // RFC 3339
	Host      string // HOSTNAME
	App       string // APP-NAME, or the tag's name
	Proc      string // PROCID
	SD        string // STRUCTURED-DATA
	Message   string // MSG
	Transport string // "imtcp" or "imudp"
}

const separator = "\x1f"

// Start starts an rsyslogd that ends with the test. Where there is none, the test is skipped, or fails when CI is set.
func Start(tb testing.TB) *Server {
	tb.Helper()
	binary, err := exec.LookPath("rsyslogd")
	if err != nil {
		binary = "/usr/sbin/rsyslogd"
		if _, err = os.Stat(binary); err != nil {
			if os.Getenv("CI") != "" {
				tb.Fatal("no rsyslogd (Debian: rsyslog)")
			}
			tb.Skip("no rsyslogd (Debian: rsyslog)")
		}
	}
	s := &Server{tb: tb, dir: tb.TempDir(), binary: binary, TCP: freeTCP(tb), UDP: freeUDP(tb)}
	_, tcpPort, _ := net.SplitHostPort(s.TCP)
	_, udpPort, _ := net.SplitHostPort(s.UDP)
	fields := []string{"pri", "timestamp:::date-rfc3339", "hostname", "app-name", "procid", "structured-data", "msg", "inputname"}
	config := fmt.Sprintf(`global(workDirectory=%q maxMessageSize="256k" parser.escapeControlCharactersOnReceive="on" net.enableDNS="off")
main_queue(queue.type="Direct")
module(load="imtcp")
module(load="imudp" rcvbufSize="4m")
input(type="imtcp" address="127.0.0.1" port="%s")
input(type="imudp" address="127.0.0.1" port="%s")
template(name="fields" type="string" string="%%%s%%\n")
action(type="omfile" file=%q template="fields" asyncWriting="off" flushOnTXEnd="on")
`, s.dir, tcpPort, udpPort, strings.Join(fields, "%"+separator+"%"), s.file())
	if err := os.WriteFile(filepath.Join(s.dir, "rsyslog.conf"), []byte(config), 0o600); err != nil {
		tb.Fatal(err)
	}
	s.Restart()
	tb.Cleanup(s.Kill)
	return s
}

func (s *Server) file() string { return filepath.Join(s.dir, "received") }

// Restart starts the server again after Kill, and waits until it listens.
func (s *Server) Restart() {
	s.tb.Helper()
	_ = os.Remove(filepath.Join(s.dir, "pid"))
	s.cmd = exec.Command(s.binary, "-n", "-f", filepath.Join(s.dir, "rsyslog.conf"), "-i", filepath.Join(s.dir, "pid")) //nolint:noctx // ends by Kill, after the test's context
	s.cmd.Stdout, s.cmd.Stderr = &s.stderr, &s.stderr
	if err := s.cmd.Start(); err != nil {
		s.tb.Fatalf("start rsyslogd: %v", err)
	}
	deadline := time.Now().Add(20 * time.Second)
	for {
		conn, err := net.Dial("tcp", s.TCP) //nolint:noctx // bounded by the loop
		if err == nil {
			_ = conn.Close()
			return
		}
		if time.Now().After(deadline) {
			s.Kill()
			s.tb.Fatalf("rsyslogd does not listen at %s: %v\n%s", s.TCP, err, s.stderr.String())
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// Kill ends the server at once, as kill -9 does: what it had not read is gone.
func (s *Server) Kill() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
	s.cmd = nil
}

// Records are the records received so far.
func (s *Server) Records() []Record {
	s.tb.Helper()
	data, err := os.ReadFile(s.file())
	if err != nil && !os.IsNotExist(err) {
		s.tb.Fatal(err)
	}
	data = data[:bytes.LastIndexByte(data, '\n')+1]
	var records []Record
	for line := range strings.Lines(string(data)) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), separator)
		if len(f) != 8 {
			s.tb.Fatalf("rsyslogd wrote %q: %d fields", line, len(f))
		}
		records = append(records, Record{f[0], f[1], f[2], f[3], f[4], f[5], f[6], f[7]})
	}
	return records
}

// Wait waits until done holds of the records, and returns them; at the deadline the test fails.
func (s *Server) Wait(within time.Duration, done func([]Record) bool) []Record {
	s.tb.Helper()
	deadline := time.Now().Add(within)
	for {
		records := s.Records()
		if done(records) {
			return records
		}
		if time.Now().After(deadline) {
			s.tb.Fatalf("after %v rsyslogd has %d records, not what was waited for\n%s", within, len(records), s.stderr.String())
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func freeTCP(tb testing.TB) string {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // returns at once
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

func freeUDP(tb testing.TB) string {
	tb.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0") //nolint:noctx // returns at once
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	return c.LocalAddr().String()
}
