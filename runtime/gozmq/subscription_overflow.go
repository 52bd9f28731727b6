package gozmq

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// An Overflow says what happens to a message whose subscription's queue is
// full.
type Overflow uint8

const (
	// Block reads no more from the connection until there is room. Publishers'
	// queues fill in turn, and every subscription of the Subscriber waits.
	Block Overflow = iota
	// DropOldest drops what has waited longest. No one else waits.
	DropOldest
	// DropNewest drops the message that has just come. No one else waits.
	DropNewest
)

// String returns the name in lower case.
func (o Overflow) String() string {
	switch o {
	case Block:
		return "block"
	case DropOldest:
		return "drop oldest"
	case DropNewest:
		return "drop newest"
	default:
		return fmt.Sprintf("overflow %d", uint8(o))
	}
}

// WithOverflow sets what happens when a subscription's queue, as
// WithReceiveQueue bounds it, is full. What is dropped is counted and reported
// with EventOverflow. Default: Block.
func WithOverflow(o Overflow) SubscriptionOption {
	return subscriptionOption(func(c *subscriptionConfig) { c.overflow = o })
}

// dropReports is the shortest time between two reports of one subscription.
const dropReports = time.Second

var errOverflow = errors.New("the subscription's queue was full")

// drops counts what a subscription has dropped. Its inbox's lock guards what is
// not atomic.
type drops struct {
	total      atomic.Uint64
	unreported int
	reported   time.Time
}

// drop counts one message.
func (s *subscription) drop() {
	s.drops.total.Add(1)
	s.subscriber.dropped.Add(1)
	s.drops.unreported++
	if time.Since(s.drops.reported) >= dropReports {
		s.reportDrops()
	}
}

// reportDrops tells the observer of what it has not been told yet.
func (s *subscription) reportDrops() {
	d := &s.drops
	if d.unreported == 0 {
		return
	}
	s.subscriber.observer.observe(Event{Kind: EventOverflow, SocketType: string(zmtp.Sub), Topic: s.name, Count: d.unreported, Err: errOverflow})
	d.unreported, d.reported = 0, time.Now()
}
