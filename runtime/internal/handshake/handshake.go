package handshake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/go-zeromq/zmq4"

	"github.com/gozmq/gozmq/runtime/internal/curve"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// Do opens conn, in the caller's goroutine, and returns who the peer is. After an
// error conn is closed; a panic of zmq4, which a peer can cause, becomes an error.
// The context's deadline, or else the configured timeout, bounds the handshake.
// When the context is canceled, because the socket is closing, a handshake that
// the peer may already consider done gets a moment to complete.
func Do(ctx context.Context, conn net.Conn, cfg *Config, at Site) (peer *Peer, err error) {
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(cfg.Timeout)
	}
	if err := conn.SetDeadline(deadline); err != nil {
		conn.Close()
		return nil, err
	}
	g := &guard{Conn: conn}
	stop := context.AfterFunc(ctx, func() {
		if errors.Is(ctx.Err(), context.Canceled) {
			g.abort()
		}
	})
	defer stop()
	mech := newMechanism(ctx, cfg, g, at)
	err = errEnded // until it is replaced: a callback may call runtime.Goexit
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("malformed handshake (%v)", r)
		}
		if err != nil {
			conn.Close()
			if mech.err == nil {
				mech.err = mech.explain(err)
			}
			peer, err = nil, mech.err
		}
	}()
	_, err = zmq4.Open(g, mech, zmq4.SocketType(cfg.SocketType), zmq4.SocketIdentity(cfg.Identity), false, nil)
	if err != nil {
		return nil, err
	}
	if err := g.Flush(); err != nil {
		return nil, err
	}
	if err := g.finish(); err != nil {
		return nil, err
	}
	mech.peer.Minor = g.greeting.Minor
	return &mech.peer, nil
}

var errEnded = errors.New("a callback ended the handshake's goroutine")

// explain returns the most likely cause of a handshake's failure with err.
func (m *mechanism) explain(err error) error {
	if m.guard.err != nil {
		err = m.guard.err
	}
	var timeout net.Error
	switch {
	case errors.As(err, &timeout) && timeout.Timeout() && m.sec.Server && m.awaited == curve.CommandHello:
		return errors.New("handshake timed out: the peer sent no HELLO (has it the role of the server, too?)")
	case errors.As(err, &timeout) && timeout.Timeout():
		return errors.New("handshake timed out: the peer sent too little or nothing")
	case m.guard.seen && m.guard.greeting.Mechanism != m.sec.Mechanism:
		return &MismatchError{fmt.Sprintf("peer wants security mechanism %q, this socket speaks %s", m.guard.greeting.Mechanism, m.sec.Mechanism)}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), isReset(err):
		return m.hungUp()
	}
	return err
}

// ErrProbed says that a peer connected and closed the connection without sending a
// byte, as load balancers and port scanners do. A libzmq peer with another
// mechanism does the same when it has read our greeting before it sent its own.
var ErrProbed = errors.New("peer connected and closed the connection without a byte (a probe, or a libzmq peer with another security mechanism)")

// hungUp returns the most likely reason why the peer closed the connection at this
// point of the handshake: peers that refuse a key send no ERROR.
func (m *mechanism) hungUp() error {
	switch {
	case m.at.Accepted && !m.guard.received:
		return ErrProbed
	case m.sec.Mechanism == Curve && !m.sec.Server && m.awaited == curve.CommandWelcome:
		return &MismatchError{"peer closed the connection after our HELLO: probably the server's public key that we were given is not this server's (compare it with the one that the server prints)"}
	case m.sec.Mechanism == Curve && !m.sec.Server && m.awaited == zmtp.CommandReady:
		return fmt.Errorf("peer closed the connection after our INITIATE: it could not check our key just now, or a %s socket does not go with its own", m.cfg.SocketType)
	case m.sec.Mechanism == Plain && !m.sec.Server && m.awaited == plainWelcome:
		return errors.New("peer closed the connection after our user and password: it could not check them just now, or expects a user that it knows")
	case m.sec.Server && m.awaited != "":
		return fmt.Errorf("peer closed the connection when %s was expected from it", m.awaited)
	}
	return errors.New("peer closed the connection during the handshake (is it a socket of a fitting type and mechanism?)")
}

// isReset reports whether the peer, and not this side, reset the connection.
func isReset(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "read" && !errors.Is(err, net.ErrClosed)
}
