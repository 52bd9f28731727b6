package handshake

import (
	"github.com/go-zeromq/zmq4"

	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// null is the NULL mechanism (RFC 37): both sides send READY at once. A side that
// must approve the peer delays its READY until it has.
func (m *mechanism) null(conn *zmq4.Conn) error {
	if m.sec.Server {
		if err := m.authenticate(conn, new(AuthRequest)); err != nil {
			return err
		}
	}
	wait := m.at.Accepted && m.cfg.Admit != nil
	if !wait {
		if err := m.send(conn, zmtp.CommandReady, m.cfg.metadata()); err != nil {
			return err
		}
	}
	body, err := m.receive(conn, zmtp.CommandReady)
	if err != nil {
		return err
	}
	if err := m.readMetadata(body); err != nil {
		return err
	}
	if err := m.check(conn); err != nil || !wait {
		return err
	}
	return m.send(conn, zmtp.CommandReady, m.cfg.metadata())
}
