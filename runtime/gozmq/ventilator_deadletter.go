package gozmq

import (
	"sync"

	"google.golang.org/protobuf/proto"
)

// A DeadLetter is a task that was given up.
type DeadLetter struct {
	// ID names the task, as TaskInfo does.
	ID string
	// Procedure is the method's name: "package.Service/Method".
	Procedure string
	// Attempts is how often it was handed out.
	Attempts int
	// Reason is why it failed the last time: an *Error with what the handler
	// said, or that the worker was lost, or its lease has expired.
	Reason error
	// Batch is the name of the task's batch, or empty.
	Batch string

	body   []byte
	bodies *bodies // of the ventilator
}

// Unmarshal decodes the task into m, which must be of the type that was pushed.
func (d *DeadLetter) Unmarshal(m proto.Message) error {
	b := d.bodies
	if b == nil {
		b = new(bodies)
	}
	proto.Reset(m)
	return b.decodeInput(d.body, m)
}

// Body returns the task as it was encoded. It must not be changed.
func (d *DeadLetter) Body() []byte { return d.body }

// deadLetters calls the user's function with each dead letter, one at a time,
// and then done.
type deadLetters struct {
	call func(DeadLetter)
	done func(id string)

	mu     sync.Mutex
	queue  []DeadLetter
	busy   bool
	closed bool
	wake   chan struct{}
	ended  chan struct{}
}

func newDeadLetters(call func(DeadLetter), done func(id string)) *deadLetters {
	l := &deadLetters{call: call, done: done, wake: make(chan struct{}, 1), ended: make(chan struct{})}
	go l.run()
	return l
}

// add hands over a dead letter.
func (l *deadLetters) add(d DeadLetter) {
	l.mu.Lock()
	l.queue = append(l.queue, d)
	l.mu.Unlock()
	l.signal()
}

func (l *deadLetters) signal() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// len returns how many dead letters are not dealt with.
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

func (l *deadLetters) next() bool {
	l.mu.Lock()
	if len(l.queue) == 0 {
		l.mu.Unlock()
		return false
	}
	d := l.queue[0]
	l.queue[0] = DeadLetter{}
	l.queue = l.queue[1:]
	l.busy = true
	l.mu.Unlock()
	if l.call != nil {
		l.call(d)
	}
	l.mu.Lock()
	l.busy = false
	l.mu.Unlock()
	l.done(d.ID)
	return true
}

// close returns when every dead letter was dealt with.
func (l *deadLetters) close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.signal()
	<-l.ended
}
