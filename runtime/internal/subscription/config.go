package subscription

import (
	"time"

	"github.com/gozmq/gozmq/runtime/internal/lru"
)

// Config is what a Hub is made with.
type Config struct {
	// Socket is where the Hub subscribes. It is not used before the first Open.
	Socket Socket
	// Topics bounds what the Hub, and each subscription, remembers of topics.
	Topics lru.Bounds
	// Lag limits the age of messages of sequenced topics.
	Lag LagLimits
	// Events are reported by the goroutine in which they happen.
	Events Events
}

// A Socket is a SUB socket. Equal subscriptions are counted.
type Socket interface {
	Subscribe(prefix []byte)
	Cancel(prefix []byte)
	// Together sends what f subscribes to and cancels in few writes.
	Together(f func())
	// Peers returns the number of connections.
	Peers() int
}

// LagLimits are ages of messages that are reported; 0 is no limit.
type LagLimits struct {
	Report time.Duration // a message is reported and passed on
	End    time.Duration // a message is reported and ends the iteration
}

// Events are functions that are told what happens. They are called with locks
// held, so they must not block, nor call back. nil functions are not called.
type Events struct {
	// Evicted reports a retained topic whose last value was given up because
	// there are too many.
	Evicted func(topic string)
	// Overflow reports how many messages a subscription has dropped since the
	// last report: at once for the first, then not more often than every
	// second, and when the subscription is closed.
	Overflow func(subscription string, count int)
}

// withDefaults returns e with functions that do nothing in place of nil.
func (e Events) withDefaults() Events {
	if e.Evicted == nil {
		e.Evicted = func(string) {}
	}
	if e.Overflow == nil {
		e.Overflow = func(string, int) {}
	}
	return e
}

// A Pattern says which topics a subscription takes. Its methods may be called
// from any goroutine and allocate nothing but what they return.
type Pattern interface {
	// Prefix returns what all topics of the pattern begin with.
	Prefix() string
	// Matches reports whether the pattern takes a topic: whether that consists
	// of the segments.
	Matches(topic []byte) bool
	// AppendSegments appends the segments in order, at least one. Patterns with
	// the same ones are equal.
	AppendSegments(list []Segment) []Segment
	// Conflated reports whether only the newest message of a topic counts.
	Conflated() bool
	// String returns the pattern for people to read.
	String() string
}

// A Segment of a pattern is a literal and the open field behind it. The last
// segment of a pattern, and no other, has no open field.
type Segment struct {
	Literal string
	Open    Value
}

// A Value says which bytes an open field takes. Values are compared with ==.
type Value interface {
	// Len returns how many bytes at the start of topic are the field's.
	Len(topic []byte) int
}

// An Overflow says what a Queue does with a message that it has no room for.
type Overflow uint8

const (
	// Block has the connection wait until there is room.
	Block Overflow = iota
	// DropOldest drops the messages that have waited longest.
	DropOldest
	// DropNewest drops the message.
	DropNewest
)

// QueueConfig is what a Queue is made with.
type QueueConfig struct {
	// Messages and Bytes are how much may wait. One message always fits.
	Messages, Bytes int
	Overflow        Overflow
	// Idle is how long an iteration waits for a message before it is told that none
	// has come; 0: forever.
	Idle time.Duration
}
