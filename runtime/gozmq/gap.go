package gozmq

import (
	"fmt"
	"time"
)

// A GapError in a stream says that messages of a sequenced topic were published
// and did not come: this subscriber's queue, or the publisher's for it, was
// full, or there was no connection. The stream goes on with the message behind
// the gap. Find it with errors.As; its code is CodeDataLoss.
type GapError struct {
	Topic string
	// Lost is how many messages are missing. It is the most that it can be, and
	// may be too high, where the publisher had forgotten the topic meanwhile
	// (WithTopicMemory).
	Lost uint64
}

func (e *GapError) Error() string {
	return fmt.Sprintf("missed %d messages of topic %q", e.Lost, e.Topic)
}

// A PublisherRestartedError in a stream says that the sequenced topics of a
// publisher now come from another one in its place: it was restarted. What it
// published before may be missing in part. The stream goes on with what the new
// one publishes. Find it with errors.As; its code is CodeDataLoss.
type PublisherRestartedError struct {
	// Topic is that of the first message of the new publisher.
	Topic string
	// Old and New are the publishers' ids, as in the headers of their messages.
	Old, New uint64
}

func (e *PublisherRestartedError) Error() string {
	return fmt.Sprintf("publisher %016x is gone, and %016x has taken its place, with topic %q", e.Old, e.New, e.Topic)
}

// A LagError in a stream says that this subscriber has fallen behind: it was
// about to be given a message that was published longer ago than a limit that
// it has set for itself. Find it with errors.As; its code is
// CodeResourceExhausted.
type LagError struct {
	Topic string
	// Lag is how long ago the message was published. The clocks of the two
	// machines differ by as much as they do.
	Lag, Limit time.Duration
	// Ended says that the stream ends here (WithLagLimit), and does not go on
	// with the message (WithLagReport).
	Ended bool
}

func (e *LagError) Error() string {
	return fmt.Sprintf("this subscriber is %v behind with topic %q, more than the limit of %v", e.Lag, e.Topic, e.Limit)
}

// lagLimits are the options about lag; 0 is no limit.
type lagLimits struct{ report, end time.Duration }

type lagReport time.Duration

func (o lagReport) applySubscriber(c *subscriberConfig) { c.lag.report = time.Duration(o) }

// WithLagReport has a stream of a sequenced topic yield a LagError when a
// message was published longer than d ago, and go on with the message. It does
// so once, until a message has come in time again. Default: 0, which is never.
func WithLagReport(d time.Duration) SubscriberOption { return lagReport(d) }

type lagEnd time.Duration

func (o lagEnd) applySubscriber(c *subscriberConfig) { c.lag.end = time.Duration(o) }

// WithLagLimit ends a stream of a sequenced topic with a LagError when a message
// was published longer than d ago: better to start anew than to be ever later.
// Default: 0, which is never.
func WithLagLimit(d time.Duration) SubscriberOption { return lagEnd(d) }

func (l lagLimits) check() error {
	if l.report < 0 || l.end < 0 {
		return fmt.Errorf("WithLagReport: %v and WithLagLimit: %v, want 0 or more", l.report, l.end)
	}
	return nil
}
