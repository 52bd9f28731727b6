package link

import (
	"time"

	"github.com/gozmq/gozmq/runtime/internal/handshake"
	"github.com/gozmq/gozmq/runtime/internal/transport"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// Config is the configuration of all connections of one socket. Every exported
// field must be set, unless its comment gives nil or 0 a meaning; the zero value is
// not usable.
type Config struct {
	SocketType zmtp.SocketType
	Identity   string // announced to peers; "" for none
	Plain      bool   // announce nothing about our extensions to the protocol

	Role  handshake.Role   // announced to peers; "" for none
	Peers []handshake.Role // the roles that fit, in addition to proxies; nil: those that fit Role

	MaxMessageSize int  // bytes of a message's body
	HideLimit      bool // do not announce MaxMessageSize
	IgnoreLimits   bool // send messages that exceed a peer's announced limit
	// PassOver makes Conn.Next and NextBatch skip a message that is too large, and
	// return an error with its first frames, instead of ending the connection.
	PassOver bool
	// Runs makes NextBatch find messages that are alike without their frames
	// (Batch.Run).
	Runs bool

	SendQueue      int // messages kept for a peer beyond the kernel's buffer
	SendQueueBytes int // bytes kept for a peer beyond the kernel's buffer

	Resolver transport.Resolver // resolves dialed names; nil for the system's resolver

	// How many bytes the kernel may buffer for one connection; 0: its default.
	KernelReceive int
	KernelSend    int

	ConnectTimeout   time.Duration // for one attempt to dial
	HandshakeTimeout time.Duration // for a whole handshake
	MaxHandshakes    int           // accepted connections whose handshake is in progress
	MaxPeers         int           // accepted connections in all
	// MaxPeersPerAddress bounds the accepted connections of one address other than
	// loopback; for IPv6, of one /64 network. 0: only MaxPeers bounds them.
	MaxPeersPerAddress int

	ReconnectMin time.Duration // pause before the second attempt to dial
	ReconnectMax time.Duration // the pause doubles up to this
	// Lasting is how long a connection must last to reset the pause; at most
	// ReconnectMax counts.
	Lasting time.Duration

	// StopWhenRefused stops dialing an address whose peer refuses us. Without it
	// the address is dialed again after ReconnectMax.
	StopWhenRefused bool

	HeartbeatInterval time.Duration // 0: no heartbeats
	HeartbeatTimeout  time.Duration // silence that ends a connection
	HeartbeatTTL      time.Duration // the time to live in our PINGs

	Security *handshake.Security // of endpoints without their own; nil: NULL, which admits every peer
	// Admit decides, after authentication, whether to admit an accepted peer; nil
	// admits every peer. It is called in the handshake's goroutine, and must return
	// soon. A refused peer learns that it was refused, but not why.
	Admit func(p *handshake.Peer, endpoint, address string) error

	// Subscribe decides whether a peer may subscribe to a topic, which is valid
	// during the call only; nil allows every topic. It is called by the
	// connection's reader, and must return soon.
	Subscribe func(c *Conn, topic []byte) error

	// Detachable says that Serve returns nil, possibly long before or after its
	// connection ends. A connection leaves its group when it is closed; if it was
	// dialed, it is dialed again then.
	Detachable bool

	Observe func(Event) // must not block; nil for none
	Wanted  func() bool // reports whether anyone observes events now; nil: always

	incomingLimit int64         // bytes of partly received messages; 0: derived from MaxMessageSize
	stallLimit    time.Duration // of an incomingShare; 0: stallLimit

	events   *eventCounts   // of the group
	incoming *incomingShare // of the group
}

// A Handler is the pattern above the connections.
type Handler interface {
	// Serve is called once for each connection, after its handshake, in a new
	// goroutine. It calls c.Ready once c can be used, reads c until reading fails,
	// and returns why; then the connection is closed. Any goroutine may write to c
	// meanwhile.
	Serve(c *Conn) error
}

// limits returns how much memory one peer may use in the reader.
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
	// envelopeRoom is how many bytes a message may have in addition to a body of
	// the largest size, so that both sides can have the same configured limit.
	envelopeRoom = 64 << 10
	// maxDropped is the largest message that is skipped: the largest that our end
	// can be configured to send. Skipping it costs less than receiving as many
	// bytes in messages within the limit.
	maxDropped = 1<<30 + envelopeRoom
)

// maxIncoming is how many bytes the partly received messages of all peers may take
// together, unless a few messages of the largest size need more.
const maxIncoming = 256 << 20

// incomingBytes returns the limit of the incomingShare.
func (c *Config) incomingBytes() int64 {
	if c.incomingLimit > 0 {
		return c.incomingLimit
	}
	return max(maxIncoming, 4*int64(c.MaxMessageSize))
}

// handshake returns the configuration of the group's handshakes.
func (c *Config) handshake() *handshake.Config {
	limit := c.MaxMessageSize
	if c.HideLimit {
		limit = 0
	}
	return &handshake.Config{
		SocketType: c.SocketType, Identity: c.Identity, HideExtensions: c.Plain,
		Role: c.Role, Peers: c.Peers, MaxMessage: limit,
		Timeout: c.HandshakeTimeout, Admit: c.Admit,
	}
}
