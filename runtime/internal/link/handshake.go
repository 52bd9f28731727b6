package link

import (
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/go-zeromq/zmq4"

	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A Peer is what the handshake told about the other side.
type Peer struct {
	SocketType zmtp.SocketType
	Identity   string
	Metadata   zmtp.Metadata
	Minor      byte // of ZMTP 3
}

// Gozmq reports whether the peer is one of ours and knows our extensions.
func (p *Peer) Gozmq() bool { return p.Metadata.Get(zmtp.PropertyGozmq) != "" }

// handshake lets zmq4 open conn, in the caller's goroutine, and returns what
// the peer is. After an error the connection is closed. A peer can make zmq4
// panic; that is an error like any other.
func handshake(conn net.Conn, cfg *Config) (peer *Peer, err error) {
	if err := conn.SetDeadline(time.Now().Add(cfg.HandshakeTimeout)); err != nil {
		conn.Close()
		return nil, err
	}
	g := &guard{Conn: conn}
	mech := &null{cfg: cfg, guard: g}
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("malformed handshake (%v)", r)
		}
		if err != nil {
			conn.Close()
			peer, err = nil, explain(err, g, mech)
		}
	}()
	_, err = zmq4.Open(g, mech, zmq4.SocketType(cfg.SocketType), zmq4.SocketIdentity(cfg.Identity), false, nil)
	if err != nil {
		return nil, err
	}
	if err := g.Flush(); err != nil {
		return nil, err
	}
	if err := conn.SetDeadline(time.Time{}); err != nil {
		return nil, err
	}
	mech.peer.Minor = g.greeting.Minor
	return &mech.peer, nil
}

// explain turns what a failed handshake ended with into what went wrong.
func explain(err error, g *guard, mech *null) error {
	if mech.err != nil {
		return mech.err
	}
	if g.err != nil {
		err = g.err
	}
	var timeout net.Error
	switch {
	case errors.As(err, &timeout) && timeout.Timeout():
		return errors.New("handshake timed out: the peer sent too little or nothing")
	case g.seen && g.greeting.Mechanism != string(zmq4.NullSecurity):
		return fmt.Errorf("peer wants security mechanism %q, this socket speaks NULL", g.greeting.Mechanism)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("peer closed the connection during the handshake (is it a socket of a fitting type and mechanism?)")
	}
	return err
}

// null is the NULL mechanism (RFC 37), as a zmq4.Security. It does what zmq4's
// own does, with the metadata of our choice and lengths checked.
type null struct {
	cfg   *Config
	guard *guard
	peer  Peer
	err   error // what was wrong, where zmq4 would hide it
}

func (*null) Type() zmq4.SecurityType { return zmq4.NullSecurity }

func (*null) Encrypt(w io.Writer, data []byte) (int, error) { return w.Write(data) }

func (*null) Decrypt(w io.Writer, data []byte) (int, error) { return w.Write(data) }

// Handshake exchanges READY commands and checks that the two sockets fit.
func (n *null) Handshake(conn *zmq4.Conn, _ bool) error {
	n.err = n.exchange(conn)
	return n.err
}

func (n *null) exchange(conn *zmq4.Conn) error {
	if err := conn.SendCmd(zmtp.CommandReady, n.cfg.metadata().Append(nil)); err != nil {
		return fmt.Errorf("send READY: %w", err)
	}
	cmd, err := conn.RecvCmd()
	if err != nil {
		if n.guard.err != nil {
			err = n.guard.err
		}
		return explain(err, n.guard, &null{})
	}
	switch cmd.Name {
	case zmtp.CommandReady:
	case zmtp.CommandError:
		return &RefusedError{Reason: zmtp.ParseErrorCommand(cmd.Body)}
	default:
		return fmt.Errorf("peer sent command %.16q in place of READY", cmd.Name)
	}
	meta, err := zmtp.ParseMetadata(cmd.Body)
	if err != nil {
		return err
	}
	n.peer.Metadata = meta
	n.peer.SocketType = zmtp.SocketType(meta.Get(zmtp.PropertySocketType))
	n.peer.Identity = meta.Get(zmtp.PropertyIdentity)
	if err := n.fits(); err != nil {
		_ = conn.SendCmd(zmtp.CommandError, zmtp.ErrorBody(err.Error()))
		_ = n.guard.Flush()
		return err
	}
	conn.Peer.Meta["Socket-Type"] = string(n.peer.SocketType)
	return nil
}

func (n *null) fits() error {
	if !n.cfg.SocketType.Compatible(n.peer.SocketType) {
		return fmt.Errorf("peer is a %.16q socket, which does not go with %s", n.peer.SocketType, n.cfg.SocketType)
	}
	return zmtp.CheckIdentity(n.peer.Identity)
}

// metadata is what we say of ourselves in READY.
func (c *Config) metadata() zmtp.Metadata {
	m := zmtp.Metadata{{Name: zmtp.PropertySocketType, Value: string(c.SocketType)}}
	if c.Identity != "" {
		m = append(m, zmtp.Property{Name: zmtp.PropertyIdentity, Value: c.Identity})
	}
	if c.Plain {
		return m
	}
	return append(m, zmtp.Property{Name: zmtp.PropertyGozmq, Value: "1"})
}
