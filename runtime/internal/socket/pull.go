package socket

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/notify"
)

// A Pull receives messages from its peers in rotation (RFC 30). Its methods may be
// called from any goroutine.
type Pull struct {
	group  *link.Group
	window Window
	drop   func(Received) // nil: nobody is notified

	mu     sync.Mutex
	turn   turn
	ready  []*pullPeer      // peers that have messages; the next one is the first
	wake   notify.Broadcast // of ready, closed and ended
	closed bool             // messages that are read are dropped
	ended  bool             // no more messages will be read
}

// A pullPeer is one connection and the messages that were read from it and not yet
// received. The socket's lock guards it.
type pullPeer struct {
	batch *pulledBatch
	empty notify.Token // set when batch has been received
	pace  pullPace
}

// A pulledBatch is a batch that is received message by message.
type pulledBatch struct {
	*link.Batch
	conn  *link.Conn
	route uint64       // of a ProxyRouter
	next  int          // index of the message to be received
	left  atomic.Int64 // messages that were not released
}

// A Received is one message of a Pull. Release must be called once its frames
// are no longer needed.
type Received struct {
	Frames [][]byte
	batch  *pulledBatch
}

// NewPull returns a pull socket without peers. Shutdown must be called.
func NewPull(cfg link.Config, window Window) *Pull {
	p := new(Pull)
	p.init(cfg, window, p)
	return p
}

// OnDrop sets the function that is called with each message that was read but will
// not be received, because Drain's time was over or the socket was shut down. The
// frames are valid until drop returns. Call it before the first connection.
func (p *Pull) OnDrop(drop func(Received)) { p.drop = drop }

// init prepares p, whose connections h serves.
func (p *Pull) init(cfg link.Config, window Window, h link.Handler) {
	p.window = window
	cfg.PassOver = true
	p.group = link.NewGroup(cfg, h)
}

// Links returns the socket's connections.
func (p *Pull) Links() *link.Group { return p.group }

// Recv returns the next message, or the context's error, or link.ErrClosed.
func (p *Pull) Recv(ctx context.Context) (Received, error) {
	if err := p.wait(ctx); err != nil {
		return Received{}, err
	}
	r := p.next()
	p.mu.Unlock()
	return r, nil
}

// wait returns nil, with p.mu held, once there is a message, otherwise an error.
func (p *Pull) wait(ctx context.Context) error {
	for {
		p.mu.Lock()
		if len(p.ready) > 0 {
			return nil
		}
		if p.closed || p.ended {
			p.mu.Unlock()
			return link.ErrClosed
		}
		wake := p.wake.Changed()
		p.mu.Unlock()
		select {
		case <-wake:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// next receives the next message of the first peer in the rotation; p.mu is held.
func (p *Pull) next() Received {
	peer := p.ready[0]
	b := peer.batch
	r := Received{Frames: b.Message(b.next), batch: b}
	b.next++
	switch {
	case b.next == b.Len():
		p.ready = append(p.ready[:0], p.ready[1:]...)
		peer.batch = nil
		peer.pace.end()
		peer.empty.Set()
	case len(p.ready) > 1:
		copy(p.ready, p.ready[1:])
		p.ready[len(p.ready)-1] = peer
	}
	return r
}

// Malformed reports that the message could not be interpreted.
func (r Received) Malformed(format string, args ...any) { r.batch.conn.Malformed(format, args...) }

// Conn returns the connection that the message came on.
func (r Received) Conn() *link.Conn { return r.batch.conn }

// Release gives up the message's memory.
func (r Received) Release() {
	if b := r.batch; b.left.Add(-1) == 0 {
		b.Batch.Release()
	}
}

// Serve reads one connection (link.Handler). It reads one batch ahead and then
// waits until the previous one was received, so a slow receiver slows down its
// senders. Whole messages are delivered even after the connection has ended.
func (p *Pull) Serve(c *link.Conn) error {
	peer := &pullPeer{empty: notify.NewToken()}
	peer.empty.Set()
	r := newBatchReader(c, nil)
	c.Ready()
	peer.pace.window = p.window.Least
	for {
		batch, err := r.next(peer.pace.window)
		if err != nil {
			return err
		}
		peer.wait(c)
		peer.pace.adapt(p.window)
		if pulled := (&pulledBatch{Batch: batch, conn: c}); !p.offer(peer, pulled) {
			p.dropAll(p.takeRest(pulled, nil))
			if p.drop == nil {
				return link.ErrClosed
			}
			peer.empty.Set() // all other messages are dropped, too
		}
	}
}

// wait waits until the previous batch was received; c is not read in the meantime.
func (peer *pullPeer) wait(c *link.Conn) {
	select {
	case <-peer.empty:
	default:
		c.Pause()
		<-peer.empty
		c.Unpause()
	}
}

// offer makes a batch ready for receipt, and receives itself if nobody does and the
// receiver takes turns. It returns false after Shutdown.
func (p *Pull) offer(peer *pullPeer, batch *pulledBatch) bool {
	batch.Expand() // several messages may be with receivers at once
	batch.left.Store(int64(batch.Len()))
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return false
	}
	peer.batch = batch
	peer.pace.begin(batch.Len())
	p.ready = append(p.ready, peer)
	lead := p.announce()
	p.mu.Unlock()
	if lead {
		p.turn.lead()
	}
	return true
}

// dropGrace is how long Drain goes on reading messages in flight after its time is
// over, to report them as dropped.
const dropGrace = 500 * time.Millisecond

// Drain closes every connection and returns when all messages read from them were
// received. When ctx ends first, it drops the messages that were not received and
// those that arrive within dropGrace. After Drain, Recv returns link.ErrClosed.
func (p *Pull) Drain(ctx context.Context) error {
	reading, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	dropped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(dropped)
		p.discard()
		if p.drop == nil {
			cancel(context.Cause(ctx))
			return
		}
		time.AfterFunc(dropGrace, func() { cancel(context.Cause(ctx)) })
	})
	err := p.group.Shutdown(reading)
	if !stop() {
		<-dropped
	}
	p.mu.Lock()
	p.ended = true
	p.wake.Notify()
	p.mu.Unlock()
	return err
}

// Shutdown ends every Recv and closes every connection. Messages that were read but
// not received are dropped.
func (p *Pull) Shutdown(ctx context.Context) error {
	p.discard()
	return p.Drain(ctx)
}

// discard drops all messages that were read, and all later ones.
func (p *Pull) discard() {
	var rest []Received
	p.mu.Lock()
	p.closed = true
	for _, peer := range p.ready {
		rest = p.takeRest(peer.batch, rest)
		peer.batch = nil
		peer.empty.Set()
	}
	p.ready = nil
	p.wake.Notify()
	p.mu.Unlock()
	p.dropAll(rest)
}

// takeRest appends to rest the messages of a batch that were not received. p.mu
// is held, or nobody else has the batch.
func (p *Pull) takeRest(b *pulledBatch, rest []Received) []Received {
	for ; b.next < b.Len(); b.next++ {
		rest = append(rest, Received{Frames: b.Message(b.next), batch: b})
	}
	return rest
}

func (p *Pull) dropAll(rest []Received) {
	for _, r := range rest {
		if p.drop != nil {
			p.drop(r)
		}
		r.Release()
	}
}
