package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// brokerErrors remembers and logs why the client cannot talk to a broker: the client itself tries again in silence.
type brokerErrors struct {
	log     *slog.Logger
	mu      sync.Mutex
	failing map[string]error // by host:port, until an exchange succeeds
	latest  string
}

// OnBrokerConnect is called after each attempt to connect and authenticate.
func (b *brokerErrors) OnBrokerConnect(meta kgo.BrokerMetadata, _ time.Duration, _ net.Conn, err error) {
	if errors.Is(err, io.EOF) {
		err = fmt.Errorf("closed the connection during the handshake (does it want TLS, or another user or password?): %w", err)
	}
	b.note(meta, err)
}

// OnBrokerE2E is called after each request.
func (b *brokerErrors) OnBrokerE2E(meta kgo.BrokerMetadata, _ int16, e2e kgo.BrokerE2E) {
	b.note(meta, e2e.Err())
}

func (b *brokerErrors) note(meta kgo.BrokerMetadata, err error) {
	if errors.Is(err, context.Canceled) || errors.Is(err, net.ErrClosed) || errors.Is(err, kgo.ErrClientClosed) {
		return // this side gave up
	}
	address := net.JoinHostPort(meta.Host, strconv.Itoa(int(meta.Port)))
	b.mu.Lock()
	failed := b.failing[address] != nil
	if err == nil {
		delete(b.failing, address)
	} else {
		b.latest, b.failing[address] = address, fmt.Errorf("broker %s: %w", address, err)
	}
	b.mu.Unlock()
	switch {
	case err != nil && !failed:
		b.log.Warn("broker fails, trying again", "broker", address, "error", err)
	case err == nil && failed:
		b.log.Info("broker answers again", "broker", address)
	}
}

// last is the latest failure that no success has followed, nil when there is none.
func (b *brokerErrors) last() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.failing[b.latest]; err != nil {
		return err
	}
	for _, address := range slices.Sorted(maps.Keys(b.failing)) {
		return b.failing[address]
	}
	return nil
}

var (
	_ kgo.HookBrokerConnect = (*brokerErrors)(nil)
	_ kgo.HookBrokerE2E     = (*brokerErrors)(nil)
)
