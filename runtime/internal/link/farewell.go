package link

import (
	"errors"
	"io"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

const (
	// farewellTime bounds each step of a farewell.
	farewellTime = 500 * time.Millisecond
	// farewellBytes is how many of the peer's pending bytes are read, so that the
	// kernel does not reset the connection before the peer has read the reason.
	farewellBytes = 1 << 20
)

// farewell sends a peer that broke the protocol or exceeded a limit an ERROR with
// the reason for the end of the connection. The reader calls it once. Queued
// messages are not sent.
func (c *Conn) farewell(reason error) {
	if c.Minor < 1 || errors.As(reason, new(*EndedError)) || c.Err() != nil {
		return
	}
	w := &c.writer
	w.fail(reason)
	select {
	case <-c.Flushed():
	case <-c.closed:
		return
	case <-time.After(farewellTime):
		return // the peer does not read
	}
	_ = c.raw.SetDeadline(time.Now().Add(farewellTime))
	if _, err := c.raw.Write(w.last(zmtp.AppendCommand(nil, zmtp.CommandError, zmtp.ErrorBody(reason.Error())))); err != nil {
		return
	}
	if half, ok := c.raw.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		_, _ = io.CopyN(io.Discard, c.raw, farewellBytes)
	}
}

// last returns the last command as bytes for the wire; nothing is written after it.
func (w *writer) last(command []byte) []byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.out = chunk{b: command}
	w.prepare()
	wire := w.wire
	w.out, w.wire, w.sealed = chunk{}, nil, nil
	return wire
}
