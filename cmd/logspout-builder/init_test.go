package main

import (
	"bufio"
	"encoding/json"
	"os/exec"

	"github.com/rogpeppe/go-internal/testscript"
)

// startForwarder BINARY URI: starts a forwarder that reads standard input, which stays open until the script ends, and sets FORWARDER to the URL
// of its HTTP side.
func startForwarder(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: forwarder BINARY URI")
	}
	cmd := exec.Command(ts.MkAbs(args[0]), args[1])
	cmd.Env = []string{"PORT=0", "HTTP_BIND_ADDRESS=127.0.0.1", "LOG_FORMAT=json", "LOGSPOUT_TOKEN=" + ts.Getenv("LOGSPOUT_TOKEN")}
	stdin, err := cmd.StdinPipe()
	ts.Check(err)
	stderr, err := cmd.StderrPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	ts.Defer(func() {
		_ = stdin.Close()
		_ = cmd.Process.Kill() // its destination answers to nobody
		_ = cmd.Wait()
	})
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		var line struct {
			Message string `json:"msg"`
			Address string `json:"address"`
		}
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Message == "http listening" {
			ts.Setenv("FORWARDER", "http://"+line.Address)
			go func() { // until it ends, which closes the pipe
				for lines.Scan() {
				}
			}()
			return
		}
		ts.Logf("%s", lines.Text())
	}
	ts.Fatalf("%s did not listen", args[0])
}
