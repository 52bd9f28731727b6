package gozmq

import (
	"fmt"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/subscription"
)

// A GapError in a stream says that this subscriber has missed messages of a
// sequenced topic: its queue, or the publisher's queue for it, was full, or
// there was no connection. What its own queue drops before the stream's first
// message of a topic is missed, too. The stream goes on with the message after
// the gap. Find it with errors.As; its code is CodeDataLoss.
type GapError struct {
	Topic string
	// Lost is how many messages are missing. It may be too high, and never too
	// low, if the publisher has forgotten the topic meanwhile
	// (WithTopicMemory).
	Lost uint64
}

// Error returns the topic and the number of messages.
func (e *GapError) Error() string {
	return fmt.Sprintf("missed %d messages of topic %q", e.Lost, e.Topic)
}

// A PublisherRestartedError in a stream says that another publisher has
// replaced the publisher of sequenced topics, as after a restart. Some of the
// old publisher's last messages may be missing. The stream goes on with the new
// publisher's messages. Find it with errors.As; its code is CodeDataLoss.
type PublisherRestartedError struct {
	// Topic is the topic of the new publisher's first message.
	Topic string
	// Old and New are the publishers' ids, as in the headers of their messages.
	Old, New uint64
}

// Error returns the publishers' ids and the topic.
func (e *PublisherRestartedError) Error() string {
	return fmt.Sprintf("publisher %016x is gone, and %016x has taken its place, with topic %q", e.Old, e.New, e.Topic)
}

// A LagError in a stream says that this subscriber has fallen behind: its next
// message was published longer ago than the subscriber's limit. Find it with
// errors.As; its code is CodeResourceExhausted.
type LagError struct {
	Topic string
	// Lag is how long ago the message was published, by the clocks of the two
	// machines; it is wrong by the difference between them.
	Lag, Limit time.Duration
	// Ended says that the stream ends here (WithLagLimit) instead of going on
	// with the message (WithLagReport).
	Ended bool
}

// Error returns the lag, the limit and the topic.
func (e *LagError) Error() string {
	return fmt.Sprintf("this subscriber is %v behind with topic %q, more than the limit of %v", e.Lag, e.Topic, e.Limit)
}

// noticeError returns the error that stands for an engine's notice in a stream.
func noticeError(n subscription.Notice) error {
	switch n := n.(type) {
	case subscription.Gap:
		return Errorf(CodeDataLoss, "%w", &GapError{Topic: n.Topic, Lost: n.Lost})
	case subscription.Restart:
		return Errorf(CodeDataLoss, "%w", &PublisherRestartedError{Topic: n.Topic, Old: n.Old, New: n.New})
	case subscription.Lag:
		return Errorf(CodeResourceExhausted, "%w", &LagError{Topic: n.Topic, Lag: n.Age, Limit: n.Limit, Ended: n.Ended})
	case subscription.Ended:
		return Errorf(CodeUnavailable, "publisher at %s: %w", n.Endpoint, n.Reason)
	case subscription.Idle:
		return Errorf(CodeUnavailable, "%w", &IdleError{Since: n.Since, Publishers: n.Publishers})
	case *subscription.TooLargeError:
		return tooLargeError(n)
	default:
		return Errorf(CodeInternal, "notice %T in a stream", n)
	}
}

// tooLargeError says that a message was skipped, in a stream.
func tooLargeError(err *subscription.TooLargeError) error {
	where := "NewSubscriber"
	if err.Elsewhere() {
		where = "NewProxy"
	}
	return Errorf(CodeResourceExhausted, "%w (publish less, or raise it with WithMaxMessageSize of %s)", err, where)
}

// lagLimits are the options about lag; 0 is no limit.
type lagLimits struct{ report, end time.Duration }

type lagReport time.Duration

// WithLagReport makes a stream of a sequenced topic yield a LagError before a
// message that was published longer than d ago, and go on with the message. It
// reports once, and again only after a message was in time. Default: 0, which
// is never.
func WithLagReport(d time.Duration) SubscriberOption { return lagReport(d) }

type lagEnd time.Duration

// WithLagLimit ends a stream of a sequenced topic with a LagError at the first
// message that was published longer than d ago, so that the program can
// subscribe again instead of falling further behind. Default: 0, which is never.
func WithLagLimit(d time.Duration) SubscriberOption { return lagEnd(d) }

func (l lagLimits) check() error {
	if l.report < 0 || l.end < 0 {
		return fmt.Errorf("WithLagReport: %v and WithLagLimit: %v, want 0 or more", l.report, l.end)
	}
	return nil
}

// An IdleError in a stream says that nothing has come for as long as WithIdleError
// allows. The stream goes on. Find it with errors.As; its code is
// CodeUnavailable.
type IdleError struct {
	// Since is when the stream last had a message, or when it began.
	Since time.Time
	// Publishers is how many are connected: 0 says that the subscriber has lost
	// them, or has not found any yet (Subscriber.Connected).
	Publishers int
}

// Error returns the time and the number of publishers.
func (e *IdleError) Error() string {
	return fmt.Sprintf("no publication for %v, with %d publishers connected", time.Since(e.Since).Round(time.Millisecond), e.Publishers)
}

// WithIdleError makes a stream yield an IdleError when no publication has come for
// d, and again after each further d, so that its loop can see that it is out of
// date. Handlers get it in WithTopicErrorHandler. Default: 0, which is never.
func WithIdleError(d time.Duration) SubscriptionOption {
	return subscriptionOption(func(c *subscriptionConfig) { c.idle = d })
}
