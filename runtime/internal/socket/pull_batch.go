package socket

import (
	"context"

	"github.com/gozmq/gozmq/runtime/internal/link"
)

// A BatchReceiver takes what was read from connections.
type BatchReceiver interface {
	// Receive is called with all that was read at once from one connection.
	// Calls for different connections may run at the same time. The batch is
	// valid during the call only; the connection is read on when it returns.
	Receive(c *link.Conn, b *link.Batch)
}

// maxBatch is how many messages are passed on at once.
const maxBatch = 4096

// receive passes on what c receives until c ends, and returns why it did.
func receive(c *link.Conn, to BatchReceiver) error {
	for {
		batch, err := c.NextBatch(maxBatch)
		if err != nil {
			return err
		}
		to.Receive(c, batch)
		batch.Release()
	}
}

// A Collect is a Pull that passes on what it has read from each connection in
// that connection's goroutine. A connection whose messages find no place waits
// by itself.
type Collect struct {
	group *link.Group
	to    BatchReceiver
}

// NewCollect returns a pull socket without peers. Shutdown must be called.
func NewCollect(cfg link.Config, to BatchReceiver) *Collect {
	c := &Collect{to: to}
	c.group = link.NewGroup(cfg, c)
	return c
}

// Links returns the socket's connections.
func (c *Collect) Links() *link.Group { return c.group }

// Serve receives from one peer (link.Handler).
func (c *Collect) Serve(conn *link.Conn) error {
	conn.Ready()
	return receive(conn, c.to)
}

// Shutdown closes every connection. Receive must not wait any more.
func (c *Collect) Shutdown(ctx context.Context) error { return c.group.Shutdown(ctx) }
