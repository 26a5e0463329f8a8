package stream

import (
	"io"
	"net"
	"testing"
)

// hasty is a connection whose peer answers the half-close so quickly that the watcher has closed it before CloseWrite returns.
type hasty struct {
	net.Conn
	l *link
}

func (h hasty) CloseWrite() error {
	h.l.end(io.EOF)
	return &net.OpError{Op: "close", Net: "tcp", Err: net.ErrClosed}
}

func TestHalfCloseThatThePeerAnswersAtOnceIsAnOrderlyEnd(t *testing.T) {
	l := &link{ended: make(chan struct{})}
	l.conn = hasty{l: l}
	if err := l.halfClose(); err != nil || !l.endedInOrder() {
		t.Errorf("halfClose: %v, in order %v; all would be sent again", err, l.endedInOrder())
	}
}
