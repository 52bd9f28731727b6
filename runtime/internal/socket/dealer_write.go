package socket

import (
	"context"
	"errors"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// write sends one message: the envelope and the frames that appendFrames appends.
// It returns a *link.LimitError when the message exceeds the peer's announced
// limit. commit is one of the connection's Commit methods; in a burst the message
// may be written a little later, together with the next ones.
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

// awaitRoom returns nil when the connection's queue may have room. It also returns
// when ctx or over ends.
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
