package socket

import (
	"time"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/throttle"
)

// A subscriptionPacer pauses a peer that subscribes and cancels endlessly, so that
// the others are served, too. It counts changes, not time: one throttle.Bucket
// could not bound both their number and their bytes.
//
// A peer's first subscriptions are free, up to a burst, so that a peer with many
// filters has them soon. The first cancellation ends the burst.
type subscriptionPacer struct{ changes, bytes int }

// newSubscriptionPacer returns a pacer with the whole burst.
func newSubscriptionPacer() subscriptionPacer { return subscriptionPacer{-burstChanges, -burstBytes} }

// endBurst ends the burst.
func (p *subscriptionPacer) endBurst() { p.changes, p.bytes = max(p.changes, 0), max(p.bytes, 0) }

// After paceChanges changes or paceBytes bytes of prefixes a peer is not read for
// pacePause.
const (
	paceChanges = 1000
	paceBytes   = 128 << 10
	pacePause   = 10 * time.Millisecond

	burstChanges = 20_000
	burstBytes   = 2 << 20
)

// cancelCost is how many changes a cancellation counts as: a peer that subscribes
// and cancels in turn causes work without any use.
const cancelCost = 4

// pace counts a subscription or a cancellation as that many changes, and waits when
// a pause is due.
func (p *subscriptionPacer) pace(c *link.Conn, prefix []byte, changes int) {
	p.changes += changes
	p.bytes += len(prefix)
	if p.changes < paceChanges && p.bytes < paceBytes {
		return
	}
	*p = subscriptionPacer{}
	c.PauseReading(pacePause)
}

// replayLimit is how many retained messages one peer gets by subscribing again
// before it is read with pauses. The burst is twice the default number of retained
// topics.
var replayLimit = throttle.Limit{Burst: 1 << 17, Every: 50 * time.Microsecond, Max: time.Second}

// replayShare paces the replays of all peers together: after each replayRun of work
// they pause for replayPause, or for publishingPause if messages were published
// meanwhile. p.replaying guards it.
type replayShare struct {
	run   time.Duration
	sends uint64 // of the Pub, at the last pause
}

const (
	replayRun       = time.Millisecond
	replayPause     = time.Millisecond
	publishingPause = 3 * time.Millisecond
)

// pace counts the time of a lot, and waits when a pause is due.
func (s *replayShare) pace(took time.Duration, sends uint64) {
	if s.run += took; s.run < replayRun {
		return
	}
	pause := replayPause
	if sends != s.sends {
		pause = publishingPause
	}
	s.run, s.sends = 0, sends
	time.Sleep(pause)
}
