package socket

import (
	"time"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/throttle"
)

// A subscriptionPacer pauses a peer that subscribes and cancels without end, so
// that the others are served, too. It counts changes, not time: one
// throttle.Bucket could not bound their number and their bytes alike.
//
// What a peer subscribes to first, up to a burst, is free, so that one with many
// filters has them soon. A peer that cancels has no burst left.
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

// cancelCost is as how many changes a cancellation counts: a peer that makes
// and cancels subscriptions in turn gets nothing for what it costs.
const cancelCost = 4

// pace is called for each change, with what it counts. It waits when a pause
// is due.
func (p *subscriptionPacer) pace(c *link.Conn, prefix []byte, changes int) {
	p.changes += changes
	p.bytes += len(prefix)
	if p.changes < paceChanges && p.bytes < paceBytes {
		return
	}
	*p = subscriptionPacer{}
	c.PauseReading(pacePause)
}

// replayLimit limits how many retained messages one peer gets by subscribing
// again before it is read with pauses. The burst is all of them, twice.
var replayLimit = throttle.Limit{Burst: 1 << 17, Every: 50 * time.Microsecond, Max: time.Second}

// replayShare paces the replays of all peers together: for each replayRun that
// they take, they pause for replayPause, or for publishingPause if messages were
// published meanwhile. p.replaying guards it.
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
