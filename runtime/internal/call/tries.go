package call

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/status"
)

// Pauses between the attempts of one call: they double, and each is a random value
// in the upper half.
const (
	retryFirst = 50 * time.Millisecond
	retryLimit = 2 * time.Second
)

// maxMoves is how often a call is sent to another server because its server has
// gone.
const maxMoves = 3

// tries counts the attempts of one call. The zero value is ready.
type tries struct {
	again, moves int
	pause        time.Duration // the last pause
	why          Reason        // why the call is repeated
}

// next reports whether to repeat a call whose attempt has ended with err, and waits
// for the pause before that. An idempotent call is repeated after Unavailable: up
// to maxMoves times when its server has gone, and otherwise as often as the
// method's annotation and the budget allow. After the first lost server a call
// moves at once; before any other attempt there is a pause, so that servers that
// come and go do not use up a call's moves.
func (t *tries) next(ctx context.Context, c *Client, m *Method, gone bool, err error) bool {
	if !m.Idempotent {
		return false
	}
	if !gone { // a server's end affects all its calls, and does not count as a failure of each
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
