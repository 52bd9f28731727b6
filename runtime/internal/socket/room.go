package socket

import "github.com/gozmq/gozmq/runtime/internal/link"

// A room has a token when a connection's queue, found full, has room again.
type room chan struct{}

// newRoom returns the room of c, to which nothing has been written yet.
func newRoom(c *link.Conn) room {
	r := make(room, 1)
	c.Room = func() {
		select {
		case r <- struct{}{}:
		default:
		}
	}
	return r
}

// wait waits while c is full, which is not read meanwhile.
func (r room) wait(c *link.Conn) error {
	if !c.Full() {
		return nil
	}
	c.Pause()
	defer c.Unpause()
	for c.Full() {
		select {
		case <-r:
		case <-c.Closed():
			return c.Err()
		}
	}
	return nil
}
