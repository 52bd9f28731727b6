package pipeline

import (
	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/socket"
)

// announce has a goroutine report to the ventilator that a task runs. The
// goroutine starts at once, takes all tasks that were begun meanwhile, and sends
// them in one write. It leaves out those that have ended, whose ends say as much:
// a task that takes no time costs no message. While tasks are quick it waits
// (consumer_reports.go). c.mu is held.
func (c *Consumer) announce(d *Delivery) {
	c.begun, d.begun = append(c.begun, d), true
	switch {
	case c.announcing:
	case d.to != nil && c.quick(d.to):
		c.reportLater()
	default:
		c.announcing = true
		c.wg.Go(c.announceBegun)
	}
}

// announceBegun sends the EXTEND of each task that was begun, until there is none.
func (c *Consumer) announceBegun() {
	for {
		c.mu.Lock()
		if len(c.begun) == 0 {
			c.announcing = false
			c.mu.Unlock()
			return
		}
		conns := c.appendBegun()
		c.mu.Unlock()
		uncork(conns)
	}
}

// appendBegun appends these commands to the queues of their connections, before any
// command on how the tasks end, and returns the connections, corked. c.mu is held.
func (c *Consumer) appendBegun() (conns []*link.Conn) {
	for _, d := range c.begun {
		d.begun = false
		switch {
		case !d.held && d.decoded:
			c.spare.give(d)
			continue
		case !d.held || d.to == nil:
			continue
		}
		d.to.conn.Cork()
		conns = append(conns, d.to.conn)
		socket.SendForced(d.to.conn, d.extension())
	}
	clear(c.begun)
	c.begun = c.begun[:0]
	return conns
}
