package socket

import (
	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/notify"
)

// A writable waits until a connection's queue has room.
type writable struct {
	conn *link.Conn
	room notify.Token // set when the queue, found full, has room again
}

// newWritable returns the writable of c. What c.OnWritable is given must set its
// room.
func newWritable(c *link.Conn) writable {
	return writable{conn: c, room: notify.NewToken()}
}

// wait waits while the queue is full. The connection is not read meanwhile.
func (w writable) wait() error {
	c := w.conn
	if !c.Full() {
		return nil
	}
	c.Pause()
	defer c.Unpause()
	for c.Full() {
		select {
		case <-w.room:
		case <-c.Closed():
			return c.Err()
		}
	}
	return nil
}
