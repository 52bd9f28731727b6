package socket

import (
	"time"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// canceledAhead finds the calls whose cancellation was read together with their
// request, as happens when a server was suspended: they need not be begun. The zero
// value is ready.
type canceledAhead struct {
	read  time.Time // when the searched bytes were read
	calls map[uint64]struct{}
}

// canceled reports whether a message that c has handed out is a request whose
// cancellation follows in the bytes that were read. It searches these bytes once
// for each read.
func (a *canceledAhead) canceled(c *link.Conn, frames [][]byte) bool {
	if at := c.ReadAt(); at != a.read {
		a.read = at
		clear(a.calls)
		if c.Pending() {
			wire.EachCancel(c.Ahead(), a.add)
		}
	}
	if len(a.calls) == 0 || len(frames) == 0 {
		return false
	}
	id, content, ok := wire.SplitCallID(frames)
	if !ok || len(content) == 0 || len(content[0]) == 0 { // not a request, but perhaps the cancellation
		return false
	}
	_, canceled := a.calls[id]
	return canceled
}

func (a *canceledAhead) add(id uint64) {
	if a.calls == nil {
		a.calls = make(map[uint64]struct{})
	}
	a.calls[id] = struct{}{}
}
