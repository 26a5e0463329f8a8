package agent

import (
	"context"
	"errors"
	"io"

	"github.com/gliderlabs/logspout-builder/core"
	"github.com/gliderlabs/logspout-builder/core/journal"
)

// tap gives live readers of the journal. They hold nothing in it.
type tap struct{ journal *journal.Journal }

// A live reader gets small batches: it is a person, or a client that is dropped when it does not keep up.
const (
	tapLines = 1024
	tapBytes = 256 << 10
)

// Follow implements core.Tap. It also ends, with nil, when the journal is closed because the process stops.
func (t *tap) Follow(ctx context.Context, filter *core.Filter, send func([]core.Message) error) error {
	cursor := t.journal.Open(journal.CursorOptions{Name: "live", From: journal.Newest, Full: journal.Detach})
	defer cursor.Close()
	if filter == nil {
		filter = &core.Filter{}
	}
	wants := selector{filter: filter}
	for {
		// Not read into the same buffer again: who follows may keep what it got.
		batch, err := cursor.Read(ctx, nil, tapLines, tapBytes)
		switch {
		case ctx.Err() != nil, errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		if batch = wants.keep(batch); len(batch) == 0 {
			continue
		}
		if err := send(batch); err != nil {
			return err
		}
	}
}

var _ core.Tap = (*tap)(nil)
