// Package events has the queue between the reporters of events and the one function
// that receives them.
package events

import (
	"sync"

	"github.com/gozmq/gozmq/runtime/internal/notify"
)

// Limit is how many events wait for a slow function.
const Limit = 1024

// A Queue passes events to a function, one at a time and in order, in a separate
// goroutine, and never blocks a reporter: while too many events wait, it drops and
// counts further ones. Its methods may be called from any goroutine.
type Queue[E any] struct {
	deliver func(E)
	lost    func(n int)

	mu      sync.Mutex
	waiting []E
	dropped int
	closed  bool
	wake    notify.Token
	done    chan struct{}
}

// NewQueue starts a queue. It calls deliver with each event, and lost with the
// number of dropped events, after the events before them. Neither may end its
// goroutine. Close must be called.
func NewQueue[E any](deliver func(E), lost func(n int)) *Queue[E] {
	q := &Queue[E]{deliver: deliver, lost: lost, wake: notify.NewToken(), done: make(chan struct{})}
	go q.run()
	return q
}

// Put queues an event. After Close it does nothing.
func (q *Queue[E]) Put(e E) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.closed:
		return
	case len(q.waiting) >= Limit:
		q.dropped++
		return
	}
	q.waiting = append(q.waiting, e)
	q.wake.Set()
}

func (q *Queue[E]) run() {
	defer close(q.done)
	for range q.wake {
		q.mu.Lock()
		events, dropped, closed := q.waiting, q.dropped, q.closed
		q.waiting, q.dropped = nil, 0
		q.mu.Unlock()
		for _, e := range events {
			q.deliver(e)
		}
		if dropped > 0 {
			q.lost(dropped)
		}
		if closed {
			return
		}
	}
}

// Close ends the queue, and returns when every queued event has been delivered.
func (q *Queue[E]) Close() {
	q.mu.Lock()
	q.closed = true
	q.wake.Set()
	q.mu.Unlock()
	<-q.done
}
