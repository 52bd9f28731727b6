package handshake

import (
	"github.com/gozmq/gozmq/runtime/internal/curve"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A Peer is the result of a handshake: what is known about the other side.
type Peer struct {
	SocketType zmtp.SocketType
	Identity   string // announced by the peer, without proof
	Metadata   zmtp.Metadata
	Minor      byte // of ZMTP 3

	Role       Role  // announced by the peer; "" for none
	MaxMessage int64 // the largest body that the peer accepts, as announced; 0: unknown

	Mechanism string
	PublicKey curve.Public // CURVE: the peer has proved to own it
	User      string       // PLAIN, if we are the server
	Auth      *Identity    // what the authenticator returned; nil: there was none

	// Session seals and opens the frames of a CURVE connection; nil for the
	// other mechanisms, whose frames are not sealed.
	Session *curve.Session
}

// Gozmq reports whether the peer is one of ours and knows our extensions.
func (p *Peer) Gozmq() bool { return p.Metadata.Get(zmtp.PropertyGozmq) != "" }

// A Site describes where a connection was made.
type Site struct {
	Endpoint string // the endpoint that was bound or dialed
	Address  string // of the peer
	Accepted bool   // not dialed
	Security *Security
	Stage    func(Stage) // called when the handshake reaches a stage; may be nil
}

// A Stage is what the handshake of an accepted connection waits for.
type Stage uint8

const (
	Silent   Stage = iota // for the peer's greeting
	Greeted               // for the peer's next command
	Checking              // for this side: its computing, and its authenticator
)

func (s *Site) reach(stage Stage) {
	if s.Stage != nil {
		s.Stage(stage)
	}
}
