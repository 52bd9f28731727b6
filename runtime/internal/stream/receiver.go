package stream

import (
	"errors"
	"sync"
	"time"
)

// ErrCredit says that a message came for which the sender had no credit.
var ErrCredit = errors.New("message beyond the credit")

// A Receiver is the receiving half of a stream. One goroutine at a time pushes
// messages, and one at a time takes them; any may close it.
type Receiver struct {
	// The taking goroutine owns these.
	front   queue
	used    Credit
	size    Credit // of the window
	granted Credit // written under mu

	mu      sync.Mutex
	back    queue // behind front
	got     Credit
	window  window
	waiting bool // the taking goroutine waits for the next message
	closed  bool
	budget  *Budget
	taken   int64 // from budget
}

// Init sets the credit that the sender begins with, which is the size of the first
// window, and the budget for larger ones.
func (r *Receiver) Init(window Credit, b *Budget) {
	r.size, r.granted, r.budget = window, window, b
	r.window.size = window
	r.window.granted(window)
}

// Push queues a copy of a body that came at that time. When the taking
// goroutine waits it keeps nothing and returns true: the caller hands the body
// over, and wakes it. It returns ErrCredit when the sender had no credit. After
// Close it does nothing.
func (r *Receiver) Push(body []byte, at time.Time) (handOver bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return false, nil
	}
	if !r.granted.allows(r.got) {
		return false, ErrCredit
	}
	r.got.add(len(body))
	r.window.arrived(at, r.waiting, r.got)
	if r.waiting {
		r.waiting = false
		return true, nil
	}
	r.back.push(body)
	return false, nil
}

// Next returns the next body of the queue, valid until the next call; false when
// the queue is empty.
func (r *Receiver) Next() ([]byte, bool) {
	if r.front.empty() {
		r.front.free()
		r.mu.Lock()
		r.front, r.back = r.back, queue{}
		r.mu.Unlock()
		if r.front.empty() {
			return nil, false
		}
	}
	return r.front.next(), true
}

// Consumed counts a message that the taking goroutine is done with. It returns the
// credit to grant when it is time for that.
func (r *Receiver) Consumed(size int) (c Credit, grant bool) {
	r.used.add(size)
	if r.granted.Messages-r.used.Messages > r.size.Messages/2 && int64(r.granted.Bytes-r.used.Bytes) > int64(r.size.Bytes/2) {
		return Credit{}, false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return Credit{}, false
	}
	r.window.consumed(size)
	r.taken += r.window.grow(r.budget)
	r.size = r.window.size
	r.granted = Credit{r.used.Messages + r.size.Messages, r.used.Bytes + r.size.Bytes}
	r.window.granted(r.granted)
	return r.granted, true
}

// Wait says that the taking goroutine waits for the next message. It returns false
// when there is no need: one has come, or the receiver is closed.
func (r *Receiver) Wait() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiting = !r.closed && r.back.empty()
	return r.waiting
}

// GiveUp ends a wait. It returns false when that is too late: Push or Close has
// ended it.
func (r *Receiver) GiveUp() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	was := r.waiting
	r.waiting = false
	return was
}

// Close says that no message will follow. What is in the queue can still be
// taken. It returns whether the taking goroutine waits, and has to be woken.
func (r *Receiver) Close() (waits bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closed {
		r.closed = true
		r.budget.give(r.taken)
	}
	waits, r.waiting = r.waiting, false
	return waits
}

// Empty reports whether nothing is left that Next would return.
func (r *Receiver) Empty() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.front.empty() && r.back.empty()
}

// Got returns what has come.
func (r *Receiver) Got() Credit {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.got
}
