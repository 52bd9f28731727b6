package socket

import (
	"time"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/throttle"
)

// refusalLimit limits how many messages of one peer may be refused, because
// they are malformed or for nobody, before it is read with pauses. Each costs
// about as much as a message that is carried out, and a reported event besides.
var refusalLimit = throttle.Limit{Burst: 500, Every: time.Millisecond, Max: time.Second}

// refusals counts the refused messages of one peer. As many as were carried out
// are free: a peer that does work may give up all of it again.
type refusals struct {
	bucket throttle.Bucket
	credit int
}

// maxRefusalCredit is how many refusals are free at most at a time.
const maxRefusalCredit = 1000

// shortestPause is how much is owed at least when a peer is paused: shorter
// pauses cost more than they save.
const shortestPause = 5 * time.Millisecond

// served counts n messages that were not refused.
func (r *refusals) served(n int) { r.credit = min(r.credit+n, maxRefusalCredit) }

// pace counts n refused messages of c, and pauses after too many of them.
func (r *refusals) pace(c *link.Conn, n int) {
	free := min(n, r.credit)
	r.credit -= free
	if n -= free; n == 0 {
		return
	}
	if d := r.bucket.Take(refusalLimit, time.Now(), n); d >= shortestPause {
		c.PauseReading(d)
	}
}
