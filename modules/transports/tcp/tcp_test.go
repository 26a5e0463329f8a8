package tcp_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/gliderlabs/logspout-builder/core/moduletest"
	"github.com/gliderlabs/logspout-builder/modules/transports/tcp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTransportKeepsItsContract(t *testing.T) {
	moduletest.TestTransport(t, moduletest.TransportSuite{
		Transport: tcp.Transport{},
		Network:   "tcp",
	})
}
