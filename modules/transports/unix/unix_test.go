package unix_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/gliderlabs/logspout-builder/core/moduletest"
	"github.com/gliderlabs/logspout-builder/modules/transports/unix"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTransportKeepsItsContract(t *testing.T) {
	moduletest.TestTransport(t, moduletest.TransportSuite{
		Transport: unix.Transport{},
		Network:   "unix",
	})
}
