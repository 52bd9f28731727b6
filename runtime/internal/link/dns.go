package link

import (
	"context"
	"slices"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/handshake"
	"github.com/gozmq/gozmq/runtime/internal/notify"
	"github.com/gozmq/gozmq/runtime/internal/transport"
)

// A Retirer is a Handler that finishes its work on a healthy connection before the
// group ends the connection.
type Retirer interface {
	// Retire starts nothing new on c, and returns when everything that was begun
	// on it is done, or c has ended.
	Retire(c *Conn)
}

// A host is an endpoint that stands for every address of a host name. Each address
// has its own dialer.
type host struct {
	group *Group
	ep    transport.Endpoint
	known map[transport.Endpoint]*dialer

	security *handshake.Security

	lost notify.Token // set when a connection or an attempt has failed
}

// followHost keeps the addresses of a host name connected. It looks the name up
// again when an address could not be reached or was lost, and every ReconnectMax.
func (g *Group) followHost(ep transport.Endpoint, sec *handshake.Security) {
	h := &host{group: g, ep: ep, security: sec, known: make(map[transport.Endpoint]*dialer), lost: notify.NewToken()}
	pause := g.cfg.ReconnectMin
	for {
		addrs, err := h.resolve()
		if err == nil {
			h.update(addrs)
			pause = g.cfg.ReconnectMin
		} else {
			g.failed(Event{Kind: DialFailed, Endpoint: ep.String(), Err: err})
		}
		if !g.pause(g.ctx, jitter(pause), jitter(wantedPause)) {
			return
		}
		if err != nil {
			pause = min(2*pause, g.cfg.ReconnectMax)
		} else if !h.wait(g.cfg.ReconnectMax) {
			return
		}
	}
}

func (h *host) resolve() ([]transport.Endpoint, error) {
	ctx, cancel := context.WithTimeout(h.group.ctx, h.group.cfg.ConnectTimeout)
	defer cancel()
	return h.ep.Resolve(ctx, h.group.cfg.Resolver)
}

// wait waits until the name must be looked up again; it returns false when the
// group is closing.
func (h *host) wait(limit time.Duration) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-h.lost:
	case <-timer.C:
	case <-h.group.ctx.Done():
		return false
	}
	return true
}

// update dials new addresses, and disconnects those that the name no longer has.
func (h *host) update(addrs []transport.Endpoint) {
	for _, at := range addrs {
		if h.known[at] == nil {
			h.known[at] = h.dial(at)
		}
	}
	for at, d := range h.known {
		if !slices.Contains(addrs, at) {
			delete(h.known, at)
			d.stop()
			h.group.wg.Go(d.disconnect)
		}
	}
}

func (h *host) dial(at transport.Endpoint) *dialer {
	ctx, stop := context.WithCancel(h.group.ctx)
	d := &dialer{group: h.group, ep: h.ep, at: at, security: h.security, ctx: ctx, stop: stop, onLoss: h.lost.Set}
	d.add()
	h.group.wg.Go(d.run)
	return d
}

// disconnect ends the connection, if there is one, gracefully: it lets the handler
// finish its work, hands committed messages to the kernel, closes our direction and
// reads until the peer closes its own.
func (d *dialer) disconnect() {
	g := d.group
	g.mu.Lock()
	c := d.conn
	g.mu.Unlock()
	if c == nil {
		return
	}
	if r, ok := g.handler.(Retirer); ok {
		r.Retire(c)
	}
	ctx, cancel := context.WithTimeout(g.ctx, drainLimit)
	defer cancel()
	notify.Wait(ctx, c.Flushed())
	if g.ctx.Err() != nil {
		return // Shutdown ends it
	}
	c.closeWrite()
	g.drain(g.ctx, func() []*Conn {
		if c.Err() != nil {
			return nil
		}
		return []*Conn{c}
	})
	if g.ctx.Err() == nil {
		c.Close(ErrClosed)
	}
}
