package socket

import (
	"time"

	"github.com/gozmq/gozmq/runtime/internal/link"
)

// A subscriptionPacer pauses a peer that subscribes and cancels without end, so
// that the others are served, too. It counts changes, not time: one
// throttle.Bucket could not bound their number and their bytes alike.
type subscriptionPacer struct{ changes, bytes int }

// After paceChanges changes or paceBytes bytes of prefixes a peer is not read for
// pacePause.
const (
	paceChanges = 1000
	paceBytes   = 128 << 10
	pacePause   = 10 * time.Millisecond
)

// pace is called before each change. It waits when a pause is due.
func (p *subscriptionPacer) pace(c *link.Conn, prefix []byte) {
	p.changes++
	p.bytes += len(prefix)
	if p.changes < paceChanges && p.bytes < paceBytes {
		return
	}
	*p = subscriptionPacer{}
	timer := time.NewTimer(pacePause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.Closed():
	}
}
