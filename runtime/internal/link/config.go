package link

import (
	"time"

	"github.com/gozmq/gozmq/runtime/internal/handshake"
	"github.com/gozmq/gozmq/runtime/internal/transport"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// Config is what the connections of one socket have in common. Every exported
// field must be set, except those that say what nil stands for; the zero value is
// not usable.
type Config struct {
	SocketType zmtp.SocketType
	Identity   string // announced to peers; "" for none
	Plain      bool   // announce nothing about our extensions to the protocol

	Role  handshake.Role   // announced to peers; "" for none
	Peers []handshake.Role // that fit, beside proxies; nil for those that fit Role

	MaxMessageSize int  // bytes of a message's body
	HideLimit      bool // do not announce MaxMessageSize
	IgnoreLimits   bool // send what is larger than a peer announces to take
	// PassOver makes Conn.Next and NextBatch return an error and the first
	// frames of a larger message instead of ending the connection.
	PassOver bool

	SendQueue      int // messages kept for a peer beyond the kernel's buffer
	SendQueueBytes int // bytes kept for a peer beyond the kernel's buffer

	Resolver transport.Resolver // of the names that are dialed; nil for the system's

	// How many bytes the kernel may buffer for one connection; 0: its default.
	KernelReceive int
	KernelSend    int

	ConnectTimeout   time.Duration // for one attempt to dial
	HandshakeTimeout time.Duration // from the first byte to READY
	MaxHandshakes    int           // accepted connections whose handshake is in progress
	MaxPeers         int           // accepted connections in all
	// MaxPeersPerAddress bounds the accepted connections of one address other than
	// loopback; of IPv6, of one network of 64 bits. 0: only MaxPeers does.
	MaxPeersPerAddress int

	ReconnectMin time.Duration // pause before the second attempt to dial
	ReconnectMax time.Duration // the pause doubles up to this
	// Lasting is how long a connection must have lasted for the pause to begin
	// anew; at most ReconnectMax counts.
	Lasting time.Duration

	// StopWhenRefused ends dialing an address whose peer refuses us. Without it the
	// address is dialed again after ReconnectMax.
	StopWhenRefused bool

	HeartbeatInterval time.Duration // 0: no heartbeats
	HeartbeatTimeout  time.Duration // silence that ends a connection
	HeartbeatTTL      time.Duration // what our PINGs ask of the peer

	Security *handshake.Security // of endpoints that have none set; nil: NULL, which admits every peer
	// Admit decides whether a peer that was accepted may come in, after it was
	// authenticated; nil admits every peer. It is called in the handshake's
	// goroutine, and must return soon. A peer that it refuses is told that, but
	// not why.
	Admit func(p *handshake.Peer, endpoint, address string) error

	// Subscribe decides whether a peer may subscribe to a topic, which is valid
	// during the call only; nil allows every topic. It is called by the
	// connection's reader, and must return soon.
	Subscribe func(c *Conn, topic []byte) error

	// Detachable says that Serve may return long before or after its connection
	// ends, and returns nil. The connection leaves its group when it is closed, and
	// one that was dialed is dialed again then.
	Detachable bool

	Observe func(Event) // must not block; nil for none
	Wanted  func() bool // whether Observe has a use for events now; nil: it has

	incomingLimit int64         // bytes of messages that have come in part; 0: of MaxMessageSize
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

// limits returns how much one peer may make the reader keep.
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
	// envelopeRoom is how many bytes a message may have besides a body of the
	// largest size, so that both sides can be configured with the same limit.
	envelopeRoom = 64 << 10
	// maxDropped is the largest message that is passed over: the largest that an
	// end of ours can be configured to send. Skipping it costs less than receiving
	// as many bytes in messages within the limit.
	maxDropped = 1<<30 + envelopeRoom
)

// maxIncoming is how many bytes the messages that have come in part may take, of
// all peers together, unless a few of the largest need more.
const maxIncoming = 256 << 20

// incomingBytes returns the limit of the incomingShare.
func (c *Config) incomingBytes() int64 {
	if c.incomingLimit > 0 {
		return c.incomingLimit
	}
	return max(maxIncoming, 4*int64(c.MaxMessageSize))
}

// handshake returns what the group's handshakes have in common.
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
