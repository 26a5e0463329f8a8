package rsyslog_test

import (
	"net"
	"testing"
	"time"

	"github.com/gliderlabs/logspout-builder/test/rsyslog"
)

func TestServerParsesWhatComesByEitherTransport(t *testing.T) {
	s := rsyslog.Start(t)
	send(t, "tcp", s.TCP, "<14>1 2020-01-02T03:04:05Z host app 42 - - hello tcp\n")
	send(t, "udp", s.UDP, "<11>1 2020-01-02T03:04:05Z host app 42 - [a@1 b=\"c\"] hello udp")
	got := s.Wait(10*time.Second, func(r []rsyslog.Record) bool { return len(r) == 2 })
	for _, want := range []rsyslog.Record{
		{"14", "2020-01-02T03:04:05Z", "host", "app", "42", "-", "hello tcp", "imtcp"},
		{"11", "2020-01-02T03:04:05Z", "host", "app", "42", `[a@1 b="c"]`, "hello udp", "imudp"},
	} {
		if got[0] != want && got[1] != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	s.Kill()
	s.Restart()
	send(t, "tcp", s.TCP, "<14>1 2020-01-02T03:04:05Z host app 42 - - again\n")
	s.Wait(10*time.Second, func(r []rsyslog.Record) bool { return len(r) == 3 })
}

func send(t *testing.T, network, address, record string) {
	t.Helper()
	conn, err := net.Dial(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte(record)); err != nil {
		t.Fatal(err)
	}
}
