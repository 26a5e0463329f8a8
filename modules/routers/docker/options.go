package docker

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/moby/moby/client"

	"github.com/gliderlabs/logspout-builder/core"
)

const (
	defaultMaxLine = 1 << 20
	minMaxLine     = 1 << 10
	defaultSocket  = "/var/run/docker.sock"
	oldImageSocket = "/tmp/docker.sock" // where Logspout's image had it
)

// options are what the environment says.
type options struct {
	host       string // "" means the default socket
	apiVersion string // "" means to negotiate
	tls        bool
	tlsVerify  bool
	certPath   string

	history    string // of containers that already run at start: "" none, "all", or the number of lines
	tty        bool
	attach     bool          // to new containers, see safetyNet
	inactivity time.Duration // 0: a stream may be silent for ever
	maxLine    int
	include    []labelRule // empty: every container
	exclude    []labelRule
}

// labelRule is a label and the value that it must have.
type labelRule struct{ label, value string }

// parseOptions reads the environment and reports all that is wrong with it at once. It does no I/O.
func parseOptions(vars core.Vars) (options, error) {
	var problems []error
	note := func(err error) {
		if err != nil {
			problems = append(problems, err)
		}
	}
	o := options{
		host:       vars.Get("DOCKER_HOST"),
		apiVersion: strings.TrimPrefix(vars.Get("DOCKER_API_VERSION"), "v"),
		certPath:   vars.Get("DOCKER_CERT_PATH"),
		tlsVerify:  vars.Get("DOCKER_TLS_VERIFY") != "",
	}
	o.tls = o.tlsVerify || o.certPath != ""
	if o.host != "" {
		u, err := client.ParseHostURL(o.host)
		switch {
		case err != nil:
			note(fmt.Errorf("DOCKER_HOST=%q: %w", o.host, err))
		case u.Scheme == "ssh":
			note(fmt.Errorf("DOCKER_HOST=%q: ssh is not supported: forward the socket (ssh -L) and name it as unix:///path", o.host))
		}
	}
	backlog, err := vars.Bool("BACKLOG", false)
	note(err)
	if backlog {
		o.history = "all"
	}
	if tail := vars.Get("TAIL"); tail != "" {
		n, err := strconv.Atoi(tail)
		switch {
		case strings.EqualFold(tail, "all"):
			o.history = "all"
		case err != nil || n < 0:
			note(fmt.Errorf("TAIL=%q: want all or a number of lines", tail))
		case n == 0:
			o.history = ""
		default:
			o.history = strconv.Itoa(n)
		}
	}
	o.tty, err = vars.Bool("ALLOW_TTY", false)
	note(err)
	o.attach, err = vars.Bool("ATTACH_NEW", true)
	note(err)
	o.inactivity, err = vars.Duration("INACTIVITY_TIMEOUT", 0)
	note(err)
	maxLine, err := vars.Size("LOGSPOUT_MAX_LINE", defaultMaxLine)
	note(err)
	if err == nil && (maxLine < minMaxLine || maxLine > 1<<30) {
		note(fmt.Errorf("LOGSPOUT_MAX_LINE=%q: want from 1k to 1g", vars["LOGSPOUT_MAX_LINE"]))
	}
	o.maxLine = int(maxLine)
	o.include, err = parseLabelRules("INCLUDE_LABELS", vars.Get("INCLUDE_LABELS"))
	note(err)
	exclude := "EXCLUDE_LABELS"
	if vars.Get(exclude) == "" {
		exclude = "EXCLUDE_LABEL"
	}
	o.exclude, err = parseLabelRules(exclude, vars.Get(exclude))
	note(err)
	return o, errors.Join(problems...)
}

// parseLabelRules reads "label[:value];label[:value]"; the value is true where none is given.
func parseLabelRules(name, list string) ([]labelRule, error) {
	var rules []labelRule
	for entry := range strings.SplitSeq(list, ";") {
		if entry = strings.TrimSpace(entry); entry == "" {
			continue
		}
		label, value, ok := strings.Cut(entry, ":")
		if label == "" {
			return nil, fmt.Errorf("%s=%q: %q has no label name: want label or label:value, separated by semicolons", name, list, entry)
		}
		if !ok {
			value = "true"
		}
		rules = append(rules, labelRule{label, value})
	}
	return rules, nil
}

// matchLabels reports whether a rule holds; values are compared without case.
func matchLabels(rules []labelRule, labels map[string]string) bool {
	for _, r := range rules {
		if value, ok := labels[r.label]; ok && strings.EqualFold(value, r.value) {
			return true
		}
	}
	return false
}

// unwanted is why a container is not read, "" when it is.
func (o *options) unwanted(c *core.Container) string {
	switch {
	case strings.EqualFold(c.Getenv("LOGSPOUT"), "ignore"):
		return "its environment has LOGSPOUT=ignore"
	case matchLabels(o.exclude, c.Config.Labels):
		return "a label of EXCLUDE_LABELS"
	case len(o.include) > 0 && !matchLabels(o.include, c.Config.Labels):
		return "no label of INCLUDE_LABELS"
	case c.Config.Tty && !o.tty:
		return "it has a terminal, and ALLOW_TTY is not true"
	}
	return ""
}

// address is the engine's: the first socket that is there when none is named.
func (o *options) address() string {
	if o.host != "" {
		return o.host
	}
	if _, err := os.Stat(defaultSocket); err != nil {
		if _, err := os.Stat(oldImageSocket); err == nil {
			return "unix://" + oldImageSocket
		}
	}
	return "unix://" + defaultSocket
}
