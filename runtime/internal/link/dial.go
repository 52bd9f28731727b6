package link

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/handshake"
	"github.com/gozmq/gozmq/runtime/internal/transport"
)

// A dialler keeps one address connected.
type dialler struct {
	group *Group
	ep    transport.Endpoint // as it was given to Connect
	at    transport.Endpoint // to be dialled: ep, or one of its addresses

	security *Security

	ctx  context.Context    // ends dialling
	stop context.CancelFunc // ends ctx
	lost func()             // called when an attempt or a connection has failed; nil for nothing

	// The group's lock guards these.
	conn    *Conn // of the moment
	refused error // why the address was given up
}

// begin adds d to the group's diallers; run must follow.
func (d *dialler) begin() {
	d.group.mu.Lock()
	d.group.diallers[d] = struct{}{}
	d.group.mu.Unlock()
}

// end takes d out of the group's diallers, or notes why it was refused.
func (d *dialler) end(refused error) {
	g := d.group
	d.stop()
	g.mu.Lock()
	if d.refused = refused; refused == nil {
		delete(g.diallers, d)
	}
	g.mu.Unlock()
	if g.Ended != nil {
		g.Ended()
	}
}

// run dials until ctx ends or the peer refuses us.
func (d *dialler) run() {
	var refused error
	defer func() { d.end(refused) }()
	g := d.group
	pause := g.cfg.ReconnectMin
	before := false // there was a connection
	for d.ctx.Err() == nil {
		c, err := d.connect()
		if err == nil {
			g.setDialError(nil)
			c.dialled, c.again = true, before
			before = true
			if err = d.serve(c); !errors.As(err, new(*EndedError)) {
				pause = g.cfg.ReconnectMin
			}
		}
		if errors.As(err, new(*RefusedError)) {
			refused = err
			return // the same handshake would be refused again
		}
		if d.lost != nil {
			d.lost()
		}
		if errors.As(err, new(*MismatchError)) {
			pause = g.cfg.ReconnectMax
		}
		if !sleep(d.ctx, jitter(pause)) {
			return
		}
		pause = min(2*pause, g.cfg.ReconnectMax)
	}
}

// serve runs a connection and returns why it ended.
func (d *dialler) serve(c *Conn) error {
	d.hold(c)
	defer d.hold(nil)
	if d.ctx.Err() != nil && d.group.ctx.Err() == nil {
		c.Close(ErrClosed) // leave has not seen it
	}
	if _, ok := d.group.handler.(Detainable); !ok {
		d.group.serve(c)
		return c.Err()
	}
	c.left = make(chan struct{})
	d.group.wg.Go(func() { d.group.serve(c) })
	<-c.left
	return c.Err()
}

func (d *dialler) hold(c *Conn) {
	d.group.mu.Lock()
	d.conn = c
	d.group.mu.Unlock()
}

// connect makes one attempt.
func (d *dialler) connect() (*Conn, error) {
	g := d.group
	ctx, cancel := context.WithTimeout(d.ctx, g.cfg.ConnectTimeout)
	defer cancel()
	raw, err := d.at.DialWith(ctx, g.cfg.Resolver)
	if err != nil {
		d.failed(Event{Kind: DialFailed, Err: err})
		return nil, err
	}
	at := handshake.Site{Endpoint: d.ep.String(), Address: addrString(raw.RemoteAddr()), Security: d.security}
	if d.security.Exposes(raw.RemoteAddr()) {
		g.cfg.observe(Event{Kind: Exposed, Endpoint: at.Endpoint, Peer: at.Address, Err: handshake.ErrExposed})
	}
	if !g.meet() {
		raw.Close()
		return nil, ErrClosed
	}
	shaking, stop := context.WithTimeout(g.ctx, g.cfg.HandshakeTimeout)
	defer stop()
	peer, err := handshake.Do(shaking, raw, g.handshake, at)
	if err != nil {
		g.meeting.Done()
		err = fmt.Errorf("%s: %w", d.at, err)
		d.failed(Event{Kind: failure(err), Peer: at.Address, Err: err})
		return nil, err
	}
	return newConn(raw, peer, at.Endpoint, &g.cfg), nil
}

// failed notes and reports a failed attempt, unless no more are wanted.
func (d *dialler) failed(e Event) {
	if d.ctx.Err() == nil {
		e.Endpoint = d.ep.String()
		d.group.failed(e)
	}
}

// failed notes and reports a failed attempt, unless the group is closing.
func (g *Group) failed(e Event) {
	if g.ctx.Err() == nil {
		g.setDialError(e.Err)
		g.cfg.observe(e)
	}
}

// failure is the kind of the event that tells of a failed handshake.
func failure(err error) EventKind {
	var refused *AuthError
	if errors.As(err, &refused) {
		return AuthFailed
	}
	return HandshakeFailed
}

// sleep waits for d; it returns false when ctx ends first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
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
