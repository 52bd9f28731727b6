package link

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/handshake"
	"github.com/gozmq/gozmq/runtime/internal/list"
	"github.com/gozmq/gozmq/runtime/internal/transport"
)

// acceptPause is how long accepting pauses when the system is short of a
// resource.
const acceptPause = 50 * time.Millisecond

var errTooManyPeers = errors.New("too many connections (raise the limit with WithMaxPeers)")

// accept accepts the connections of one listener.
func (g *Group) accept(ln *transport.Listener, sec *handshake.Security) {
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

// handshakeGrace is how long a handshake may take before the connection can be
// evicted: each connection of a burst gets that long.
const handshakeGrace = 100 * time.Millisecond

// awaitPlace waits while too many handshakes are in progress and none of them has
// had its grace.
func (g *Group) awaitPlace() {
	for {
		g.mu.Lock()
		left := time.Duration(0)
		if g.pending.queue.Len() >= g.cfg.MaxHandshakes {
			left = handshakeGrace - time.Since(g.pending.oldest().since)
		}
		g.mu.Unlock()
		if left <= 0 {
			return
		}
		timer := time.NewTimer(left)
		select {
		case <-g.handshakeEnded:
		case <-timer.C:
		case <-g.ctx.Done():
			timer.Stop()
			return
		}
		timer.Stop()
	}
}

// admit starts the handshake of an accepted connection. When too many are in
// progress it evicts the oldest, so that connections which stay silent cannot keep
// others out.
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
	if g.pending.queue.Len() >= g.cfg.MaxHandshakes {
		g.pending.evictOldest()
	}
	g.accepted++
	g.handshaking.Add(1)
	ctx, cancel := context.WithTimeout(g.ctx, g.cfg.HandshakeTimeout)
	entry := g.pending.add(raw, cancel)
	g.wg.Go(func() { g.serveAccepted(ctx, raw, entry, at) })
}

// serveAccepted shakes hands and serves the connection.
func (g *Group) serveAccepted(ctx context.Context, raw net.Conn, entry *pendingConn, at handshake.Site) {
	accepted := false
	defer func() { // a callback of the handshake may call runtime.Goexit
		if !accepted {
			g.handshaking.Done()
			g.vacate()
		}
	}()
	if c := g.acceptPeer(ctx, raw, entry, at); c != nil {
		accepted = true
		g.serve(c)
	}
}

// vacate gives up the place of an accepted connection.
func (g *Group) vacate() {
	g.mu.Lock()
	g.accepted--
	g.mu.Unlock()
}

// acceptPeer shakes hands; it returns nil when the peer is refused.
func (g *Group) acceptPeer(ctx context.Context, raw net.Conn, entry *pendingConn, at handshake.Site) *Conn {
	peer, err := g.shakeHands(ctx, raw, entry, at)
	if entry.evicted {
		err = fmt.Errorf("handshake not done when %d others were waiting (raise the limit with WithMaxHandshakes)", g.cfg.MaxHandshakes)
	}
	if err != nil {
		raw.Close()
		g.reportRefused(at.Endpoint, at.Address, err)
		return nil
	}
	c := newConn(raw, peer, at.Endpoint, &g.cfg)
	if err := g.claimIdentity(c); err != nil {
		c.refuse(errIdentityTaken)
		g.reportRefused(c.endpoint, c.address, err)
		return nil
	}
	return c
}

// shakeHands runs the handshake of an accepted connection, and removes entry from
// those in progress.
func (g *Group) shakeHands(ctx context.Context, raw net.Conn, entry *pendingConn, at handshake.Site) (*handshake.Peer, error) {
	defer func() {
		entry.cancel()
		g.mu.Lock()
		g.pending.remove(entry) // it cannot be evicted any longer
		g.mu.Unlock()
		g.handshakeEnded.Set()
	}()
	g.delay(raw, at)
	return handshake.Do(ctx, raw, g.handshake, at)
}

// reportRefused reports a peer that was refused, unless the group is closing.
func (g *Group) reportRefused(endpoint, address string, err error) {
	if g.ctx.Err() == nil {
		g.cfg.observe(Event{Kind: failure(err), Endpoint: endpoint, Peer: address, Err: err})
	}
}

// pending is the queue of accepted connections whose handshake is in progress,
// oldest first. The group's lock guards it.
type pending struct{ queue list.List[*pendingConn] }

type pendingConn struct {
	raw     net.Conn
	cancel  context.CancelFunc // ends the handshake's context
	since   time.Time
	place   list.Element[*pendingConn]
	evicted bool
}

func (p *pending) add(raw net.Conn, cancel context.CancelFunc) *pendingConn {
	e := &pendingConn{raw: raw, cancel: cancel, since: time.Now()}
	p.queue.PushBack(&e.place, e)
	return e
}

// remove removes e, if it is still there.
func (p *pending) remove(e *pendingConn) { e.place.Remove() }

func (p *pending) oldest() *pendingConn { return p.queue.First().Value() }

func (p *pending) evictOldest() {
	e := p.oldest()
	p.remove(e)
	e.evicted = true
	e.cancel()
	e.raw.Close()
}
