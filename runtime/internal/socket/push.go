package socket

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/notify"
)

// A Message appends its frames, as they go on the wire, to a buffer.
type Message interface {
	AppendMessage(b []byte) ([]byte, error)
}

// A Push hands each message to one of its peers, in turn among those whose
// queue is not full, and waits while there is none (RFC 30). It drops nothing:
// what a peer that goes has not been sent goes to another one, in order. Its
// methods may be called from any goroutine.
type Push struct {
	group *link.Group

	mu      sync.Mutex
	peers   []*link.Conn
	turn    int
	closed  bool
	orphans orphans
	change  notify.Broadcast // of what may let a message be placed
}

// NewPush returns a push socket without peers. Shutdown must be called.
func NewPush(cfg link.Config) *Push {
	p := &Push{}
	p.group = link.NewGroup(cfg, p)
	return p
}

// Links returns the socket's connections.
func (p *Push) Links() *link.Group { return p.group }

// Send returns nil once m is in the queue of a peer. Its errors wrap the
// context's, or are link.ErrClosed and m's own.
func (p *Push) Send(ctx context.Context, m Message) error {
	for {
		p.mu.Lock()
		if p.closed {
			p.mu.Unlock()
			return link.ErrClosed
		}
		placed, err := p.place(m)
		if placed || err != nil {
			p.mu.Unlock()
			return err
		}
		change := p.change.Changed()
		p.mu.Unlock()
		select {
		case <-change:
		case <-ctx.Done():
			return p.blocked(ctx.Err())
		}
	}
}

// blocked adds to cause, which ended a wait, why there was no place.
func (p *Push) blocked(cause error) error {
	p.mu.Lock()
	n := len(p.peers)
	p.mu.Unlock()
	if n == 0 {
		return notReady(p.group, cause)
	}
	return fmt.Errorf("%w (the queues of all peers are full: %d)", cause, n)
}

// place gives m to a peer, after what departed peers left behind, which is
// older; p.mu is held. It returns false when m has to wait.
func (p *Push) place(m Message) (bool, error) {
	for p.adopt() {
		placed, gone, err := p.try(m)
		if gone == nil {
			return placed, err
		}
		if !p.bury(gone) {
			break
		}
	}
	return false, nil
}

// adopt places what failed and departed peers leave behind; it returns false
// when some of it has to wait. p.mu is held.
func (p *Push) adopt() bool {
	for i := 0; i < len(p.peers); i++ {
		if c := p.peers[i]; c.Failed() {
			if !p.bury(c) {
				return false
			}
			i--
		}
	}
	for !p.orphans.empty() {
		placed, gone, _ := p.try(&p.orphans)
		switch {
		case gone != nil:
			if !p.bury(gone) {
				return false
			}
		case !placed:
			return false
		default:
			p.orphans.pop()
		}
	}
	return true
}

// try gives m to the next peer that has room, if there is one. gone is a peer
// that was found to have failed; then nothing was placed.
func (p *Push) try(m Message) (placed bool, gone *link.Conn, err error) {
	for range p.peers {
		p.turn++
		c := p.peers[p.turn%len(p.peers)]
		b, err := c.Begin()
		if errors.Is(err, link.ErrFull) {
			continue
		}
		if err != nil {
			return false, c, nil
		}
		return true, nil, push(c, b, m)
	}
	return false, nil, nil
}

// push appends m to b, which c.Begin returned.
func push(c *link.Conn, b []byte, m Message) (err error) {
	done := false
	defer func() {
		if !done {
			c.Abort()
		}
	}()
	if b, err = m.AppendMessage(b); err != nil {
		return err
	}
	done = true
	c.CommitLater(b)
	return nil
}

// bury takes a failed peer out, with what it leaves behind. It returns false
// while the peer is still being written to; it tells when it is not.
func (p *Push) bury(c *link.Conn) bool {
	unsent, ok := c.TryUnsent()
	if ok {
		p.peers = without(p.peers, c)
		p.orphans.add(unsent)
	}
	return ok
}

// changed tells those who wait to try again.
func (p *Push) changed() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.adopt()
	p.change.Notify()
}

// Serve adds a peer until its connection ends (link.Handler). What a peer
// sends has no meaning here and is dropped.
func (p *Push) Serve(c *link.Conn) error { return p.serve(c, discard) }

// serve adds a peer for as long as read reads its connection.
func (p *Push) serve(c *link.Conn, read func(*link.Conn) error) error {
	c.Room = p.changed
	p.mu.Lock()
	p.peers = append(p.peers, c)
	p.mu.Unlock()
	p.changed()
	c.Ready()
	err := read(c)
	c.Finish(err)
	<-c.Flushed()
	p.mu.Lock()
	p.bury(c)
	p.mu.Unlock()
	p.changed()
	return err
}

// discard reads c for the sake of its commands.
func discard(c *link.Conn) error {
	for {
		if _, err := c.Next(); err != nil {
			return err
		}
	}
}

func without(conns []*link.Conn, c *link.Conn) []*link.Conn {
	for i := range conns {
		if conns[i] == c {
			return append(conns[:i:i], conns[i+1:]...)
		}
	}
	return conns
}

// Shutdown lets Send fail, waits until what was sent before has been handed to
// the kernel or ctx ends, and closes every connection. It returns an error when
// something was left.
func (p *Push) Shutdown(ctx context.Context) error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.changed()
	err := p.settle(ctx)
	err = errors.Join(err, p.group.Shutdown(ctx))
	p.mu.Lock()
	defer p.mu.Unlock()
	if err == nil && !p.orphans.empty() {
		err = errUnsent
	}
	return err
}

var errUnsent = errors.New("a peer went before it had been sent everything, and no other was there")

// settle waits until everything is with the kernel, while peers that go leave
// to others what they had not been sent.
func (p *Push) settle(ctx context.Context) error {
	for {
		p.mu.Lock()
		settled := p.adopt()
		peers, change := slices.Clone(p.peers), p.change.Changed()
		p.mu.Unlock()
		for _, c := range peers {
			select {
			case <-c.Flushed():
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		p.mu.Lock()
		// What a peer left behind is with another one, if that one has come or
		// the first has gone since.
		settled = settled && slices.Equal(peers, p.peers) && p.orphans.empty() && !slices.ContainsFunc(p.peers, (*link.Conn).Failed)
		p.mu.Unlock()
		if settled {
			return nil
		}
		select {
		case <-change:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Flush waits until everything that was sent is with the kernel, or ctx ends.
func (p *Push) Flush(ctx context.Context) error { return p.settle(ctx) }

// Queued returns how many messages wait to be handed to the kernel.
func (p *Push) Queued() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := p.orphans.len()
	for _, c := range p.peers {
		n += c.QueuedMessages()
	}
	return n
}

// SendAll gives m to every peer, whether or not its queue is full.
func (p *Push) SendAll(m Message) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return link.ErrClosed
	}
	for _, c := range p.peers {
		b, err := c.BeginForced()
		if err != nil {
			continue // it is gone
		}
		if err := push(c, b, m); err != nil {
			return err
		}
	}
	return nil
}

// WaitPeers waits until at least n peers are connected.
func (p *Push) WaitPeers(ctx context.Context, n int) error {
	for {
		p.mu.Lock()
		have, closed, change := len(p.peers), p.closed, p.change.Changed()
		p.mu.Unlock()
		switch {
		case have >= n:
			return nil
		case closed:
			return link.ErrClosed
		}
		select {
		case <-change:
		case <-ctx.Done():
			return fmt.Errorf("%w: %d of %d peers are connected%s", ctx.Err(), have, n, Dialling(p.group))
		}
	}
}
