package socket

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/gozmq/gozmq/runtime/internal/link"
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
	change  chan struct{} // closed and replaced when a message may be placed
}

// NewPush returns a push socket without peers. Shutdown must be called.
func NewPush(cfg link.Config) *Push {
	p := &Push{change: make(chan struct{})}
	p.group = link.NewGroup(cfg, p)
	return p
}

// Links returns the socket's connections.
func (p *Push) Links() *link.Group { return p.group }

// Send returns nil once m is in the queue of a peer. Its errors are the
// context's, link.ErrClosed, and m's own.
func (p *Push) Send(ctx context.Context, m Message) error {
	for {
		p.mu.Lock()
		if p.closed {
			p.mu.Unlock()
			return link.ErrClosed
		}
		placed, err := false, error(nil)
		if p.adopt() {
			placed, err = p.place(m)
		}
		change := p.change
		p.mu.Unlock()
		if placed || err != nil {
			return err
		}
		select {
		case <-change:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// place gives m to the next peer that has room; p.mu is held.
func (p *Push) place(m Message) (bool, error) {
	for range p.peers {
		p.turn++
		c := p.peers[p.turn%len(p.peers)]
		if ok, err := tryPush(c, m); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

// tryPush appends m to c's queue; it returns false when c is full or gone.
func tryPush(c *link.Conn, m Message) (bool, error) {
	b, err := c.Begin()
	if err != nil {
		return false, nil
	}
	done := false
	defer func() {
		if !done {
			c.Abort()
		}
	}()
	if b, err = m.AppendMessage(b); err != nil {
		return false, err
	}
	done = true
	c.CommitLater(b)
	return true, nil
}

// adopt places what departed peers left behind; it returns false when some of
// it has to wait. p.mu is held.
func (p *Push) adopt() bool {
	for !p.orphans.empty() {
		if placed, _ := p.place(&p.orphans); !placed {
			return false
		}
		p.orphans.pop()
	}
	return true
}

// changed tells those who wait to try again.
func (p *Push) changed() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.adopt()
	close(p.change)
	p.change = make(chan struct{})
}

// Serve adds a peer until its connection ends (link.Handler). What a peer
// sends has no meaning here and is dropped.
func (p *Push) Serve(c *link.Conn) error {
	c.Room = p.changed
	p.mu.Lock()
	p.peers = append(p.peers, c)
	p.mu.Unlock()
	p.changed()
	c.Ready()
	err := discard(c)
	c.Close(err)
	unsent := c.Unsent()
	p.mu.Lock()
	p.peers = without(p.peers, c)
	p.orphans.add(unsent)
	p.mu.Unlock()
	p.changed()
	return err
}

// discard reads c for the sake of its commands.
func discard(c *link.Conn) error {
	for {
		_, err := c.Next()
		if errors.Is(err, link.ErrInterrupted) {
			c.Resume()
			continue
		}
		if err != nil {
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
	err := errors.Join(p.settle(ctx), p.group.Shutdown(ctx))
	p.mu.Lock()
	defer p.mu.Unlock()
	if err == nil && !p.orphans.empty() {
		err = errUnsent
	}
	return err
}

var errUnsent = errors.New("a peer went before it had been sent everything, and no other was there")

// settle waits until the orphans have found a peer.
func (p *Push) settle(ctx context.Context) error {
	for {
		p.mu.Lock()
		left, change := !p.orphans.empty(), p.change
		p.mu.Unlock()
		if !left {
			return nil
		}
		select {
		case <-change:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// WaitPeers waits until at least n peers are connected.
func (p *Push) WaitPeers(ctx context.Context, n int) error {
	for {
		p.mu.Lock()
		have, closed, change := len(p.peers), p.closed, p.change
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
			return fmt.Errorf("%w: %d of %d peers are connected", ctx.Err(), have, n)
		}
	}
}
