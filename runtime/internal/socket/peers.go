package socket

import (
	"context"
	"sync"

	"github.com/gozmq/gozmq/runtime/internal/link"
)

// A PeerHandler handles the peers of a PeerSocket. Calls for different
// connections may run at the same time. A message that is too large ends its
// connection, unless the handler is an OversizedReceiver.
type PeerHandler interface {
	BatchReceiver
	// Join is called once for each connection, before it is read. From then on
	// SendTo may write to it.
	Join(c *link.Conn)
	// Leave is called when a connection has ended, after Receive for every message
	// that came on it.
	Leave(c *link.Conn)
	// Writable is called, with no lock held, when a connection whose queue was
	// full has room again.
	Writable(c *link.Conn)
}

// A PeerSocket is a ROUTER or a DEALER whose user handles each peer separately.
type PeerSocket struct {
	group   *link.Group
	to      PeerHandler
	answers bool
}

// NewPeerSocket returns a socket without peers. If answers is set, the socket stops
// reading a peer whose queue is full, because that peer does not read its answers.
// Shutdown must be called.
func NewPeerSocket(cfg link.Config, to PeerHandler, answers bool) *PeerSocket {
	d := &PeerSocket{to: to, answers: answers}
	_, cfg.PassOver = to.(OversizedReceiver)
	d.group = link.NewGroup(cfg, d)
	return d
}

// Links returns the socket's connections.
func (d *PeerSocket) Links() *link.Group { return d.group }

// Serve passes on the messages of one connection (link.Handler).
func (d *PeerSocket) Serve(c *link.Conn) error {
	writable := newWritable(c)
	c.OnWritable(func() {
		writable.room.Set()
		d.to.Writable(c)
	})
	d.to.Join(c)
	defer d.to.Leave(c)
	c.Ready()
	if !d.answers {
		return receive(c, d.to)
	}
	r := newBatchReader(c, d.to)
	for {
		if err := writable.wait(); err != nil {
			return err
		}
		batch, err := r.next(maxAnswered)
		if err != nil {
			return err
		}
		d.to.Receive(c, batch)
		batch.Release()
	}
}

// maxAnswered is how many messages are received before their answers must have
// room in the peer's queue.
const maxAnswered = 256

// Fence returns when every peer has received all messages sent to it before, and
// this side has received all messages that the peer sent until then. After it, no
// message is in flight that a peer sent before it received ours. Fence skips a peer
// of ZMTP 3.0 or whose connection ends, and returns when ctx ends.
func (d *PeerSocket) Fence(ctx context.Context) {
	var wg sync.WaitGroup
	d.group.Each(func(c *link.Conn) {
		wg.Go(func() {
			for range roundTrips {
				if c.Sync(ctx) != nil {
					return
				}
			}
		})
	})
	wg.Wait()
}

// roundTrips is how many PINGs of Fence must be answered, one after the other.
//
//  1. The peer may send the first PONG before it has received the messages that came
//     with the PING.
//  2. It sends the second one after that, but this side may read it before the messages
//     that came with it are received.
//  3. When this side reads the third one, it has received them.
const roundTrips = 3

// Shutdown closes every connection. Receive must no longer block.
func (d *PeerSocket) Shutdown(ctx context.Context) error { return d.group.Shutdown(ctx) }

// SendTo appends m to c's queue and never waits. Another goroutine writes it or,
// if c is corked, Uncork does. Its errors are m's own, link.ErrFull, and the
// reason why c has ended.
func SendTo(c *link.Conn, m Message) error {
	b, err := c.Begin()
	if err != nil {
		return err
	}
	if b, err = appendTo(c, b, m); err == nil {
		c.CommitSoon(b)
	}
	return err
}

// SendForced is SendTo without a high-water mark. It is for answers, whose number
// is bounded by the number of messages that they answer. It ignores a connection
// that has ended.
func SendForced(c *link.Conn, m Message) {
	b, err := c.BeginForced()
	if err != nil {
		return
	}
	b, _ = m.AppendMessage(b)
	c.CommitSoon(b)
}
