package pipeline

import (
	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/socket"
)

// claim reports to a ventilator which tasks run here that came on a connection that
// was lost, so that it does not take them for lost. Those that came from its
// endpoint are its own. Of the others it may have become the owner: it sends them
// again if it has. c.mu is held.
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

// claimFrom asks a ventilator for the task, which it sends again if it has it; the
// consumer's lock is held.
func (d *Delivery) claimFrom(conn *link.Conn) {
	command := d.extension()
	command.Again = true
	socket.SendForced(conn, command)
}
