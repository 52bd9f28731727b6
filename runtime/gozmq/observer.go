package gozmq

import (
	"sync"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/notify"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// eventQueue is how many events wait for a slow event handler.
const eventQueue = 1024

// An observer passes events to the user's event handler and never blocks the
// goroutines that report them. A nil observer drops everything.
type observer struct {
	call func(Event)

	mu     sync.Mutex
	queue  []Event
	lost   int
	closed bool
	wake   notify.Token
	done   chan struct{}
}

// newObserver starts an observer; it returns nil when call is nil.
func newObserver(call func(Event)) *observer {
	if call == nil {
		return nil
	}
	o := &observer{call: call, wake: notify.NewToken(), done: make(chan struct{})}
	go o.run()
	return o
}

// link returns what the connections of a socket of that type report to.
func (o *observer) link(t zmtp.SocketType) func(link.Event) {
	if o == nil {
		return nil
	}
	return func(e link.Event) {
		o.observe(Event{Kind: linkEvents[e.Kind], SocketType: string(t), Endpoint: e.Endpoint, Peer: e.Peer, Topic: e.Topic, Count: e.Count, Err: e.Err})
	}
}

func (o *observer) observe(e Event) {
	if o == nil {
		return
	}
	e.Time = time.Now()
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return
	}
	if len(o.queue) >= eventQueue {
		o.lost++
		return
	}
	o.queue = append(o.queue, e)
	o.wake.Set()
}

func (o *observer) run() {
	defer close(o.done)
	for range o.wake {
		o.mu.Lock()
		events, lost, closed := o.queue, o.lost, o.closed
		o.queue, o.lost = nil, 0
		o.mu.Unlock()
		for _, e := range events {
			o.call(e)
		}
		if lost > 0 {
			o.call(Event{Kind: EventEventsLost, Time: time.Now(), Count: lost})
		}
		if closed {
			return
		}
	}
}

// close returns when the event handler has had every event.
func (o *observer) close() {
	if o == nil {
		return
	}
	o.mu.Lock()
	o.closed = true
	o.wake.Set()
	o.mu.Unlock()
	<-o.done
}
