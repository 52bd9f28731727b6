package link

import "github.com/gozmq/gozmq/runtime/internal/zmtp"

// An EventKind says what happened.
type EventKind uint8

const (
	Listening EventKind = iota + 1
	AcceptFailed
	DialFailed
	HandshakeFailed
	Connected
	Disconnected
	HeartbeatLost
	Subscribed
	Unsubscribed
	Dropped
	Malformed
	Forgotten
	AuthFailed
	SubscriptionRefused
	Exposed
	Delayed
	Probed
	eventKinds // their number, last
)

// An Event is something that happened to a connection.
type Event struct {
	Kind     EventKind
	Endpoint string // bound or dialed endpoint
	Peer     string // the peer's address; "" before there is one
	Err      error  // the cause; nil if nothing went wrong
	Count    int    // Dropped: messages
	Topic    string // Subscribed, Unsubscribed, SubscriptionRefused, Forgotten
}

// observe counts an event and hands it to the observer, if there is one.
func (c *Config) observe(e Event) {
	c.events[e.Kind].Add(1)
	if c.Observe != nil {
		c.Observe(e)
	}
}

// Observed reports whether anybody observes events now.
func (c *Config) Observed() bool { return c.Observe != nil && (c.Wanted == nil || c.Wanted()) }

// An EndedError says that the peer ended the connection with an ERROR command,
// after the handshake. A later attempt may succeed; an immediate one will not.
type EndedError struct{ Reason string }

func (e *EndedError) Error() string { return "peer ended the connection: " + zmtp.Printable(e.Reason) }
