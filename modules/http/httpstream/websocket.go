package httpstream

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/gliderlabs/logspout-builder/core"
)

const pingTime = 30 * time.Second

// serveWebSocket sends one JSON object a text frame. A page of another origin is refused unless it is among h.origins.
func (h *handler) serveWebSocket(w http.ResponseWriter, r *http.Request, filter *core.Filter) {
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{OriginPatterns: h.origins})
	if err != nil {
		return // Accept has answered
	}
	defer func() { _ = conn.CloseNow() }()

	// The reading side outlives the request's context: with it, a closing frame can still be sent when the forwarder stops.
	gone := conn.CloseRead(context.WithoutCancel(r.Context()))
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(gone, cancel)()

	var pinger sync.WaitGroup
	defer pinger.Wait()
	defer cancel()
	pinger.Go(func() { ping(ctx, conn, cancel) })

	encoder := &jsonLines{}
	var frame []byte
	err = h.logs.Follow(ctx, filter, func(batch []core.Message) error {
		writing, done := context.WithTimeout(ctx, h.writeTime)
		defer done()
		for i := range batch {
			frame = encoder.object(frame[:0], &batch[i])
			if err := conn.Write(writing, websocket.MessageText, frame); err != nil {
				return err
			}
		}
		return nil
	})
	switch {
	case errors.Is(err, core.ErrLate):
		_ = conn.Close(websocket.StatusTryAgainLater, lateText)
	case err == nil && gone.Err() == nil:
		_ = conn.Close(websocket.StatusGoingAway, "the forwarder stops")
	}
}

// ping makes sure now and then that the client is there, and gives it up when it is not.
func ping(ctx context.Context, conn *websocket.Conn, giveUp func()) {
	ticker := time.NewTicker(pingTime)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		waiting, done := context.WithTimeout(ctx, writeTime)
		err := conn.Ping(waiting)
		done()
		if err != nil {
			giveUp()
			return
		}
	}
}
