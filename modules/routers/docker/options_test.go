package docker

import (
	"strings"
	"testing"
	"time"

	"github.com/gliderlabs/logspout-builder/core"
)

func TestEveryProblemOfTheEnvironmentIsReportedAtOnce(t *testing.T) {
	vars := core.Vars{
		"DOCKER_HOST": "nonsense", "BACKLOG": "perhaps", "TAIL": "-3", "ALLOW_TTY": "2", "ATTACH_NEW": "maybe", "INACTIVITY_TIMEOUT": "soon", "LOGSPOUT_MAX_LINE": "5",
		"INCLUDE_LABELS": ":x", "EXCLUDE_LABELS": ":y",
	}
	err := New().Check(core.Env{Vars: vars})
	if err == nil {
		t.Fatal("no error")
	}
	for name, value := range vars {
		if !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), value) {
			t.Errorf("%s=%s is not in %q", name, value, err)
		}
	}
	if err := New().Check(core.Env{Vars: core.Vars{"TAIL": "All", "BACKLOG": "yes", "ATTACH_NEW": "off", "INACTIVITY_TIMEOUT": "5", "DOCKER_HOST": "tcp://h:2375"}}); err != nil {
		t.Error(err)
	}
}

func TestHistoryOfContainersThatAlreadyRun(t *testing.T) {
	for _, c := range []struct{ backlog, tail, want string }{
		{"", "", ""}, {"true", "", "all"}, {"false", "", ""}, {"", "all", "all"}, {"", "5", "5"}, {"true", "5", "5"}, {"true", "0", ""},
	} {
		o, err := parseOptions(core.Vars{"BACKLOG": c.backlog, "TAIL": c.tail})
		if err != nil || o.history != c.want {
			t.Errorf("BACKLOG=%s TAIL=%s: %q, %v, want %q", c.backlog, c.tail, o.history, err, c.want)
		}
	}
}

func TestLabelRulesDoNotLeakIntoEachOther(t *testing.T) {
	o, err := parseOptions(core.Vars{"EXCLUDE_LABELS": "a:x; b ;c:http://h:1", "EXCLUDE_LABEL": "ignored", "INACTIVITY_TIMEOUT": "2m"})
	if err != nil || o.inactivity != 2*time.Minute {
		t.Fatal(o, err)
	}
	for _, c := range []struct {
		labels   map[string]string
		excluded bool
	}{
		{map[string]string{"a": "X"}, true},
		{map[string]string{"a": "true"}, false},
		{map[string]string{"b": "TRUE"}, true},
		{map[string]string{"b": "x"}, false}, // the value of the entry before
		{map[string]string{"a": "other", "b": "true"}, true},
		{map[string]string{"c": "http://h:1"}, true},
		{map[string]string{"ignored": "true"}, false},
		{nil, false},
	} {
		reason := o.unwanted(&core.Container{Config: core.Config{Labels: c.labels}})
		if (reason != "") != c.excluded {
			t.Errorf("labels %v: %q", c.labels, reason)
		}
	}
}
