package link

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/handshake"
	"github.com/gozmq/gozmq/runtime/internal/transport"
)

// acceptPause is how long accepting rests when the system is short of
// something.
const acceptPause = 50 * time.Millisecond

var errTooManyPeers = errors.New("too many connections (raise the limit with WithMaxPeers)")

// accept takes the connections of one listener.
func (g *Group) accept(ln *transport.Listener, sec *Security) {
	endpoint := ln.Endpoint().String()
	for {
		raw, err := ln.Accept()
		switch {
		case err == nil:
			g.awaitPlace()
			g.admit(raw, handshake.Site{Endpoint: endpoint, Address: addrString(raw.RemoteAddr()), Accepted: true, Security: sec})
		case g.ctx.Err() != nil || errors.Is(err, net.ErrClosed):
			return
		default:
			g.cfg.observe(Event{Kind: AcceptFailed, Endpoint: endpoint, Err: err})
			if !transport.IsTemporaryAccept(err) || !sleep(g.ctx, acceptPause) {
				return
			}
		}
	}
}

// handshakeGrace is how long a connection may shake hands before it can lose
// its place: those that come in a burst have that long each.
const handshakeGrace = 100 * time.Millisecond

// awaitPlace waits while too many are shaking hands and none of them has had
// the time to.
func (g *Group) awaitPlace() {
	for {
		g.mu.Lock()
		left := time.Duration(0)
		if g.pending.len() >= g.cfg.MaxHandshakes {
			left = handshakeGrace - time.Since(g.pending.oldest().since)
		}
		g.mu.Unlock()
		if left <= 0 {
			return
		}
		timer := time.NewTimer(left)
		select {
		case <-g.place:
		case <-timer.C:
		case <-g.ctx.Done():
			timer.Stop()
			return
		}
		timer.Stop()
	}
}

// admit starts the handshake of an accepted connection. When too many are
// shaking hands already, the one that has had the longest time goes: who only
// holds a place loses it to who comes.
func (g *Group) admit(raw net.Conn, at handshake.Site) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		raw.Close()
		return
	}
	if g.accepted >= g.cfg.MaxPeers {
		raw.Close()
		g.cfg.observe(Event{Kind: HandshakeFailed, Endpoint: at.Endpoint, Peer: at.Address, Err: errTooManyPeers})
		return
	}
	if g.pending.len() >= g.cfg.MaxHandshakes {
		g.pending.closeOldest()
	}
	g.accepted++
	g.meeting.Add(1)
	ctx, cancel := context.WithTimeout(g.ctx, g.cfg.HandshakeTimeout)
	entry := g.pending.add(raw, cancel)
	g.wg.Go(func() { g.greet(ctx, raw, entry, at) })
}

// greet shakes hands and serves the connection.
func (g *Group) greet(ctx context.Context, raw net.Conn, entry *pendingConn, at handshake.Site) {
	if c := g.welcome(ctx, raw, entry, at); c != nil {
		g.serve(c)
		return
	}
	g.meeting.Done()
	g.vacate()
}

// vacate gives the place of an accepted connection away.
func (g *Group) vacate() {
	g.mu.Lock()
	g.accepted--
	g.mu.Unlock()
}

// welcome shakes hands; it returns nil when the peer is refused.
func (g *Group) welcome(ctx context.Context, raw net.Conn, entry *pendingConn, at handshake.Site) *Conn {
	g.delay(raw, at)
	peer, err := handshake.Do(ctx, raw, g.handshake, at)
	entry.cancel()
	g.mu.Lock()
	evicted := entry.evicted
	g.pending.remove(entry)
	g.mu.Unlock()
	g.place.Set()
	if evicted {
		err = fmt.Errorf("handshake not done when %d others were waiting (raise the limit with WithMaxHandshakes)", g.cfg.MaxHandshakes)
	}
	if err != nil {
		raw.Close()
		g.refused(at.Endpoint, at.Address, err)
		return nil
	}
	c := newConn(raw, peer, at.Endpoint, &g.cfg)
	if err := g.claim(c); err != nil {
		c.refuse(errTaken)
		g.refused(c.endpoint, c.address, err)
		return nil
	}
	return c
}

// refused reports a peer that did not become one, unless the group is closing.
func (g *Group) refused(endpoint, address string, err error) {
	if g.ctx.Err() == nil {
		g.cfg.observe(Event{Kind: failure(err), Endpoint: endpoint, Peer: address, Err: err})
	}
}

// pending is the queue of connections that are shaking hands, oldest first.
// The group's lock guards it.
type pending struct{ queue list.List } // of *pendingConn

type pendingConn struct {
	raw     net.Conn
	cancel  context.CancelFunc // ends the handshake's context
	since   time.Time
	place   *list.Element
	evicted bool
}

func (p *pending) len() int { return p.queue.Len() }

func (p *pending) add(raw net.Conn, cancel context.CancelFunc) *pendingConn {
	e := &pendingConn{raw: raw, cancel: cancel, since: time.Now()}
	e.place = p.queue.PushBack(e)
	return e
}

// remove takes e out, if it is still there.
func (p *pending) remove(e *pendingConn) { p.queue.Remove(e.place) }

func (p *pending) oldest() *pendingConn { return p.queue.Front().Value.(*pendingConn) }

func (p *pending) closeOldest() {
	e := p.oldest()
	p.remove(e)
	e.evicted = true
	e.cancel()
	e.raw.Close()
}
