package pipeline

import "github.com/gozmq/gozmq/runtime/internal/link"

// cancel ends a task that a ventilator has canceled: it returns a waiting task, and
// ends the context of a running one. It has no effect on a task that belongs to
// another connection, or whose handler has returned. c.mu is held.
func (c *Consumer) cancel(conn *link.Conn, id []byte) {
	d, _ := c.ledger.find(id)
	switch {
	case d == nil || d.to != nil && d.to.conn != conn || d.handled:
	case d.running:
		d.handler.end(c.canceled)
	default:
		d.giveBack()
	}
}

// Canceled reports whether the ventilator has canceled the task while it ran:
// before Finish, nothing else ends the scope. It must not be called after Finish.
func (d *Delivery) Canceled() bool { return d.handler.ended() }
