package pipeline

import (
	"slices"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// cancel ends a task that a ventilator has canceled: one that waits goes back, and
// the context of one that runs ends. It has no effect on a task that came on
// another connection, or whose handler has returned. c.mu is held.
func (c *Consumer) cancel(conn *link.Conn, id []byte) {
	d := c.held[string(id)]
	switch {
	case d == nil || d.conn != conn || d.handled:
	case d.running:
		d.canceled.Store(true)
		d.scope.end(c.canceled)
	default:
		c.waiting = slices.DeleteFunc(c.waiting, func(other *Delivery) bool { return other == d })
		d.release(wire.VerbReturn, nil)
	}
}

// Canceled reports whether the ventilator has canceled the task while it ran.
func (d *Delivery) Canceled() bool { return d.canceled.Load() }
