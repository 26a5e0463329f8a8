package stream

import (
	"context"
	"errors"
	"fmt"

	"github.com/gliderlabs/logspout-builder/core"
)

// Encode appends the bytes of one record for m to dst. Bytes that it appended are not used when it returns an error: m will never be delivered.
// Appending nothing leaves m out.
type Encode func(dst []byte, m *core.Message) ([]byte, error)

// idleBuffer is how large a buffer may be that waits for the next batch.
const idleBuffer = 4 << 20

// Deliver is core.Adapter's: it encodes the whole batch into one buffer and writes that. Messages that cannot be encoded are rejected, each
// on its own; those that the Stream has taken do not come again.
func (s *Stream) Deliver(ctx context.Context, batch []core.Message, encode Encode) error {
	buf, ends, index := s.buf[:0], s.ends[:0], s.index[:0]
	var rejected []int
	var unencodable error
	for i := range batch {
		at := len(buf)
		out, err := encode(buf, &batch[i])
		if err != nil {
			rejected = append(rejected, i)
			unencodable = fmt.Errorf("encode: %w", err)
			continue
		}
		if buf = out; len(buf) > at {
			ends, index = append(ends, len(buf)), append(index, i)
		}
	}
	s.buf, s.ends, s.index = buf, ends, index
	if cap(s.buf) > idleBuffer {
		s.buf = nil
	}
	taken, err := s.Write(ctx, buf, ends)
	switch {
	case err == nil && rejected == nil:
		return nil
	case err != nil && rejected == nil && taken == 0:
		return err
	}
	e := &core.PartialError{Rejected: rejected, Err: errors.Join(unencodable, err)}
	if err != nil {
		e.Retry = append(e.Retry, index[taken:]...)
	}
	return e
}
