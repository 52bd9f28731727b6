package socket

import (
	"context"
	"errors"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// write appends one message to the connection: what appendFrames appends behind
// the envelope. It returns a *link.LimitError when the peer announces to take less.
// commit is one of the connection's: what goes on a burst may be written a little
// later, together with what follows it.
func (p *dealerPeer) write(id uint64, commit func(*link.Conn, []byte), appendFrames func(b []byte) ([]byte, error)) error {
	b, err := p.conn.Begin()
	if err != nil {
		if errors.Is(err, link.ErrFull) {
			return err
		}
		return &LostError{err}
	}
	done := false
	defer func() {
		if !done {
			p.conn.Abort()
		}
	}()
	start := len(b)
	if b, err = appendFrames(wire.AppendCallID(b, id)); err == nil {
		err = p.conn.Fits(b[start:])
	}
	if err != nil {
		return err
	}
	done = true
	commit(p.conn, b)
	return nil
}

// awaitRoom returns nil when the connection's queue may have room. It ends with
// ctx, and with over.
func (p *dealerPeer) awaitRoom(ctx context.Context, over <-chan struct{}) error {
	room := p.writable()
	if !p.conn.Full() {
		return nil
	}
	select {
	case <-room:
		return nil
	case <-over:
		return ErrStreamOver
	case <-p.conn.Closed():
		return &LostError{p.conn.Err()}
	case <-ctx.Done():
		return ctx.Err()
	}
}
