package socket

import (
	"context"
	"sync"

	"github.com/gozmq/gozmq/runtime/internal/link"
)

// A PeerHandler is what stands above a Direct. Calls for different connections
// may run at the same time.
type PeerHandler interface {
	BatchReceiver
	// Join is called once for each connection, before it is read. It may be
	// written to from now on, with SendTo.
	Join(c *link.Conn)
	// Leave is called when a connection has ended and all that it has sent was
	// received.
	Leave(c *link.Conn)
	// Room is called, with nothing locked, when a connection that was full has
	// room again.
	Room(c *link.Conn)
}

// A Direct is a ROUTER or a DEALER whose user deals with each peer by itself.
type Direct struct {
	group   *link.Group
	to      PeerHandler
	answers bool
}

// NewDirect returns a socket without peers. One that answers what it receives
// does not read a peer that does not read its answers. Shutdown must be called.
func NewDirect(cfg link.Config, to PeerHandler, answers bool) *Direct {
	d := &Direct{to: to, answers: answers}
	d.group = link.NewGroup(cfg, d)
	return d
}

// Links returns the socket's connections.
func (d *Direct) Links() *link.Group { return d.group }

// Serve passes on what one connection receives (link.Handler).
func (d *Direct) Serve(c *link.Conn) error {
	writable := newWritable(c)
	token := c.Room
	c.Room = func() {
		token()
		d.to.Room(c)
	}
	d.to.Join(c)
	defer d.to.Leave(c)
	c.Ready()
	if !d.answers {
		return receive(c, d.to)
	}
	for {
		if err := writable.wait(); err != nil {
			return err
		}
		batch, err := c.NextBatch(maxAnswered)
		if err != nil {
			return err
		}
		d.to.Receive(c, batch)
		batch.Release()
	}
}

// maxAnswered is how many messages are received before their answers must have
// found room.
const maxAnswered = 256

// Settle returns when every peer has received what was sent to it before, and
// what it sent until then was received from it: so nothing is on the way that it
// would not have sent had it known. It gives up a peer that cannot tell, or has
// ended, and all when ctx ends.
func (d *Direct) Settle(ctx context.Context) {
	var wg sync.WaitGroup
	d.group.Each(func(c *link.Conn) {
		wg.Go(func() {
			for range settlingTrips {
				if c.Sync(ctx) != nil {
					return
				}
			}
		})
	})
	wg.Wait()
}

// settlingTrips is how often a PING must have come back. The first PONG may be
// sent before what came with the PING is received by the peer, the second one is
// not; and it may be read before what came with it is received here, but the
// third one is not.
const settlingTrips = 3

// Shutdown closes every connection. Receive must not wait any more.
func (d *Direct) Shutdown(ctx context.Context) error { return d.group.Shutdown(ctx) }

// SendTo gives m to c's queue and never waits. Its errors are m's own,
// link.ErrFull, and why c has ended.
func SendTo(c *link.Conn, m Message) error {
	b, err := c.Begin()
	if err != nil {
		return err
	}
	return push(c, b, m)
}

// SendAnyway is SendTo without a high-water mark: for answers, whose number is
// bounded by what they answer. A connection that has ended is no error.
func SendAnyway(c *link.Conn, parts ...[]byte) {
	b, err := c.BeginForced()
	if err != nil {
		return
	}
	b, _ = (&Frames{Parts: parts}).AppendMessage(b)
	c.CommitLater(b)
}
