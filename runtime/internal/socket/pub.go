package socket

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/notify"
	"github.com/gozmq/gozmq/runtime/internal/prefix"
)

// A Pub sends each message to the peers that have subscribed to a prefix of its
// topic (RFC 29). It never waits: a peer whose queue is full misses the
// message, which is counted. Its methods may be called from any goroutine.
//
// Locks are taken in this order: the store's, the Pub's, a connection's.
type Pub struct {
	group   *link.Group
	maxSubs int
	dropped atomic.Uint64
	store   topicStore

	removing  sync.Mutex // held to remove a peer with many subscriptions; taken before mu
	replaying sync.Mutex // held to send one lot of a replay; taken before store.mu
	share     replayShare

	shut   atomic.Bool
	mu     sync.Mutex
	subs   prefix.Tree[*link.Conn]
	shares subscriptionShare // of subs
	sends  uint64            // the number of calls of Audience, one per message
	closed bool
	change notify.Broadcast // of subs and closed
}

// NewPub returns a pub socket without peers. A peer may hold up to maxSubs
// subscriptions. Shutdown must be called.
func NewPub(cfg link.Config, maxSubs int) *Pub {
	p := new(Pub)
	p.init(cfg, maxSubs, p)
	return p
}

// init prepares p, whose connections h serves.
func (p *Pub) init(cfg link.Config, maxSubs int, h link.Handler) {
	p.maxSubs = maxSubs
	p.store.observe, p.store.dropped = cfg.Observe, &p.dropped
	p.group = link.NewGroup(cfg, h)
}

// Links returns the socket's connections.
func (p *Pub) Links() *link.Group { return p.group }

// Dropped returns how many messages peers have missed because their queue was
// full.
func (p *Pub) Dropped() uint64 { return p.dropped.Load() }

// Conflated returns how many messages of LatestOnly topics were not sent to a peer
// because a newer one replaced them before its queue had room.
func (p *Pub) Conflated() uint64 { return p.store.conflated.Load() }

// An Audience holds the peers that a message goes to. It may be reused.
type Audience struct{ conns []*link.Conn }

// Audience sets a to the peers that have subscribed to topic, for one call of
// Send. It returns false when there is none.
func (p *Pub) Audience(topic []byte, a *Audience) bool {
	a.conns = a.conns[:0]
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sends++
	p.subs.Match(topic, func(c *link.Conn) { a.conns = append(a.conns, c) })
	return len(a.conns) > 0
}

// Closed reports whether Shutdown was called.
func (p *Pub) Closed() bool { return p.shut.Load() }

// Subscribed reports whether there is any subscription.
func (p *Pub) Subscribed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.subs.Len() > 0
}

// Send sends a message, as frames on the wire, to every peer in a. A peer whose
// announced limit the message exceeds misses it, and is notified (OVERSIZED).
func (p *Pub) Send(a *Audience, frames []byte) {
	for i, c := range a.conns {
		if !p.store.offer(c, frames) {
			p.dropped.Add(1)
			c.Drop()
		}
		a.conns[i] = nil
	}
}

// WaitSubscribers waits until at least n peers have a subscription that covers
// topic.
func (p *Pub) WaitSubscribers(ctx context.Context, topic []byte, n int) error {
	defer p.group.Want()()
	for {
		p.mu.Lock()
		have := 0
		p.subs.Match(topic, func(*link.Conn) { have++ })
		if have >= n {
			p.mu.Unlock()
			return nil
		}
		if p.closed {
			p.mu.Unlock()
			return link.ErrClosed
		}
		change := p.change.Changed()
		p.mu.Unlock()
		select {
		case <-change:
		case <-ctx.Done():
			return fmt.Errorf("%w: %d of %d subscribers are there", ctx.Err(), have, n)
		}
	}
}

// Shutdown hands queued messages to the kernel until ctx ends, and closes every
// connection.
func (p *Pub) Shutdown(ctx context.Context) error {
	p.shut.Store(true)
	p.mu.Lock()
	p.closed = true
	p.change.Notify()
	p.mu.Unlock()
	return p.group.Shutdown(ctx)
}
