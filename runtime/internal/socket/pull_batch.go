package socket

import (
	"context"

	"github.com/gozmq/gozmq/runtime/internal/link"
)

// A BatchReceiver receives the messages of connections. It may be an
// OversizedReceiver as well.
type BatchReceiver interface {
	// Receive is called with the messages that were read together from one
	// connection. Calls for different connections may run at the same time. The
	// batch is valid during the call only. The connection is not read before
	// Receive returns.
	Receive(c *link.Conn, b *link.Batch)
}

// maxBatch is the most messages that one call of Receive gets.
const maxBatch = 4096

// receive passes on the messages of c until c ends, and returns why it did.
func receive(c *link.Conn, to BatchReceiver) error {
	r := newBatchReader(c, to)
	for {
		batch, err := r.next(maxBatch)
		if err != nil {
			return err
		}
		to.Receive(c, batch)
		batch.Release()
	}
}

// A BatchPull is a Pull that passes on the messages of each connection in that
// connection's goroutine. A receiver that blocks stops that connection only.
type BatchPull struct {
	group *link.Group
	to    BatchReceiver
}

// NewBatchPull returns a pull socket without peers. Shutdown must be called.
func NewBatchPull(cfg link.Config, to BatchReceiver) *BatchPull {
	cfg.PassOver = true
	c := &BatchPull{to: to}
	c.group = link.NewGroup(cfg, c)
	return c
}

// Links returns the socket's connections.
func (c *BatchPull) Links() *link.Group { return c.group }

// Serve receives from one peer (link.Handler).
func (c *BatchPull) Serve(conn *link.Conn) error {
	conn.Ready()
	return receive(conn, c.to)
}

// Shutdown closes every connection. Receive must no longer block.
func (c *BatchPull) Shutdown(ctx context.Context) error { return c.group.Shutdown(ctx) }
