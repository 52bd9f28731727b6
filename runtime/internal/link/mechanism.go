package link

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/go-zeromq/zmq4"

	"github.com/gozmq/gozmq/runtime/internal/curve"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A mechanism is the security part of one handshake, as a zmq4.Security: it
// sends and receives commands through zmq4, and what follows the handshake does
// not pass zmq4 any more.
type mechanism struct {
	ctx   context.Context // of this handshake
	cfg   *Config
	guard *guard
	at    site
	sec   *Security

	peer    Peer
	awaited string // the command that is to come next
	err     error  // what was wrong, where zmq4 would hide it
}

var openToAll = &Security{Mechanism: Null}

func newMechanism(ctx context.Context, cfg *Config, g *guard, at site) *mechanism {
	sec := at.security
	if sec == nil {
		sec = openToAll
	}
	g.asServer = sec.Server && sec.Mechanism != Null
	return &mechanism{ctx: ctx, cfg: cfg, guard: g, at: at, sec: sec, peer: Peer{Mechanism: sec.Mechanism}}
}

func (m *mechanism) Type() zmq4.SecurityType { return zmq4.SecurityType(m.sec.Mechanism) }

// Encrypt passes the commands of the handshake on.
func (*mechanism) Encrypt(w io.Writer, data []byte) (int, error) { return w.Write(data) }

// Decrypt passes the commands of the handshake on.
func (*mechanism) Decrypt(w io.Writer, data []byte) (int, error) { return w.Write(data) }

// Handshake exchanges commands until the peer is known.
func (m *mechanism) Handshake(conn *zmq4.Conn, _ bool) error {
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

// tell sends ERROR. What else could be said is in the error that follows.
func (m *mechanism) tell(conn *zmq4.Conn, reason string) {
	_ = conn.SendCmd(zmtp.CommandError, zmtp.ErrorBody(reason))
	_ = m.guard.Flush()
}

// authenticate has this side's authenticator decide on the peer, and tells the
// peer when it is refused for good (RFC 27).
func (m *mechanism) authenticate(conn *zmq4.Conn, r *AuthRequest) error {
	r.Mechanism, r.Domain = m.sec.Mechanism, m.sec.Domain
	r.Address, r.Endpoint = m.at.address, m.at.endpoint
	id, status, err := m.sec.decide(m.ctx, r)
	if err != nil {
		if status != statusLater {
			m.tell(conn, status)
		}
		return &AuthError{r.who(), err}
	}
	m.peer.Auth = id
	return nil
}

// introduce takes what the peer says of itself.
func (m *mechanism) introduce(body []byte) error {
	meta, err := zmtp.ParseMetadata(body)
	if err != nil {
		return err
	}
	m.peer.Metadata = meta
	m.peer.SocketType = zmtp.SocketType(meta.Get(zmtp.PropertySocketType))
	m.peer.Identity = meta.Get(zmtp.PropertyIdentity)
	return nil
}

// fits checks that the two sockets go together, and that the peer may be one.
func (m *mechanism) fits() error {
	if !m.cfg.SocketType.Compatible(m.peer.SocketType) {
		return fmt.Errorf("peer is a %.16q socket, which does not go with %s: %s", m.peer.SocketType, m.cfg.SocketType, m.question())
	}
	if err := zmtp.CheckIdentity(m.peer.Identity); err != nil {
		return err
	}
	if m.at.accepted && m.cfg.Admit != nil {
		if err := m.admit(); err != nil {
			return &AuthError{"peer", err}
		}
	}
	return nil
}

// question is what to ask oneself when the peer's socket does not go with ours.
func (m *mechanism) question() string {
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

// admit asks who stands above whether the peer may come in.
func (m *mechanism) admit() (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("the admission rule panicked: %v", v)
		}
	}()
	return m.cfg.Admit(&m.peer, m.at.endpoint, m.at.address)
}

// check is fits for a peer that is still in its handshake, and is told.
func (m *mechanism) check(conn *zmq4.Conn) error {
	err := m.fits()
	var refused *AuthError
	if errors.As(err, &refused) {
		m.tell(conn, statusDenied)
	} else if err != nil {
		m.tell(conn, err.Error())
	}
	return err
}

// metadata is what we say of ourselves.
func (c *Config) metadata() []byte {
	m := zmtp.Metadata{{Name: zmtp.PropertySocketType, Value: string(c.SocketType)}}
	if c.Identity != "" {
		m = append(m, zmtp.Property{Name: zmtp.PropertyIdentity, Value: c.Identity})
	}
	if !c.Plain {
		m = append(m, zmtp.Property{Name: zmtp.PropertyGozmq, Value: "1"})
	}
	return m.Append(nil)
}
