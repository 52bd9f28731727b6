package handshake

import (
	"github.com/go-zeromq/zmq4"

	"github.com/gozmq/gozmq/runtime/internal/curve"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// curveClient shakes hands as the client of CURVE (RFC 26).
func (m *mechanism) curveClient(conn *zmq4.Conn) error {
	client, err := curve.NewClient(m.sec.Secret, m.sec.ServerKey)
	if err != nil {
		return err
	}
	body, err := client.Hello()
	if err != nil {
		return err
	}
	if body, err = m.exchange(conn, curve.CommandHello, body, curve.CommandWelcome); err != nil {
		return err
	}
	if err := client.Welcome(body); err != nil {
		return err
	}
	if body, err = client.Initiate(m.cfg.metadata()); err != nil {
		return err
	}
	if body, err = m.exchange(conn, curve.CommandInitiate, body, curve.CommandReady); err != nil {
		return err
	}
	metadata, session, err := client.Ready(body)
	if err != nil {
		return err
	}
	m.peer.PublicKey, m.peer.Session = m.sec.ServerKey, session
	if err := m.readMetadata(metadata); err != nil {
		return err
	}
	return m.checkPeer() // the handshake is over, so ERROR can no longer be sent
}

// exchange sends a command and waits for its answer.
func (m *mechanism) exchange(conn *zmq4.Conn, name string, body []byte, answer string) ([]byte, error) {
	if err := m.send(conn, name, body); err != nil {
		return nil, err
	}
	return m.receive(conn, answer)
}

// curveServer shakes hands as the server of CURVE (RFC 26). A peer that does not
// know the protocol, or the server's key, gets no answer.
func (m *mechanism) curveServer(conn *zmq4.Conn) error {
	server := curve.NewServer(m.sec.Secret)
	body, err := m.receive(conn, curve.CommandHello)
	if err != nil {
		return err
	}
	m.at.reach(Checking)
	if err := server.Hello(body); err != nil {
		return &ProofError{err}
	}
	if body, err = server.Welcome(); err != nil {
		return err
	}
	m.at.reach(Greeted)
	if body, err = m.exchange(conn, curve.CommandWelcome, body, curve.CommandInitiate); err != nil {
		return err
	}
	m.at.reach(Checking)
	key, metadata, err := server.Initiate(body)
	if err != nil {
		return &ProofError{err}
	}
	if err := m.readMetadata(metadata); err != nil {
		return err
	}
	if err := m.authenticate(conn, &AuthRequest{PublicKey: key, Metadata: m.peer.Metadata}); err != nil {
		return err
	}
	m.peer.PublicKey = key
	if err := m.check(conn); err != nil {
		return err
	}
	ready, session, err := server.Ready(m.cfg.metadata())
	if err != nil {
		return err
	}
	m.peer.Session = session
	return m.send(conn, zmtp.CommandReady, ready)
}
