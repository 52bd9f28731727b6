package subscription

import (
	"time"

	"github.com/gozmq/gozmq/runtime/internal/lru"
)

// Config is the configuration of a Hub.
type Config struct {
	// Socket is the socket on which the Hub subscribes. It is not used before the
	// first Open.
	Socket Socket
	// Topics bounds the topics that the Hub, and each subscription, remembers.
	Topics lru.Bounds
	// Lag limits the age of messages of sequenced topics.
	Lag LagLimits
	// Events are reported in the goroutine in which they happen.
	Events Events
}

// A Socket is a SUB socket. Equal subscriptions are counted.
type Socket interface {
	Subscribe(prefix []byte)
	Cancel(prefix []byte)
	// Together sends the subscriptions and cancellations of f in few writes.
	Together(f func())
	// Peers returns the number of connections.
	Peers() int
}

// LagLimits are the ages from which messages are reported as late; 0 means no
// limit.
type LagLimits struct {
	Report time.Duration // an older message is reported and passed on
	End    time.Duration // an older message is reported and ends the iteration
}

// Events are functions that report events. They are called with locks held, so they
// must neither block nor call back. nil functions are not called.
type Events struct {
	// Evicted reports a retained topic whose last value was evicted because there
	// are too many.
	Evicted func(topic string)
	// Overflow reports how many messages a subscription has dropped since the
	// last report: at once for the first, then not more often than every
	// second, and when the subscription is closed.
	Overflow func(subscription string, count int)
}

// withDefaults returns e with functions that do nothing in place of nil ones.
func (e Events) withDefaults() Events {
	if e.Evicted == nil {
		e.Evicted = func(string) {}
	}
	if e.Overflow == nil {
		e.Overflow = func(string, int) {}
	}
	return e
}

// A Pattern selects the topics of a subscription. Its methods may be called from
// any goroutine, and allocate only their results.
type Pattern interface {
	// Prefix returns the common prefix of all topics of the pattern.
	Prefix() string
	// Matches reports whether the pattern selects a topic: whether the topic
	// consists of the segments.
	Matches(topic []byte) bool
	// AppendSegments appends the segments in order, at least one. Patterns with
	// the same ones are equal.
	AppendSegments(list []Segment) []Segment
	// Conflated reports whether only the newest message of a topic counts.
	Conflated() bool
	// String returns the pattern for people to read.
	String() string
}

// A Segment of a pattern is a literal and the open field after it. Only the last
// segment of a pattern has no open field.
type Segment struct {
	Literal string
	Open    Value
}

// A Value defines which bytes an open field matches. Values are compared with ==.
type Value interface {
	// Len returns how many bytes at the start of topic are the field's.
	Len(topic []byte) int
}

// An Overflow is a Queue's policy for a message without room.
type Overflow uint8

const (
	// Block makes the connection wait until there is room.
	Block Overflow = iota
	// DropOldest drops the messages that have waited longest.
	DropOldest
	// DropNewest drops the message.
	DropNewest
)

// QueueConfig is the configuration of a Queue.
type QueueConfig struct {
	// Messages and Bytes are how much may wait. One message always fits.
	Messages, Bytes int
	Overflow        Overflow
	// Idle is how long an iteration waits for a message before it gets an
	// idleEntry; 0: forever.
	Idle time.Duration
}
