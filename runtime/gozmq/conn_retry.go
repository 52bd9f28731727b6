package gozmq

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"
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

// attempts makes the call, and again while tries.next says so.
func (c *Conn) attempts(ctx context.Context, call *outgoingCall, reply proto.Message) error {
	var t tries
	for {
		gone, err := c.attempt(ctx, call, reply)
		if !t.next(ctx, c, call.method, gone, err) {
			return err
		}
	}
}

// tries counts the attempts of one call. The zero value is ready.
type tries struct {
	again, moves int
	pause        time.Duration // the last one
}

// next reports whether a call whose attempt has ended with err is made again, and
// waits for the pause before that. It is while it fails with CodeUnavailable, if
// the method is idempotent: when its server went and another one is there, and as
// often as the method's annotation and the budget allow. The first time that its
// server went a call moves at once; before any other attempt there is a pause, so
// that servers that come and go all the time do not use a call's moves up.
func (t *tries) next(ctx context.Context, c *Conn, m *Method, gone bool, err error) bool {
	if m.Idempotency == IdempotencyUnknown {
		return false
	}
	if !gone { // one server's end, which all its calls see, is no failure of each
		c.budget.note(err)
	}
	if CodeOf(err) != CodeUnavailable || c.dealer.Closed() {
		return false
	}
	count := &c.calls.retried
	if gone && t.moves < maxMoves && c.dealer.Peers() > 0 {
		count = &c.calls.failedOver
		if t.moves++; t.moves == 1 {
			count.Add(1)
			return true
		}
	} else if t.again++; t.again >= m.MaxAttempts || !c.budget.allows() {
		return false
	}
	t.pause = min(max(2*t.pause, retryFirst), retryLimit)
	if !sleep(ctx, t.pause/2+rand.N(t.pause/2)) || c.dealer.Closed() {
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

// A retryBudget keeps retries from becoming a storm when a server is down: a
// failure takes a token, a success gives a tenth of one back, and calls are
// tried again only while more than half of the tokens are there. It is the
// throttling of gRPC (proposal A6); a call whose server went takes none.
type retryBudget struct {
	mu    sync.Mutex
	spent int // in tenths of a token
}

const (
	budgetTokens = 100 // in tenths of a token
	budgetFail   = 10
)

func (b *retryBudget) note(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case CodeOf(err) == CodeUnavailable:
		b.spent = min(b.spent+budgetFail, budgetTokens)
	case b.spent > 0:
		b.spent--
	}
}

func (b *retryBudget) allows() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.spent < budgetTokens/2
}
