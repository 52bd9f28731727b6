package subscription

import (
	"fmt"
	"time"
)

// A Notice is an event in the stream: a Gap, a Restart or a Lag before a message of
// a sequenced topic, a *TooLargeError in place of a message, or an Ended or an Idle
// without a message.
type Notice interface{ notice() }

// A Gap says that messages of a topic were published but did not arrive.
type Gap struct {
	Topic string
	Lost  uint64
}

// A Restart says that the publisher Old is gone, and that New, whose first
// message has the topic, took its place.
type Restart struct {
	Topic    string
	Old, New uint64
}

// A Lag says that a message is older than a limit. Ended says that it ends the
// iteration.
type Lag struct {
	Topic      string
	Age, Limit time.Duration
	Ended      bool
}

// A TooLargeError says that a message was skipped because it is larger than the
// connection's limit. Topic is empty if the message has none, or if the topic
// itself is too large. Size is of the frame that is too large, or of the message up
// to its end.
type TooLargeError struct {
	Topic string
	Size  uint64
	Limit int
}

// Elsewhere reports whether a proxy skipped the message, and not the subscriber.
func (e *TooLargeError) Elsewhere() bool { return e.Size <= uint64(e.Limit) }

// Error returns the sizes.
func (e *TooLargeError) Error() string {
	if e.Elsewhere() {
		return fmt.Sprintf("publication of at least %d bytes under %q exceeds the limit of a proxy on its way", e.Size, e.Topic)
	}
	return fmt.Sprintf("publication of at least %d bytes under %q exceeds the subscriber's limit of %d", e.Size, e.Topic, e.Limit)
}

// An Ended says that the publisher at Endpoint has ended the connection with a
// reason, which is usually about the subscriptions.
type Ended struct {
	Endpoint string
	Reason   error
}

// An Idle says that no message has come since the last one was taken, or the
// iteration began.
type Idle struct {
	Since      time.Time
	Publishers int // connected ones
}

func (Ended) notice()          {}
func (Idle) notice()           {}
func (Gap) notice()            {}
func (Restart) notice()        {}
func (Lag) notice()            {}
func (*TooLargeError) notice() {}
