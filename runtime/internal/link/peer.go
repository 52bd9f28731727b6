package link

import (
	"github.com/gozmq/gozmq/runtime/internal/curve"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A Peer is what the handshake told about the other side.
type Peer struct {
	SocketType zmtp.SocketType
	Identity   string // announced by the peer, proved by nothing
	Metadata   zmtp.Metadata
	Minor      byte // of ZMTP 3

	Mechanism string
	PublicKey curve.Public // CURVE: the peer has proved to own it
	User      string       // PLAIN, where we are the server
	Auth      *Identity    // what the authenticator made of it; nil: there was none

	session *curve.Session // CURVE: seals and opens what follows
}

// Gozmq reports whether the peer is one of ours and knows our extensions.
func (p *Peer) Gozmq() bool { return p.Metadata.Get(zmtp.PropertyGozmq) != "" }

// A site is where a connection was made.
type site struct {
	endpoint string
	address  string // the peer's
	accepted bool
	security *Security // nil: NULL that lets everyone in
}
