package socket

import (
	"context"
	"sync"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/notify"
)

// A Pull takes messages from its peers, one from each in turn (RFC 30). Its
// methods may be called from any goroutine.
type Pull struct {
	group  *link.Group
	window int

	mu     sync.Mutex
	ready  []*pullPeer      // peers that have messages, next one first
	wake   notify.Broadcast // of ready, closed and ended
	closed bool             // what is read is dropped
	ended  bool             // nothing more will be read
}

// A pullPeer is one connection with the messages that were read from it and
// not yet received. The socket's lock guards it.
type pullPeer struct {
	batch *pulled
	empty notify.Token // set when batch has been received
}

// pulled is a batch that is being received message by message.
type pulled struct {
	*link.Batch
	conn *link.Conn
	next int // message to be received
	held int // messages received and not yet released
}

// A Received is one message of a Pull. Release must be called once its frames
// are not needed any more.
type Received struct {
	Frames [][]byte
	pull   *Pull
	batch  *pulled
}

// NewPull returns a pull socket without peers that reads at most window
// messages of one peer ahead of their receipt. Shutdown must be called.
func NewPull(cfg link.Config, window int) *Pull {
	p := &Pull{window: window}
	p.group = link.NewGroup(cfg, p)
	return p
}

// Links returns the socket's connections.
func (p *Pull) Links() *link.Group { return p.group }

// Recv returns the next message, or the context's error, or link.ErrClosed.
func (p *Pull) Recv(ctx context.Context) (Received, error) {
	if err := p.wait(ctx); err != nil {
		return Received{}, err
	}
	r := p.take()
	p.mu.Unlock()
	return r, nil
}

// wait returns with p.mu held once there is a message, else with an error.
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

// take receives one message of the peer whose turn it is; p.mu is held.
func (p *Pull) take() Received {
	peer := p.ready[0]
	b := peer.batch
	r := Received{Frames: b.Message(b.next), pull: p, batch: b}
	b.next++
	b.held++
	switch {
	case b.next == b.Len():
		p.ready = append(p.ready[:0], p.ready[1:]...)
		peer.batch = nil
		peer.empty.Set()
	case len(p.ready) > 1:
		copy(p.ready, p.ready[1:])
		p.ready[len(p.ready)-1] = peer
	}
	return r
}

// Malformed reports that the message made no sense.
func (r Received) Malformed(format string, args ...any) { r.batch.conn.Malformed(format, args...) }

// Conn returns the connection that the message came on.
func (r Received) Conn() *link.Conn { return r.batch.conn }

// Release gives the message's memory back.
func (r Received) Release() {
	b := r.batch
	r.pull.mu.Lock()
	b.held--
	done := b.held == 0 && b.next == b.Len()
	r.pull.mu.Unlock()
	if done {
		b.Batch.Release()
	}
}

// Serve reads one connection (link.Handler). It reads one batch ahead and then
// waits until the one before has been received, so a slow receiver slows its
// senders down. What has come whole is delivered even when the connection has
// ended.
func (p *Pull) Serve(c *link.Conn) error {
	peer := &pullPeer{empty: notify.NewToken()}
	peer.empty.Set()
	c.Ready()
	for {
		batch, err := c.NextBatch(p.window)
		if err != nil {
			return err
		}
		peer.wait(c)
		if !p.offer(peer, &pulled{Batch: batch, conn: c}) {
			batch.Release()
			return link.ErrClosed
		}
	}
}

// wait waits until the batch before has been received; c is not read meanwhile.
func (peer *pullPeer) wait(c *link.Conn) {
	select {
	case <-peer.empty:
	default:
		c.Pause()
		<-peer.empty
		c.Unpause()
	}
}

// offer makes a batch ready for receipt; it returns false after Shutdown.
func (p *Pull) offer(peer *pullPeer, batch *pulled) bool {
	batch.Expand() // several messages may be with receivers at once
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	peer.batch = batch
	p.ready = append(p.ready, peer)
	p.wake.Notify()
	return true
}

// Drain closes every connection and returns when what they had read has been
// received, or ctx has ended; after that Recv returns link.ErrClosed.
func (p *Pull) Drain(ctx context.Context) error {
	stop := context.AfterFunc(ctx, p.abandon)
	defer stop()
	err := p.group.Shutdown(ctx)
	p.mu.Lock()
	p.ended = true
	p.wake.Notify()
	p.mu.Unlock()
	return err
}

// Shutdown ends every Recv and closes every connection. Messages that were
// read and not received are gone.
func (p *Pull) Shutdown(ctx context.Context) error {
	p.abandon()
	return p.Drain(ctx)
}

// abandon drops what was read and what will be.
func (p *Pull) abandon() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, peer := range p.ready {
		peer.empty.Set()
	}
	p.ready = nil
	p.wake.Notify()
}
