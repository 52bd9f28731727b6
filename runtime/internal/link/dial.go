package link

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/handshake"
	"github.com/gozmq/gozmq/runtime/internal/transport"
)

// A dialer keeps one address connected.
type dialer struct {
	group *Group
	ep    transport.Endpoint // as it was given to Connect
	at    transport.Endpoint // the address to dial: ep, or one of a host's

	security *handshake.Security

	ctx    context.Context    // ends dialing
	stop   context.CancelFunc // ends ctx
	onLoss func()             // called when an attempt or a connection has failed; may be nil

	// The group's lock guards these.
	conn    *Conn // nil: there is none at present
	refused error // the last attempt's, if the peer refused us
}

// add adds d to the group's dialers; run must follow.
func (d *dialer) add() {
	d.group.mu.Lock()
	d.group.dialers[d] = struct{}{}
	d.group.mu.Unlock()
}

// remove removes d from the group's dialers, unless it gave up because the peer
// refuses us.
func (d *dialer) remove() {
	g := d.group
	d.stop()
	g.mu.Lock()
	if d.refused == nil || !g.cfg.StopWhenRefused {
		delete(g.dialers, d)
	}
	g.mu.Unlock()
	g.dialingChanged()
}

// setRefused records the last attempt's refusal; nil: it was not refused.
func (d *dialer) setRefused(err error) {
	if !errors.As(err, new(*handshake.RefusedError)) {
		err = nil
	}
	g := d.group
	g.mu.Lock()
	d.refused = err
	g.mu.Unlock()
	if err != nil {
		g.dialingChanged()
	}
}

func (g *Group) dialingChanged() {
	if g.DialingChanged != nil {
		g.DialingChanged()
	}
}

// run keeps the address connected until ctx ends, or until the peer refuses us if
// that is final (StopWhenRefused). By default it is not: nothing authenticates an
// ERROR, and the peer's configuration may change.
func (d *dialer) run() {
	defer d.remove()
	g := d.group
	pause := g.cfg.ReconnectMin
	connected := false // at least once
	for d.ctx.Err() == nil {
		c, err := d.attempt()
		if c == nil && err == nil {
			return // a callback has ended the attempt's goroutine
		}
		d.setRefused(err)
		if err == nil {
			g.setDialError(nil)
			c.dialed, c.reconnected = true, connected
			connected = true
			if err = d.ended(c, d.serve(c)); !errors.As(err, new(*shortError)) {
				pause = g.cfg.ReconnectMin
			}
		}
		refused := errors.As(err, new(*handshake.RefusedError))
		if refused && g.cfg.StopWhenRefused {
			return
		}
		if d.onLoss != nil {
			d.onLoss()
		}
		if refused || errors.As(err, new(*handshake.MismatchError)) {
			pause = g.cfg.ReconnectMax
		}
		if !g.pause(d.ctx, jitter(pause), jitter(g.pauseWhenWanted(err))) {
			return
		}
		pause = min(2*pause, g.cfg.ReconnectMax)
	}
}

// A shortError says that a connection ended soon after its handshake, or by an
// ERROR of its peer: an immediate new one would most likely end in the same way.
type shortError struct {
	lasted time.Duration
	err    error
}

func (e *shortError) Error() string {
	return fmt.Sprintf("the connection ended after %v: %v", e.lasted.Round(time.Millisecond), e.err)
}

func (e *shortError) Unwrap() error { return e.err }

// ended returns why a connection ended. If the connection was short, it keeps that
// as the reason why there is no peer.
func (d *dialer) ended(c *Conn, err error) error {
	g := d.group
	lasted := time.Since(c.since)
	if lasted >= min(g.cfg.Lasting, g.cfg.ReconnectMax) && !errors.As(err, new(*EndedError)) {
		return err
	}
	err = &shortError{lasted, err}
	if d.ctx.Err() == nil && !errors.Is(err, ErrClosed) {
		g.setDialError(fmt.Errorf("%s: %w", d.at, err))
	}
	return err
}

// serve runs a connection and returns why it ended.
func (d *dialer) serve(c *Conn) error {
	d.setConn(c)
	defer d.setConn(nil)
	if d.ctx.Err() != nil && d.group.ctx.Err() == nil {
		c.Close(ErrClosed) // disconnect has not seen it
	}
	if !d.group.cfg.Detachable {
		d.group.serve(c)
		return c.Err()
	}
	c.detached = make(chan struct{})
	d.group.wg.Go(func() { d.group.serve(c) })
	<-c.detached
	return c.Err()
}

func (d *dialer) setConn(c *Conn) {
	d.group.mu.Lock()
	d.conn = c
	d.group.mu.Unlock()
}

// attempt makes one attempt in a separate goroutine, because a handshake grows the
// stack to a multiple of what an idle connection needs.
func (d *dialer) attempt() (c *Conn, err error) {
	done := make(chan struct{})
	d.group.wg.Go(func() {
		defer close(done)
		c, err = d.connect()
	})
	<-done
	return c, err
}

// connect makes one attempt.
func (d *dialer) connect() (*Conn, error) {
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
	if !g.beginHandshake() {
		raw.Close()
		return nil, ErrClosed
	}
	succeeded := false
	defer func() { // a callback of the handshake may call runtime.Goexit
		if !succeeded {
			g.handshaking.Done()
		}
	}()
	timed, stop := context.WithTimeout(g.ctx, g.cfg.HandshakeTimeout)
	defer stop()
	peer, err := handshake.Do(timed, raw, g.handshake, at)
	if err != nil {
		err = fmt.Errorf("%s: %w", d.at, err)
		d.failed(Event{Kind: failure(err), Peer: at.Address, Err: err})
		return nil, err
	}
	succeeded = true
	return newConn(raw, peer, at.Endpoint, &g.cfg), nil
}

// failed records and reports a failed attempt, unless the dialer was stopped.
func (d *dialer) failed(e Event) {
	if d.ctx.Err() == nil {
		e.Endpoint = d.ep.String()
		d.group.failed(e)
	}
}

// failed records and reports a failed attempt, unless the group is closing.
func (g *Group) failed(e Event) {
	if g.ctx.Err() == nil {
		g.setDialError(e.Err)
		g.cfg.observe(e)
	}
}

// failure returns the event kind of a failed handshake.
func failure(err error) EventKind {
	var refused *handshake.AuthError
	switch {
	case errors.As(err, &refused):
		return AuthFailed
	case errors.Is(err, handshake.ErrProbed):
		return Probed
	}
	return HandshakeFailed
}
