package call

import (
	"sync"

	"github.com/gozmq/gozmq/runtime/internal/status"
)

// A budget keeps retries from becoming a storm when a server is down: a failure
// takes a token, a success returns a tenth of one, and calls are tried again only
// while more than half of the tokens are left. It is the throttling of gRPC
// (proposal A6), but a call whose server has gone takes no token. The zero value is
// full.
type budget struct {
	mu    sync.Mutex
	spent int // in tenths of a token
}

const (
	budgetTokens = 100 // in tenths of a token
	budgetFail   = 10
)

// note counts an attempt's outcome.
func (b *budget) note(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case status.CodeOf(err) == status.Unavailable:
		b.spent = min(b.spent+budgetFail, budgetTokens)
	case b.spent > 0:
		b.spent--
	}
}

// allows reports whether a call may be tried again.
func (b *budget) allows() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.spent < budgetTokens/2
}
