package link

import (
	"fmt"

	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A LimitError says that a message was not sent because it exceeds its receiver's
// announced limit.
type LimitError struct {
	Size  uint64 // bytes of the largest frame
	Limit int64  // the peer's announced limit
	Peer  string // its address
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("a body of %d bytes exceeds the limit of %d that the peer %s announces (send less, or raise it there with WithMaxMessageSize)", e.Size, e.Limit, e.Peer)
}

// Fits returns a *LimitError if a frame of the message exceeds the peer's announced
// limit. message is its bytes on the wire. A peer that announces no limit accepts
// any size; with Config.IgnoreLimits Fits always returns nil.
func (c *Conn) Fits(message []byte) error {
	if err := c.Beyond(message); err != nil {
		return err
	}
	return nil
}

// Beyond is Fits with the error's type, for which nothing is allocated.
func (c *Conn) Beyond(message []byte) *LimitError {
	if c.MaxMessage <= 0 || c.cfg.IgnoreLimits || int64(len(message)) <= c.MaxMessage {
		return nil
	}
	for len(message) > 0 {
		h, ok, err := zmtp.ParseHeader(message)
		if !ok || err != nil || h.Size > uint64(len(message)-h.Len) {
			return nil
		}
		if h.Size > uint64(c.MaxMessage) {
			return &LimitError{Size: h.Size, Limit: c.MaxMessage, Peer: c.address}
		}
		message = message[h.Len+int(h.Size):]
	}
	return nil
}

// DropTooLarge is Drop for a message that exceeds the peer's limit.
func (c *Conn) DropTooLarge(err *LimitError) {
	c.drops.Add(1)
	c.tooLarge.Add(1)
	c.beyond.Add(1)
	c.beyondErr.Store(err)
}

// reportBeyond reports the messages that DropTooLarge has counted, with the
// last one's error.
func (c *Conn) reportBeyond() {
	if n := c.beyond.Swap(0); n > 0 {
		c.ReportEvent(Event{Kind: Dropped, Count: int(n), Err: c.beyondErr.Load()})
	}
}
