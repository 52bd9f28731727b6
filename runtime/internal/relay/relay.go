// Package relay has the engines of proxies, one for each of ZeroMQ's patterns.
// A relay passes messages on between two sockets, the front and the back. It reads
// only the frames that route a message, and passes the others on unchanged.
package relay

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/gozmq/gozmq/runtime/internal/handshake"
	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A Config is what all relays are made with.
type Config struct {
	// Socket configures both sockets, except their types and Observe.
	Socket link.Config
	// Observe returns the function to which the connections of a socket of that
	// type report; it may be nil.
	Observe func(zmtp.SocketType) func(link.Event)
	// Capture is called with each message before it is passed on, from several
	// goroutines at once. The frames are valid during the call only. nil: it is
	// not called.
	Capture func(toFront bool, frames [][]byte)
	// MaxSubscriptions is how many prefixes the subscribers of a PubSub may hold
	// together.
	MaxSubscriptions int
}

// side returns the configuration of one of the sockets.
// peers are the roles that belong there.
func (c *Config) side(t zmtp.SocketType, peers ...handshake.Role) link.Config {
	side := c.Socket
	side.SocketType, side.Observe = t, c.Observe(t)
	side.Role, side.Peers = handshake.RoleProxy, peers
	side.Plain = true // the peers behind the proxy may not know our extensions
	return side
}

// Stats are the counts of a relay.
type Stats struct {
	ToBack     uint64 // messages that went from the front to the back
	ToFront    uint64 // replies that went from the back to the front
	Unroutable uint64 // replies to peers that are gone or never were
	Dropped    uint64 // messages that could not be passed on
}

// counters are the Stats while they are counted.
type counters struct{ toBack, toFront, unroutable, dropped atomic.Uint64 }

// Stats returns the counters. It may be called from any goroutine.
func (c *counters) Stats() Stats {
	return Stats{ToBack: c.toBack.Load(), ToFront: c.toFront.Load(), Unroutable: c.unroutable.Load(), Dropped: c.dropped.Load()}
}

// A Relay passes messages on from when Start is called until Close returns.
type Relay interface {
	// Links returns the connections of both sides.
	Links() (front, back *link.Group)
	// Start begins to read the front. It must be called once, before Close.
	Start()
	// Close stops reading the front, passes on the messages that were read, until
	// ctx ends, and closes both sockets. It returns an error when messages were
	// left.
	Close(ctx context.Context) error
	// Stats returns the counters.
	Stats() Stats
}

// ErrLeft says that a relay was closed before it could pass everything on.
var ErrLeft = errors.New("closed with messages that no one took (raise the time with WithLinger)")

// window is how many messages of one peer a relay reads ahead.
const window = 256
