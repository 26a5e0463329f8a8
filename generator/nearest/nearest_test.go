package nearest

import (
	"strings"
	"testing"
)

func TestNearestIsWhatWasProbablyMeant(t *testing.T) {
	names := []string{"docker", "health", "httpstream", "kafka", "raw", "syslog", "tcp", "tls", "udp", "unix"}
	for name, want := range map[string]string{
		"kafak": "kafka", "sylog": "syslog", "SYSLOG": "syslog", "dcoker": "docker", "httpstraem": "httpstream", "tsl": "tls", "ra": "raw",
		"graylog": "", "": "", "x": "", "elasticsearch": "", strings.Repeat("k", 1000): "",
	} {
		if got := Name(name, names); got != want {
			t.Errorf("Name(%q) = %q, want %q", name, got, want)
		}
	}
}
