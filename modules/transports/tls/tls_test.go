package tls_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/gliderlabs/logspout-builder/core/moduletest"
	"github.com/gliderlabs/logspout-builder/modules/transports/tls"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTransportKeepsItsContract(t *testing.T) {
	moduletest.TestTransport(t, moduletest.TransportSuite{
		Transport: tls.Transport{},
		Network:   "tls",
		Options:   func(sink *moduletest.Sink) map[string]string { return map[string]string{"tls.ca": sink.CAFile} },
	})
}
