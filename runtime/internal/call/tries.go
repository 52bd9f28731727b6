package call

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/status"
)

// Pauses between the attempts of one call: they double, and each is spread at
// random over the upper half.
const (
	retryFirst = 50 * time.Millisecond
	retryLimit = 2 * time.Second
)

// maxMoves is how often a call is sent to another server because the one that
// had it went.
const maxMoves = 3

// tries counts the attempts of one call. The zero value is ready.
type tries struct {
	again, moves int
	pause        time.Duration // the last one
	why          Reason        // the call is made again
}

// next reports whether a call whose attempt has ended with err is made again, and
// waits for the pause before that. It is while it fails with Unavailable, if the
// method is idempotent: when its server went and another one is there, and as often
// as the method's annotation and the budget allow. The first time that its server
// went a call moves at once; before any other attempt there is a pause, so that
// servers that come and go all the time do not use a call's moves up.
func (t *tries) next(ctx context.Context, c *Client, m *Method, gone bool, err error) bool {
	if !m.Idempotent {
		return false
	}
	if !gone { // one server's end, which all its calls see, is no failure of each
		c.budget.note(err)
	}
	if status.CodeOf(err) != status.Unavailable || c.Dealer.Closed() {
		return false
	}
	count := &c.counts.retried
	t.why = Retry
	if gone && t.moves < maxMoves && c.Dealer.Peers() > 0 {
		count, t.why = &c.counts.moved, Failover
		if t.moves++; t.moves == 1 {
			count.Add(1)
			return true
		}
	} else if t.again++; t.again >= m.MaxAttempts || !c.budget.allows() {
		return false
	}
	t.pause = min(max(2*t.pause, retryFirst), retryLimit)
	if !sleep(ctx, t.pause/2+rand.N(t.pause/2)) || c.Dealer.Closed() {
		return false
	}
	count.Add(1)
	return true
}

// sleep waits for d; it returns false when ctx ends first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
