package stream

import (
	"errors"
	"sync"
	"time"
)

// ErrCredit says that a message came for which the sender had no credit.
var ErrCredit = errors.New("message beyond the credit")

// ErrUnread says that there is no room for a message, as too much was not taken.
var ErrUnread = errors.New("too much is unread")

// A Receiver is the receiving half of a stream. One goroutine at a time pushes
// messages, and one at a time takes them; any may close it.
type Receiver struct {
	// The taking goroutine owns these.
	front   queue
	used    Credit
	size    Credit // of the window
	granted Credit // written under mu

	mu      sync.Mutex
	back    queue // after front
	got     Credit
	window  window
	waiting bool // the taking goroutine waits for the next message
	closed  bool
	budget  *Budget
	taken   int64 // from budget
	share   *Share
	beyond  int64 // taken from share for back

	frontBeyond int64 // for front; the taking goroutine's
}

// Share sets the bound of the bytes queued beyond the window, which the last
// message of a window may exceed.
func (r *Receiver) Share(s *Share) { r.share = s }

// Init sets the credit that the sender begins with, which is the size of the first
// window, and the budget for larger ones.
func (r *Receiver) Init(window Credit, b *Budget) {
	r.size, r.granted, r.budget = window, window, b
	r.window.size = window
	r.window.granted(window)
}

// Push queues a copy of a body that came at that time. When the receiving goroutine
// waits, Push keeps nothing and returns true: then the caller must pass it the
// body, and wake it. It returns ErrCredit when the sender had no credit, and
// ErrUnread when the share is used up. After Close it only counts.
func (r *Receiver) Push(body []byte, at time.Time) (handOver bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		r.got.add(len(body))
		return false, nil
	}
	if !r.granted.allows(r.got) {
		return false, ErrCredit
	}
	beyond := int64(0)
	if !r.waiting {
		beyond = r.overflow(len(body))
	}
	if !r.share.take(beyond) {
		return false, ErrUnread
	}
	r.beyond += beyond
	r.got.add(len(body))
	r.window.arrived(at, r.waiting, r.got)
	if r.waiting {
		r.waiting = false
		return true, nil
	}
	r.back.push(body)
	return false, nil
}

// overflow returns how many bytes of a further body of that size are beyond the
// window and what was already taken from the share.
func (r *Receiver) overflow(size int) int64 {
	return max(0, int64(r.back.size+size)-int64(r.window.size.Bytes)-r.beyond)
}

// maxRun is how many messages are queued in one go, so that the taking goroutine
// need not wait long for the lock.
const maxRun = 64

// PushRun queues copies of bodies that came at that time, as long as next, which
// gets what b has left, returns one and how many bytes of b it takes. It stops
// before a message that is not simply queued, and leaves that to Push. It returns
// how many bytes and how many messages it took.
func (r *Receiver) PushRun(b []byte, next func(b []byte) (body []byte, n int), at time.Time) (taken, messages int) {
	body, n := next(b)
	if n == 0 {
		return 0, 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || r.waiting {
		return 0, 0
	}
	for ; n > 0 && messages < maxRun; body, n = next(b[taken:]) {
		if !r.granted.allows(r.got) || r.overflow(len(body)) > 0 {
			break
		}
		r.got.add(len(body))
		r.window.arrived(at, false, r.got)
		r.back.push(body)
		taken += n
		messages++
	}
	return taken, messages
}

// Next returns the next body of the queue, valid until the next call; false when
// the queue is empty.
func (r *Receiver) Next() ([]byte, bool) {
	if r.front.empty() {
		r.front.free()
		r.share.give(r.frontBeyond)
		r.mu.Lock()
		r.front, r.back = r.back, queue{}
		r.frontBeyond, r.beyond = r.beyond, 0
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

// Close ends the messages. Queued ones can still be taken. It returns whether the
// receiving goroutine waits, and must be woken.
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

// Discard closes the receiver and drops the queued messages. No more messages may
// be taken. It returns the same as Close.
func (r *Receiver) Discard() (waits bool) {
	waits = r.Close()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.front.free()
	r.back.free()
	r.share.give(r.frontBeyond + r.beyond)
	r.frontBeyond, r.beyond = 0, 0
	return waits
}

// Unused returns how many messages more there was credit for.
func (r *Receiver) Unused() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return int64(r.granted.Messages - r.got.Messages)
}

// Empty reports whether nothing is left that Next would return.
func (r *Receiver) Empty() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.front.empty() && r.back.empty()
}

// Got returns how many messages and bytes have come.
func (r *Receiver) Got() Credit {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.got
}
