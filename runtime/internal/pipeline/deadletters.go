package pipeline

import (
	"sync"

	"github.com/gozmq/gozmq/runtime/internal/notify"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// A DeadTask is a task that was given up.
type DeadTask struct {
	ID, Procedure string
	Attempts      int
	Reason        error  // *FailedError, ErrLost or ErrExpired
	Batch         string // name of its batch, or empty
	Body          []byte
	Metadata      wire.Metadata // the task's; nil: none
}

// deadLetters passes dead tasks to the user's function, one at a time, in a
// goroutine that ends with close.
type deadLetters struct {
	call    func(DeadTask)
	handled func(id string) // called after call

	mu     sync.Mutex
	queue  []DeadTask
	busy   bool
	closed bool
	wake   notify.Token
	ended  chan struct{}
}

func newDeadLetters(call func(DeadTask), handled func(id string)) *deadLetters {
	l := &deadLetters{call: call, handled: handled, wake: notify.NewToken(), ended: make(chan struct{})}
	go l.run()
	return l
}

func (l *deadLetters) add(d DeadTask) {
	l.mu.Lock()
	l.queue = append(l.queue, d)
	l.mu.Unlock()
	l.wake.Set()
}

// len returns how many dead letters are not handled.
func (l *deadLetters) len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.busy {
		return len(l.queue) + 1
	}
	return len(l.queue)
}

func (l *deadLetters) run() {
	defer close(l.ended)
	for range l.wake {
		for l.next() {
		}
		l.mu.Lock()
		end := l.closed && len(l.queue) == 0
		l.mu.Unlock()
		if end {
			return
		}
	}
}

// next handles one dead letter; it returns false when there is none.
func (l *deadLetters) next() bool {
	l.mu.Lock()
	if len(l.queue) == 0 {
		l.mu.Unlock()
		return false
	}
	d := l.queue[0]
	l.queue[0] = DeadTask{}
	l.queue = l.queue[1:]
	l.busy = true
	l.mu.Unlock()
	l.call(d)
	l.mu.Lock()
	l.busy = false
	l.mu.Unlock()
	l.handled(d.ID)
	return true
}

// close returns when every dead letter was handled.
func (l *deadLetters) close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.wake.Set()
	<-l.ended
}
