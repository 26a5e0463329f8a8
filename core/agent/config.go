package agent

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gliderlabs/logspout-builder/core"
)

// variable is one environment variable that the agent itself reads.
type variable struct{ name, value, text string }

// variables is what --help prints and docs/running.md explains. A test holds it against what the code reads.
//
//nolint:gochecknoglobals // constant
var variables = []variable{
	{"ROUTE_URIS", "", "comma list of route URIs; arguments override it"},
	{"ROUTESPATH", "/mnt/routes", "directory of persisted routes, used when it exists"},
	{"LOG_ROUTERS", "all", "comma list of the log routers that run"},
	{"PORT", "80", "port of the HTTP server, 0 takes a free one; where it is not set, HTTP_PORT"},
	{"HTTP_PORT", "80", "the same"},
	{"HTTP_BIND_ADDRESS", "0.0.0.0", "address of the HTTP server"},
	{"LOGSPOUT_TOKEN", "", "what HTTP clients have to send as Authorization: Bearer"},
	{"LOGSPOUT_HTTP_OPEN", "false", "true: whoever reaches the HTTP server may read every log line and add routes"},
	{"LOGSPOUT_STATE", "", "directory where checkpoints are kept from one start to the next"},
	{"LOGSPOUT_JOURNAL_MEMORY", "32MiB", "memory for lines that a route has still to deliver"},
	{"LOGSPOUT_GRACE", "10s", "the longest a stop may take"},
	{"LOGSPOUT_STALL", "60s", "a route with lines waiting that made no progress for so long is a problem in /health"},
	{"LOGSPOUT_BATCH_LINES", "4096", "the most lines that an adapter gets at once"},
	{"LOGSPOUT_BATCH_BYTES", "1MiB", "the most bytes of lines that an adapter gets at once"},
	{"GOGC", "50", "how much garbage, in percent of the memory in use, is there before it is collected; off: never"},
	{"LOG_FORMAT", "text", "text or json: the program's own log on stderr"},
	{"LOG_LEVEL", "info", "debug, info, warn or error"},
	{"DEBUG", "false", "true is LOG_LEVEL=debug"},
	{"RETRY_COUNT", "", "accepted and without effect: a delivery is tried until it succeeds"},
}

// config is the agent's own part of the environment.
type config struct {
	routeURIs   string
	routesPath  string
	routers     []string // empty is all
	httpAddress string
	token       string
	httpOpen    bool
	statePath   string
	journal     int64 // bytes
	grace       time.Duration
	stall       time.Duration
	batchLines  int
	batchBytes  int
	gcPercent   int // -1 is off
	logJSON     bool
	logLevel    slog.Level
	warnings    []string // what may be meant so
}

