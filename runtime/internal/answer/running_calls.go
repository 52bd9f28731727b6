package answer

import (
	"sync"

	"github.com/gozmq/gozmq/runtime/internal/socket"
)

// runningCalls are the running calls of our own clients, by id, so that the clients
// can cancel them. The zero value is ready.
type runningCalls struct {
	mu   sync.Mutex
	list map[runningCall]*Context
}

// A runningCall is a call's id on its connection.
type runningCall struct {
	peer *socket.RouterPeer
	id   uint64
}

func (r *runningCalls) add(c *Call) {
	if !c.hasID {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.list == nil {
		r.list = make(map[runningCall]*Context)
	}
	r.list[runningCall{c.peer, c.id}] = c.ctx
}

func (r *runningCalls) remove(c *Call) {
	if !c.hasID {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.list, runningCall{c.peer, c.id})
}

// cancel cancels the call that c, a cancel, names. An unknown call has already
// ended.
func (r *runningCalls) cancel(c *Call) {
	r.mu.Lock()
	ctx := r.list[runningCall{c.peer, c.id}]
	r.mu.Unlock()
	if ctx != nil {
		ctx.giveUp()
	}
}
