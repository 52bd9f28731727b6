package pipeline

import (
	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/socket"
)

// claim reports to a ventilator the running tasks whose connections were lost, so
// that it does not count them as lost. The tasks from its own endpoint are its own.
// It may have become the owner of the others: then it sends them again. c.mu is
// held.
func (c *Consumer) claim(conn *link.Conn) {
	if !conn.Gozmq() {
		return
	}
	c.ledger.each(func(d *Delivery) {
		switch {
		case !d.adrift():
		case conn.Dialed() && d.lost != nil && d.lost.Endpoint() == conn.Endpoint():
			d.attach(c.ventilators[conn])
			d.extend()
		default:
			d.claimFrom(conn)
		}
	})
}

// claimElsewhere reports to the other ventilators a task that runs here and whose
// connection was lost: one of them may have taken over; c.mu is held.
func (c *Consumer) claimElsewhere(d *Delivery) {
	if !d.adrift() {
		return
	}
	for conn := range c.ventilators {
		if conn.Gozmq() {
			d.claimFrom(conn)
		}
	}
}

// adrift reports whether the task runs and has no ventilator; the consumer's lock
// is held.
func (d *Delivery) adrift() bool { return d.running && d.to == nil && d.Attempt > 0 }

// claimFrom claims the task from a ventilator, which sends it again if it owns it;
// the consumer's lock is held.
func (d *Delivery) claimFrom(conn *link.Conn) {
	command := d.extension()
	command.Again = true
	socket.SendForced(conn, command)
}
