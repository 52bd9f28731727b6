package gozmq

import (
	"errors"
	"fmt"

	"github.com/gozmq/gozmq/runtime/internal/subscription"
)

// An Overflow says what happens to a message when the subscription's receive
// queue is full.
type Overflow uint8

const (
	// OverflowBlock stops reading from the connection until there is room. The
	// publisher's queue fills in turn, and the other subscriptions of the
	// Subscriber wait.
	OverflowBlock Overflow = iota
	// OverflowDropOldest drops the messages that have waited longest. Other
	// subscriptions do not wait.
	OverflowDropOldest
	// OverflowDropNewest drops the message that has just arrived. Other
	// subscriptions do not wait.
	OverflowDropNewest
)

// String returns the name in lower case.
func (o Overflow) String() string {
	switch o {
	case OverflowBlock:
		return "block"
	case OverflowDropOldest:
		return "drop oldest"
	case OverflowDropNewest:
		return "drop newest"
	default:
		return fmt.Sprintf("overflow %d", uint8(o))
	}
}

// engine returns the policy as the engine has it.
func (o Overflow) engine() subscription.Overflow {
	switch o {
	case OverflowDropOldest:
		return subscription.DropOldest
	case OverflowDropNewest:
		return subscription.DropNewest
	default:
		return subscription.Block
	}
}

// WithOverflow sets what happens when a subscription's receive queue
// (WithReceiveQueue) is full. Dropped messages are counted and reported with
// EventOverflow. Default: OverflowBlock.
func WithOverflow(o Overflow) SubscriptionOption {
	return subscriptionOption(func(c *subscriptionConfig) { c.overflow = o })
}

// errOverflow is the error of EventOverflow.
var errOverflow = errors.New("the subscription's queue was full")
