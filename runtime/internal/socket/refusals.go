package socket

import (
	"time"

	"github.com/gozmq/gozmq/runtime/internal/throttle"
)

// refusalLimit is how many messages of one peer may be refused before it is read
// with pauses: because they are malformed, have no receiver, or exceed a limit.
// Each costs about as much as a valid message, plus a reported event.
var refusalLimit = throttle.Limit{Burst: 500, Every: time.Millisecond, Max: time.Second}

// refusalUnit is how many bytes cost as much to read as a small message. Each such
// unit in a refused message counts as one more refusal.
const refusalUnit = 16 << 10

// refusalEvents returns how many refusals n messages with that many bytes together
// count as.
func refusalEvents(n, bytes int) int { return n + bytes/refusalUnit }

// refusals counts the refused messages of one peer. As many refusals as valid
// messages are free: a peer may, for example, give up all its own requests.
type refusals struct {
	bucket throttle.Bucket
	credit int
}

// maxRefusalCredit is the most refusals that are free at a time.
const maxRefusalCredit = 1000

// shortestPause is the shortest time for which a peer is paused: shorter pauses
// cost more than they save.
const shortestPause = 5 * time.Millisecond

// served counts n messages that were not refused.
func (r *refusals) served(n int) { r.credit = min(r.credit+n, maxRefusalCredit) }

// take counts n refused messages with their bytes, and returns how long to pause
// reading their peer; 0: no pause.
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
