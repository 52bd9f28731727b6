package link

import "github.com/gozmq/gozmq/runtime/internal/handshake"

// Types and values of package handshake that stand in this package's interface.
type (
	Peer          = handshake.Peer
	Security      = handshake.Security
	AuthRequest   = handshake.AuthRequest
	Identity      = handshake.Identity
	AuthError     = handshake.AuthError
	RefusedError  = handshake.RefusedError
	MismatchError = handshake.MismatchError
)

const (
	Null          = handshake.Null
	Plain         = handshake.Plain
	Curve         = handshake.Curve
	MaxCredential = handshake.MaxCredential
)

var ErrTryLater = handshake.ErrTryLater

// handshake returns what the group's handshakes have in common.
func (c *Config) handshake() *handshake.Config {
	return &handshake.Config{
		SocketType: c.SocketType, Identity: c.Identity, HideExtensions: c.Plain,
		Timeout: c.HandshakeTimeout, Admit: c.Admit,
	}
}
