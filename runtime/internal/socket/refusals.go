package socket

import (
	"time"

	"github.com/gozmq/gozmq/runtime/internal/throttle"
)

// refusalLimit limits how many messages of one peer may be refused, because
// they are malformed, for nobody, or beyond what is kept, before it is read with
// pauses. Each costs about as much as a message that is carried out, and a
// reported event besides.
var refusalLimit = throttle.Limit{Burst: 500, Every: time.Millisecond, Max: time.Second}

// refusalUnit is how many bytes cost as much to read as a small message: one that
// has as many more counts as one refusal more.
const refusalUnit = 16 << 10

// refusalEvents returns how many refusals n messages count as that have that many
// bytes together.
func refusalEvents(n, bytes int) int { return n + bytes/refusalUnit }

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

// take counts n refused messages with their bytes, and returns how long their
// peer is not to be read because of them; 0: it is.
func (r *refusals) take(n, bytes int) time.Duration {
	n = refusalEvents(n, bytes)
	free := min(n, r.credit)
	r.credit -= free
	if n -= free; n == 0 {
		return 0
	}
	if d := r.bucket.Take(refusalLimit, time.Now(), n); d >= shortestPause {
		return d
	}
	return 0
}
