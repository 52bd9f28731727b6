package link

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/transport"
)

// dial keeps one endpoint connected.
func (g *Group) dial(ep transport.Endpoint) {
	pause := g.cfg.ReconnectMin
	before := false // there was a connection
	for g.ctx.Err() == nil {
		c, err := g.connect(ep)
		if err == nil {
			g.setDialError(nil)
			c.dialled, c.again = true, before
			before = true
			g.serve(c)
			if err = c.Err(); !errors.As(err, new(*EndedError)) {
				pause = g.cfg.ReconnectMin
			}
		}
		var refused *RefusedError
		if errors.As(err, &refused) {
			return // the same handshake would be refused again
		}
		if !g.sleep(jitter(pause)) {
			return
		}
		pause = min(2*pause, g.cfg.ReconnectMax)
	}
}

// connect makes one attempt.
func (g *Group) connect(ep transport.Endpoint) (*Conn, error) {
	ctx, cancel := context.WithTimeout(g.ctx, g.cfg.ConnectTimeout)
	defer cancel()
	raw, err := ep.Dial(ctx)
	if err != nil {
		g.failed(Event{Kind: DialFailed, Endpoint: ep.String(), Err: err})
		return nil, err
	}
	peer, err := g.handshake(raw)
	if err != nil {
		err = fmt.Errorf("%s: %w", ep, err)
		g.failed(Event{Kind: HandshakeFailed, Endpoint: ep.String(), Peer: addrString(raw.RemoteAddr()), Err: err})
		return nil, err
	}
	return newConn(raw, peer, ep.String(), &g.cfg), nil
}

// failed notes and reports a failed attempt, unless the group is closing.
func (g *Group) failed(e Event) {
	if g.ctx.Err() == nil {
		g.setDialError(e.Err)
		g.cfg.observe(e)
	}
}

// handshake is the package's handshake, cut short when the group closes.
func (g *Group) handshake(raw net.Conn) (*Peer, error) {
	stop := context.AfterFunc(g.ctx, func() { raw.Close() })
	defer stop()
	return handshake(raw, &g.cfg)
}

// sleep waits for d; it returns false when the group is closing.
func (g *Group) sleep(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-g.ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// jitter spreads d over 75 to 125 per cent, so that many peers do not come
// back in the same moment.
func jitter(d time.Duration) time.Duration {
	return d*3/4 + rand.N(d/2+1)
}
