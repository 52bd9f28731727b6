// Package link keeps a socket's connections: it binds, accepts, dials and
// dials again, lets zmq4 shake hands behind a guard, frames what is sent,
// answers and sends heartbeats, and ends connections. What the messages mean
// is the business of the pattern above, which it meets in Handler.
package link

import (
	"time"

	"github.com/gozmq/gozmq/runtime/internal/transport"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// Config is what the connections of one socket have in common. Every exported
// field must be set, but those that say what nil stands for; the zero value is not
// ready.
type Config struct {
	SocketType zmtp.SocketType
	Identity   string // announced to peers; "" for none
	Plain      bool   // do not announce that our extensions may be used

	MaxMessageSize int // bytes of a message's body
	// PassOver has Conn.Next return a larger message's first frames in place of
	// ending the connection. It is for patterns that read with Next.
	PassOver bool

	SendQueue      int // messages kept for a peer beyond the kernel's buffer
	SendQueueBytes int // bytes kept for a peer beyond the kernel's buffer

	Resolver transport.Resolver // of the names that are dialled; nil for the system's

	// What the kernel may keep of one connection, in bytes; 0: as it sees fit.
	KernelReceive int
	KernelSend    int

	ConnectTimeout   time.Duration // for one attempt to dial
	HandshakeTimeout time.Duration // from the first byte to READY
	MaxHandshakes    int           // accepted connections that are shaking hands
	MaxPeers         int           // accepted connections in all

	ReconnectMin time.Duration // pause before the second attempt to dial
	ReconnectMax time.Duration // the pause doubles up to this

	HeartbeatInterval time.Duration // 0: no heartbeats
	HeartbeatTimeout  time.Duration // silence that ends a connection
	HeartbeatTTL      time.Duration // what our PINGs ask of the peer

	Security *Security // of endpoints that have none of their own; nil: NULL that lets everyone in
	// Admit decides whether a peer that was accepted may come in, after it was
	// authenticated; nil lets every one. It is called in the handshake's
	// goroutine, and must return soon. The peer is told of an error's being one.
	Admit func(p *Peer, endpoint, address string) error

	// Subscribe decides whether a peer may subscribe to a topic, which is valid
	// during the call only; nil lets every one. It is called by the connection's
	// reader, and must return soon.
	Subscribe func(c *Conn, topic []byte) error

	Observe func(Event) // must not block; nil for none
	tally   *tally      // of the group
}

// A Handler is the pattern above the connections.
type Handler interface {
	// Serve is called once for each connection, after its handshake, in a
	// goroutine of its own. It calls c.Ready once c can be used, reads c until
	// there is nothing more to read and returns why; then the connection is
	// closed. c may be written to from any goroutine meanwhile.
	Serve(c *Conn) error
}

// A Detainable is a Handler whose Serve may not be able to return for long after
// its connection has ended. It calls Conn.Leave then, and what is dialled is
// dialled again meanwhile.
type Detainable interface {
	Handler
	// Detainable does nothing: that it is there says so.
	Detainable()
}

// limits returns what one peer may make the reader keep.
func (c *Config) limits() zmtp.Limits {
	l := zmtp.Limits{
		MaxFrame:   c.MaxMessageSize,
		MaxMessage: c.MaxMessageSize + envelopeRoom,
		MaxFrames:  maxFrames,
		MaxCommand: maxCommand,
	}
	if c.PassOver {
		l.MaxDropped = maxDropped
	}
	return l
}

const (
	maxFrames  = 1024
	maxCommand = 8 << 10
	// envelopeRoom is what the other frames of a message may take beside a body
	// of the largest size, so that both sides can have the same limit.
	envelopeRoom = 64 << 10
	// maxDropped is the size of a message that is passed over at most: the
	// largest that an end of ours may be configured to send. It costs less than
	// to take as many bytes in messages that are not too large.
	maxDropped = 1<<30 + envelopeRoom
)
