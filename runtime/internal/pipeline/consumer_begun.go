package pipeline

import (
	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/socket"
)

// announce makes a goroutine report to the ventilator that a task runs. The
// goroutine starts at once, collects all tasks that were begun in the meantime, and
// reports them in one write. It leaves out the ones that have ended, because their
// ends are sufficient: a very short task costs no extra message. c.mu is held.
func (c *Consumer) announce(d *Delivery) {
	c.begun = append(c.begun, d)
	if !c.announcing {
		c.announcing = true
		c.wg.Go(c.announceBegun)
	}
}

// announceBegun sends the EXTEND of each task that was begun, until there is none.
func (c *Consumer) announceBegun() {
	for {
		conns := c.appendBegun()
		if conns == nil {
			return
		}
		for _, conn := range conns {
			conn.Uncork()
		}
	}
}

// appendBegun appends these commands to the queues of their connections, before any
// command on how the tasks end, and returns the connections, corked. It returns nil
// when no task has been begun, after which announce must start another goroutine.
func (c *Consumer) appendBegun() []*link.Conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.begun) == 0 {
		c.announcing = false
		return nil
	}
	conns := make([]*link.Conn, 0, 1)
	for _, d := range c.begun {
		if d.conn == nil || c.held[d.id] != d {
			continue
		}
		d.conn.Cork()
		conns = append(conns, d.conn)
		socket.SendCorked(d.conn, d.extension())
	}
	clear(c.begun)
	c.begun = c.begun[:0]
	return conns
}
