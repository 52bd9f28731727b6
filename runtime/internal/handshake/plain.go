package handshake

import (
	"errors"
	"fmt"

	"github.com/go-zeromq/zmq4"

	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// PLAIN's commands besides READY and ERROR (RFC 24).
const (
	plainHello    = "HELLO"
	plainWelcome  = "WELCOME"
	plainInitiate = "INITIATE"
)

// MaxCredential is the longest user or password of PLAIN, in bytes.
const MaxCredential = 255

func (m *mechanism) plainClient(conn *zmq4.Conn) error {
	if err := m.send(conn, plainHello, appendCredentials(nil, m.sec.User, m.sec.Password)); err != nil {
		return err
	}
	body, err := m.receive(conn, plainWelcome)
	if err != nil {
		return err
	}
	if len(body) != 0 {
		return fmt.Errorf("WELCOME has a body of %d bytes, want none", len(body))
	}
	if err := m.send(conn, plainInitiate, m.cfg.metadata()); err != nil {
		return err
	}
	if body, err = m.receive(conn, zmtp.CommandReady); err != nil {
		return err
	}
	if err := m.readMetadata(body); err != nil {
		return err
	}
	return m.check(conn)
}

func (m *mechanism) plainServer(conn *zmq4.Conn) error {
	body, err := m.receive(conn, plainHello)
	if err != nil {
		return err
	}
	user, password, err := parseCredentials(body)
	if err != nil {
		return err
	}
	if err := m.authenticate(conn, &AuthRequest{User: user, Password: password}); err != nil {
		return err
	}
	m.peer.User = user
	if err := m.send(conn, plainWelcome, nil); err != nil {
		return err
	}
	if body, err = m.receive(conn, plainInitiate); err != nil {
		return err
	}
	if err := m.readMetadata(body); err != nil {
		return err
	}
	if err := m.check(conn); err != nil {
		return err
	}
	return m.send(conn, zmtp.CommandReady, m.cfg.metadata())
}

func appendCredentials(b []byte, user, password string) []byte {
	b = append(append(b, byte(len(user))), user...)
	return append(append(b, byte(len(password))), password...)
}

// parseCredentials decodes the body of HELLO. Its errors contain no part of it.
func parseCredentials(b []byte) (user, password string, err error) {
	user, b, ok := cutCredential(b)
	if !ok {
		return "", "", errors.New("HELLO has a user that is cut short")
	}
	password, b, ok = cutCredential(b)
	if !ok {
		return "", "", errors.New("HELLO has a password that is cut short")
	}
	if len(b) > 0 {
		return "", "", fmt.Errorf("HELLO has %d bytes behind the password", len(b))
	}
	return user, password, nil
}

func cutCredential(b []byte) (value string, rest []byte, ok bool) {
	if len(b) == 0 || len(b)-1 < int(b[0]) {
		return "", nil, false
	}
	n := 1 + int(b[0])
	return string(b[1:n]), b[n:], true
}