// readConfig reads the agent's variables and reports everything that is wrong with them.
func readConfig(vars core.Vars) (config, error) {
	var c config
	var problems []error
	note := func(err error) {
		if err != nil {
			problems = append(problems, err)
		}
	}
	var err error

	c.routeURIs = vars.Get("ROUTE_URIS")
	c.routesPath = vars.Or("ROUTESPATH", "/mnt/routes")
	if _, err := os.Stat(c.routesPath); vars.Get("ROUTESPATH") != "" && errors.Is(err, fs.ErrNotExist) {
		c.warnings = append(c.warnings, fmt.Sprintf("ROUTESPATH=%q: no such directory, routes that are added will not be kept", c.routesPath))
	}
	c.routers = slices.DeleteFunc(strings.FieldsFunc(vars.Get("LOG_ROUTERS"), func(r rune) bool { return r == ',' || r == ' ' }),
		func(s string) bool { return s == "all" })

	portName := "PORT"
	if vars.Get("PORT") == "" {
		portName = "HTTP_PORT"
	}
	port, err := vars.Int(portName, 80, 0, 65535)
	note(err)
	host := strings.Trim(vars.Or("HTTP_BIND_ADDRESS", "0.0.0.0"), "[]")
	c.httpAddress = net.JoinHostPort(host, strconv.Itoa(port))
	c.token = vars.Get("LOGSPOUT_TOKEN")
	c.httpOpen, err = vars.Bool("LOGSPOUT_HTTP_OPEN", false)
	note(err)

	c.statePath = vars.Get("LOGSPOUT_STATE")
	c.journal, err = vars.Size("LOGSPOUT_JOURNAL_MEMORY", 32<<20)
	note(err)
	if err == nil && c.journal < 1<<20 {
		note(fmt.Errorf("LOGSPOUT_JOURNAL_MEMORY=%q: want 1MiB or more", vars.Get("LOGSPOUT_JOURNAL_MEMORY")))
	}
	c.grace, err = vars.Duration("LOGSPOUT_GRACE", 10*time.Second)
	note(err)
	c.stall, err = vars.Duration("LOGSPOUT_STALL", time.Minute)
	note(err)
	c.batchLines, err = vars.Int("LOGSPOUT_BATCH_LINES", 4096, 1, 32768)
	note(err)
	size, err := vars.Size("LOGSPOUT_BATCH_BYTES", 1<<20)
	note(err)
	if err == nil && (size < 1 || size > 1<<30) {
		note(fmt.Errorf("LOGSPOUT_BATCH_BYTES=%q: want from 1 byte to 1g", vars.Get("LOGSPOUT_BATCH_BYTES")))
	}
	c.batchBytes = int(size)
	// Go's own default is 100: half of the memory would be garbage, and at the rates of logs collecting it costs next to nothing.
	if c.gcPercent = -1; !strings.EqualFold(vars.Get("GOGC"), "off") {
		c.gcPercent, err = vars.Int("GOGC", 50, 1, 10000)
		note(err)
	}

	switch format := strings.ToLower(vars.Or("LOG_FORMAT", "text")); format {
	case "text":
	case "json":
		c.logJSON = true
	default:
		note(fmt.Errorf("LOG_FORMAT=%q: want text or json", vars.Get("LOG_FORMAT")))
	}
	if c.logLevel.UnmarshalText([]byte(vars.Or("LOG_LEVEL", "info"))) != nil {
		note(fmt.Errorf("LOG_LEVEL=%q: want debug, info, warn or error", vars.Get("LOG_LEVEL")))
	}
	debug, err := vars.Bool("DEBUG", false)
	note(err)
	if debug {
		c.logLevel = slog.LevelDebug
	}
	if vars.Get("RETRY_COUNT") != "" { // in Logspout the forwarder panicked after so many
		c.warnings = append(c.warnings, "RETRY_COUNT has no effect: a delivery is tried until it succeeds")
	}
	if c.httpOpen && c.token != "" {
		c.warnings = append(c.warnings, "LOGSPOUT_HTTP_OPEN=true: LOGSPOUT_TOKEN is not asked for")
	}
	c.warnings = append(c.warnings, misspelt(vars)...)
	return c, errors.Join(problems...)
}

// misspelt tells of variables that are nobody's and nearly one of the agent's: LOGSPOUT_TOKN would leave the token unset in silence. What
// modules read is not known here, so a name has to be very near.
func misspelt(vars core.Vars) []string {
	ours := func(owner string) bool { return strings.EqualFold(owner, "logspout") }
	var known, told []string
	for _, v := range variables {
		if owner, name, _ := strings.Cut(v.name, "_"); ours(owner) {
			known = append(known, name)
		}
	}
	for _, full := range vars.Names() {
		owner, name, _ := strings.Cut(full, "_")
		if !ours(owner) || slices.Contains(known, name) {
			continue
		}
		near := core.Nearest(name, slices.DeleteFunc(slices.Clone(known), func(k string) bool { return max(len(k)-len(name), len(name)-len(k)) > 1 }))
		if near != "" {
			told = append(told, fmt.Sprintf("%s is not a variable of this program; did you mean %s_%s?", full, strings.ToUpper(owner), near))
		}
	}
	return told
}

// variableName is what a variable's name looks like. What does not may be a part of a password with a dollar sign in it.
var variableName = regexp.MustCompile(`^[A-Z_][A-Z0-9_]*$`)

// unsetVariables tells of the variables in route URIs that are not set.
func unsetVariables(lists []string, vars core.Vars) []string {
	var told []string
	for _, list := range lists {
		os.Expand(list, func(name string) string {
			if _, ok := vars[name]; ok || name == "$" {
				return ""
			}
			if name = "$" + name; !variableName.MatchString(name[1:]) {
				name = "a variable"
			}
			if text := "routes: " + name + " is not set, nothing stands in its place (write $$ for a dollar sign)"; !slices.Contains(told, text) {
				told = append(told, text)
			}
			return ""
		})
	}
	return told
}

// readHostname is the first line of the file that names the host, "" where there is none: also where an engine has made a
// directory in its place, as it does for a mount whose source does not exist.
func readHostname(path string) (string, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return "", nil
	}
	data, err := os.ReadFile(filepath.Clean(path))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read the host's name: %w", err)
	}
	line, _, _ := strings.Cut(string(data), "\n")
	return strings.TrimSpace(line), nil
}
