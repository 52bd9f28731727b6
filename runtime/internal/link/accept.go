package link

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/handshake"
	"github.com/gozmq/gozmq/runtime/internal/transport"
)

// acceptPause is how long accepting pauses when the system is short of a
// resource.
const acceptPause = 50 * time.Millisecond

var errTooManyPeers = errors.New("too many connections (raise the limit with WithMaxPeers)")

var errTooManyFromAddress = errors.New("too many connections from this address (raise the limit with WithMaxPeersPerAddress)")

// accept accepts the connections of one listener.
func (g *Group) accept(ln *transport.Listener, sec *handshake.Security) {
	endpoint := ln.Endpoint().String()
	for {
		raw, err := ln.Accept()
		switch {
		case err == nil:
			g.arrive(raw, handshake.Site{Endpoint: endpoint, Address: addrString(raw.RemoteAddr()), Accepted: true, Security: sec})
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

// arrive counts an accepted connection and starts its handshake, at once or after
// the wait that its address must observe. A waiting connection takes no place among
// the handshakes in progress.
func (g *Group) arrive(raw net.Conn, at handshake.Site) {
	wait, err := g.claim(raw, at)
	if err != nil {
		raw.Close()
		if !errors.Is(err, ErrClosed) {
			g.cfg.observe(Event{Kind: HandshakeFailed, Endpoint: at.Endpoint, Peer: at.Address, Err: err})
		}
		return
	}
	if wait <= 0 {
		g.start(raw, at)
		return
	}
	g.wg.Go(func() {
		if !g.sleepBeside(raw, wait) {
			raw.Close()
			g.vacate(raw)
			g.reportRefused(at.Endpoint, at.Address, errGone)
			return
		}
		g.start(raw, at)
	})
}

// goneCheck is how often a waiting connection is checked.
const goneCheck = 50 * time.Millisecond

var errGone = errors.New("peer closed the connection while it had to wait")

// sleepBeside waits for d, or less if the group is shut down. It returns false when
// the peer has gone: otherwise a peer that reconnects all the time would keep as
// many connections open as it makes in d.
func (g *Group) sleepBeside(raw net.Conn, d time.Duration) bool {
	for end := time.Now().Add(d); d > 0 && sleep(g.ctx, min(d, goneCheck)); d = time.Until(end) {
		if hungUp(raw) {
			return false
		}
	}
	return true
}

// claim counts an accepted connection, and returns how long its handshake must
// wait.
func (g *Group) claim(raw net.Conn, at handshake.Site) (time.Duration, error) {
	from, known := sourceOf(raw.RemoteAddr())
	g.mu.Lock()
	switch {
	case g.closed:
		g.mu.Unlock()
		return 0, ErrClosed
	case g.accepted >= g.cfg.MaxPeers:
		g.mu.Unlock()
		return 0, errTooManyPeers
	case known && !from.IsLoopback() && g.cfg.MaxPeersPerAddress > 0 && g.sources[from] >= g.cfg.MaxPeersPerAddress:
		g.mu.Unlock()
		return 0, errTooManyFromAddress
	}
	g.accepted++
	if known {
		g.sources[from]++
	}
	g.mu.Unlock()
	wait, err := g.delay(raw, at)
	if err != nil {
		g.vacate(raw)
	}
	return wait, err
}

// vacate frees the place of an accepted connection.
func (g *Group) vacate(raw net.Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.accepted--
	if from, known := sourceOf(raw.RemoteAddr()); known {
		if g.sources[from]--; g.sources[from] == 0 {
			delete(g.sources, from)
		}
	}
}

// start starts the handshake of an accepted connection, as soon as one of the
// places is free.
func (g *Group) start(raw net.Conn, at handshake.Site) {
	ctx, cancel := context.WithCancel(g.ctx)
	entry := g.awaitPlace(raw, cancel)
	if entry == nil {
		cancel()
		raw.Close()
		g.vacate(raw)
		return
	}
	at.Stage = func(s handshake.Stage) { g.setStage(entry, s) }
	g.wg.Go(func() { g.serveAccepted(ctx, raw, entry, at) })
}

// serveAccepted shakes hands and serves the connection.
func (g *Group) serveAccepted(ctx context.Context, raw net.Conn, entry *pendingConn, at handshake.Site) {
	accepted := false
	defer func() { // a callback of the handshake may call runtime.Goexit
		if !accepted {
			g.handshaking.Done()
			g.vacate(raw)
		}
	}()
	if c := g.acceptPeer(ctx, raw, entry, at); c != nil {
		accepted = true
		g.wg.Go(func() { g.serve(c) }) // on a new stack: the handshake has grown this one
	}
}

// acceptPeer shakes hands; it returns nil when the peer is refused.
func (g *Group) acceptPeer(ctx context.Context, raw net.Conn, entry *pendingConn, at handshake.Site) *Conn {
	peer, err := g.shakeHands(ctx, raw, entry, at)
	if entry.evicted {
		err = fmt.Errorf("handshake not done when %d others were waiting (raise the limit with WithMaxHandshakes)", g.cfg.MaxHandshakes)
	}
	if err != nil {
		raw.Close()
		if handshake.IsOffence(err) {
			g.violators.offend(raw.RemoteAddr())
		}
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
		g.pending.remove(entry) // it can no longer be evicted
		g.mu.Unlock()
		g.handshakeEnded.Set()
	}()
	ctx, stop := context.WithTimeout(ctx, g.cfg.HandshakeTimeout)
	defer stop()
	return handshake.Do(ctx, raw, g.handshake, at)
}

// reportRefused reports a peer that was refused, unless the group is closing.
func (g *Group) reportRefused(endpoint, address string, err error) {
	if g.ctx.Err() == nil {
		g.cfg.observe(Event{Kind: failure(err), Endpoint: endpoint, Peer: address, Err: err})
	}
}
