package handshake

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/go-zeromq/zmq4"

	"github.com/gozmq/gozmq/runtime/internal/curve"
	"github.com/gozmq/gozmq/runtime/internal/guarded"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A mechanism is the security part of one handshake, as a zmq4.Security. It sends
// and receives commands through zmq4.
type mechanism struct {
	ctx   context.Context // of this handshake
	cfg   *Config
	guard *guard
	at    Site
	sec   *Security

	peer    Peer
	awaited string // the command that must come next
	err     error  // why the handshake failed, where zmq4 would hide it
}

var noSecurity = &Security{Mechanism: Null}

func newMechanism(ctx context.Context, cfg *Config, g *guard, at Site) *mechanism {
	sec := at.Security
	if sec == nil {
		sec = noSecurity
	}
	g.asServer = sec.Server && sec.Mechanism != Null
	return &mechanism{ctx: ctx, cfg: cfg, guard: g, at: at, sec: sec, peer: Peer{Mechanism: sec.Mechanism}}
}

func (m *mechanism) Type() zmq4.SecurityType { return zmq4.SecurityType(m.sec.Mechanism) }

// Encrypt passes the handshake's commands on unchanged (zmq4.Security).
func (*mechanism) Encrypt(w io.Writer, data []byte) (int, error) { return w.Write(data) }

// Decrypt passes the handshake's commands on unchanged (zmq4.Security).
func (*mechanism) Decrypt(w io.Writer, data []byte) (int, error) { return w.Write(data) }

// Handshake exchanges commands until the peer is known (zmq4.Security).
func (m *mechanism) Handshake(conn *zmq4.Conn, _ bool) error {
	m.at.reach(Greeted)
	switch {
	case m.sec.Mechanism == Null:
		m.err = m.null(conn)
	case m.sec.Mechanism == Plain && m.sec.Server:
		m.err = m.plainServer(conn)
	case m.sec.Mechanism == Plain:
		m.err = m.plainClient(conn)
	case m.sec.Mechanism == Curve && m.sec.Server:
		m.err = m.curveServer(conn)
	case m.sec.Mechanism == Curve:
		m.err = m.curveClient(conn)
	default:
		m.err = fmt.Errorf("unknown security mechanism %q", m.sec.Mechanism)
	}
	if m.err == nil {
		conn.Peer.Meta["Socket-Type"] = string(m.peer.SocketType)
	}
	return m.err
}

// send sends a command.
func (m *mechanism) send(conn *zmq4.Conn, name string, body []byte) error {
	if err := conn.SendCmd(name, body); err != nil {
		return fmt.Errorf("send %s: %w", name, err)
	}
	return nil
}

// receive waits for the command of that name and returns its body.
func (m *mechanism) receive(conn *zmq4.Conn, name string) ([]byte, error) {
	m.awaited = name
	cmd, err := conn.RecvCmd()
	if err != nil {
		return nil, m.explain(err)
	}
	switch cmd.Name {
	case name:
		return cmd.Body, nil
	case zmtp.CommandError:
		return nil, refusedBy(zmtp.ParseErrorCommand(cmd.Body))
	}
	err = fmt.Errorf("peer sent command %.16q in place of %s", cmd.Name, name)
	if cmd.Name == curve.CommandHello && m.sec.Mechanism != Null && !m.sec.Server {
		return nil, &MismatchError{err.Error() + ": both sides have the role of the client"}
	}
	return nil, err
}

// sendError sends ERROR with a reason. Its own failure does not matter: the
// handshake fails anyway.
func (m *mechanism) sendError(conn *zmq4.Conn, reason string) {
	_ = conn.SendCmd(zmtp.CommandError, zmtp.ErrorBody(reason))
	_ = m.guard.Flush()
}

// authenticate calls this side's authenticator for the peer. It sends an ERROR to a
// peer that is refused permanently (RFC 27).
func (m *mechanism) authenticate(conn *zmq4.Conn, r *AuthRequest) error {
	r.Mechanism, r.Domain = m.sec.Mechanism, m.sec.Domain
	r.Address, r.Endpoint = m.at.Address, m.at.Endpoint
	m.at.reach(Checking)
	id, status, err := m.sec.decide(m.ctx, r)
	m.at.reach(Greeted)
	if err != nil {
		if status == statusLater {
			return &AuthError{Who: r.who(), Err: err, Later: true}
		}
		m.sendError(conn, status)
		return &AuthError{Who: r.who(), Err: err}
	}
	m.peer.Auth = id
	return nil
}

// readMetadata reads the metadata that the peer announces.
func (m *mechanism) readMetadata(body []byte) error {
	meta, err := zmtp.ParseMetadata(body)
	if err != nil {
		return err
	}
	m.peer.Metadata = meta
	m.peer.SocketType = zmtp.SocketType(meta.Get(zmtp.PropertySocketType))
	m.peer.Identity = meta.Get(zmtp.PropertyIdentity)
	m.peer.readRole()
	return nil
}

// checkPeer checks that the two roles and socket types are compatible, that the
// announced identity is valid, and that the peer is admitted.
func (m *mechanism) checkPeer() error {
	if !m.cfg.rolesFit(m.peer.Role, m.peer.SocketType) {
		return &roleError{roleEnd{m.cfg.Role, m.cfg.SocketType}, roleEnd{m.peer.Role, m.peer.SocketType}}
	}
	if !m.cfg.SocketType.Compatible(m.peer.SocketType) {
		return fmt.Errorf("peer is a %.16q socket, which does not go with %s: %s", m.peer.SocketType, m.cfg.SocketType, m.hint())
	}
	if err := zmtp.CheckIdentity(m.peer.Identity); err != nil {
		return err
	}
	if m.at.Accepted && m.cfg.Admit != nil {
		if err := m.admit(); err != nil {
			return &AuthError{Who: "peer", Err: err}
		}
	}
	return nil
}

// hint returns advice for the user when the peer's socket type does not fit ours.
func (m *mechanism) hint() string {
	kind := func(t zmtp.SocketType) (plain, leased bool) {
		return t == zmtp.Push || t == zmtp.Pull, t == zmtp.Dealer || t == zmtp.Router
	}
	plain, leased := kind(m.cfg.SocketType)
	peerPlain, peerLeased := kind(m.peer.SocketType)
	if plain && peerLeased || leased && peerPlain {
		return "is this the right address, and the delivery the same on both sides?"
	}
	return "is this the right address?"
}

// admit calls the configuration's Admit.
func (m *mechanism) admit() (err error) {
	guarded.Call(func() { err = m.cfg.Admit(&m.peer, m.at.Endpoint, m.at.Address) }, func(e *guarded.PanicError) {
		if e != nil {
			err = fmt.Errorf("the admission rule panicked: %v", e.Value)
		}
	})
	return err
}

// check is checkPeer for a peer that is still in its handshake: it sends the peer
// an ERROR when the check fails.
func (m *mechanism) check(conn *zmq4.Conn) error {
	err := m.checkPeer()
	var refused *AuthError
	if errors.As(err, &refused) {
		m.sendError(conn, statusDenied)
	} else if roles := (*roleError)(nil); errors.As(err, &roles) {
		m.sendError(conn, roles.reversed().Error())
	} else if err != nil {
		m.sendError(conn, err.Error())
	}
	return err
}
