package link

import (
	"context"
	"slices"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/notify"
	"github.com/gozmq/gozmq/runtime/internal/transport"
)

// A Leaver is a Handler that has a say when a connection is to end although
// nothing is wrong with it.
type Leaver interface {
	// Leave stops using c for what is new, and returns when what has begun on
	// it is done, or c has ended.
	Leave(c *Conn)
}

// A name is an endpoint that stands for every address of a host, each of which
// is kept connected by itself.
type name struct {
	group *Group
	ep    transport.Endpoint
	known map[transport.Endpoint]*dialler

	security *Security

	lost notify.Token // set when a connection or an attempt has failed
}

// follow keeps the addresses of a name connected. It looks the name up again
// when one of them could not be reached or was lost, and every ReconnectMax.
func (g *Group) follow(ep transport.Endpoint, sec *Security) {
	n := &name{group: g, ep: ep, security: sec, known: make(map[transport.Endpoint]*dialler), lost: notify.NewToken()}
	pause := g.cfg.ReconnectMin
	for {
		addrs, err := n.resolve()
		if err == nil {
			n.update(addrs)
			pause = g.cfg.ReconnectMin
		} else {
			g.failed(Event{Kind: DialFailed, Endpoint: ep.String(), Err: err})
		}
		if !sleep(g.ctx, jitter(pause)) {
			return
		}
		if err != nil {
			pause = min(2*pause, g.cfg.ReconnectMax)
		} else if !n.wait(g.cfg.ReconnectMax) {
			return
		}
	}
}

func (n *name) resolve() ([]transport.Endpoint, error) {
	ctx, cancel := context.WithTimeout(n.group.ctx, n.group.cfg.ConnectTimeout)
	defer cancel()
	return n.ep.Resolve(ctx, n.group.cfg.Resolver)
}

// wait waits until a look at the name is due; it returns false when the group
// is closing.
func (n *name) wait(limit time.Duration) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-n.lost:
	case <-timer.C:
	case <-n.group.ctx.Done():
		return false
	}
	return true
}

// update dials the addresses that are new, and lets go of those that the name
// no longer has.
func (n *name) update(addrs []transport.Endpoint) {
	for _, at := range addrs {
		if n.known[at] == nil {
			n.known[at] = n.dial(at)
		}
	}
	for at, d := range n.known {
		if !slices.Contains(addrs, at) {
			delete(n.known, at)
			d.stop()
			n.group.wg.Go(d.leave)
		}
	}
}

func (n *name) dial(at transport.Endpoint) *dialler {
	ctx, stop := context.WithCancel(n.group.ctx)
	d := &dialler{group: n.group, ep: n.ep, at: at, security: n.security, ctx: ctx, stop: stop, lost: n.lost.Set}
	d.begin()
	n.group.wg.Go(d.run)
	return d
}

// leave ends the connection, if there is one, in order: what has begun is
// finished, what was sent reaches the kernel, and what the peer still sends
// until it closes is read.
func (d *dialler) leave() {
	g := d.group
	g.mu.Lock()
	c := d.conn
	g.mu.Unlock()
	if c == nil {
		return
	}
	if l, ok := g.handler.(Leaver); ok {
		l.Leave(c)
	}
	ctx, cancel := context.WithTimeout(g.ctx, lastWords)
	defer cancel()
	wait(ctx, c.Flushed())
	if g.ctx.Err() != nil {
		return // Shutdown ends it
	}
	c.closeWrite()
	g.readOut(g.ctx, func() []*Conn {
		if c.Err() != nil {
			return nil
		}
		return []*Conn{c}
	})
	if g.ctx.Err() == nil {
		c.Close(ErrClosed)
	}
}
