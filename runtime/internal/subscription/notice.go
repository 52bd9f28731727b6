package subscription

import "time"

// A Notice says something about the stream before a message of a sequenced
// topic: it is a Gap, a Restart or a Lag.
type Notice interface{ notice() }

// A Gap says that messages of a topic were published and did not come.
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

func (Gap) notice()     {}
func (Restart) notice() {}
func (Lag) notice()     {}
