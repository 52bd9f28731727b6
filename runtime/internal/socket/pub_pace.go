package socket

import (
	"time"

	"github.com/gozmq/gozmq/runtime/internal/link"
)

// A turn is how much a peer has changed its mind since it last rested. One that
// does so without end is not read for a moment every so often, so that others
// have their turn.
type turn struct{ changes, bytes int }

// What ends a turn, whichever comes first, and the rest that follows.
const (
	turnChanges = 1000
	turnBytes   = 128 << 10 // of prefixes
	turnRest    = 10 * time.Millisecond
)

// next is called before each change; it waits when the turn is over.
func (t *turn) next(c *link.Conn, prefix []byte) {
	t.changes++
	t.bytes += len(prefix)
	if t.changes < turnChanges && t.bytes < turnBytes {
		return
	}
	*t = turn{}
	timer := time.NewTimer(turnRest)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.Closed():
	}
}
