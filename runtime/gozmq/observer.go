package gozmq

import (
	"fmt"
	"runtime/debug"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/events"
	"github.com/gozmq/gozmq/runtime/internal/guarded"
	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// An observer passes events to the user's event handler and to those that watch
// the role, and never blocks the goroutines that report them. A nil observer drops
// everything.
type observer struct {
	role  *roleState // whose watchers get the events; nil for none
	call  func(Event)
	queue *events.Queue[Event] // before call; nil: there is no event handler
}

// newObserver starts an observer that calls a socket's event handler, and what
// holds for all sockets.
func newObserver(own func(Event), role *roleState) *observer {
	o := &observer{role: role, call: eventHandler(own)}
	if o.call == nil {
		return o
	}
	o.queue = events.NewQueue(o.deliver, func(n int) { o.deliver(Event{Kind: EventEventsLost, Time: time.Now(), Count: n}) })
	return o
}

// link returns what the connections of a socket of that type report to.
func (o *observer) link(t zmtp.SocketType) func(link.Event) {
	if o == nil {
		return nil
	}
	return func(e link.Event) {
		if !o.wanted() {
			return
		}
		o.observe(Event{Kind: linkEvents[e.Kind], SocketType: string(t), Endpoint: e.Endpoint, Peer: e.Peer, Topic: e.Topic, Count: e.Count, Err: e.Err})
	}
}

// wanted reports whether events have a use now.
func (o *observer) wanted() bool {
	return o != nil && (o.queue != nil || len(o.role.watching()) > 0)
}

func (o *observer) observe(e Event) {
	if !o.wanted() {
		return
	}
	e.Time, e.Err = time.Now(), inLine(e.Err)
	for _, w := range o.role.watching() {
		w.call(e)
	}
	if o.queue != nil {
		o.queue.Put(e)
	}
}

// A lineError has the text of an error in a form that can be printed within a
// line: a peer has chosen a part of it, or it has several lines.
type lineError struct {
	error
	text string
}

func (e *lineError) Error() string { return e.text }
func (e *lineError) Unwrap() error { return e.error }

// inLine returns err, as a lineError where a line cannot have its text.
func inLine(err error) error {
	if err == nil {
		return nil
	}
	text := fmt.Sprint(err) // which, unlike err.Error(), survives a nil *T error
	if line := zmtp.Line(text); line != text {
		return &lineError{err, line}
	}
	return err
}

// deliver calls the event handler. It reports to the handler that it has panicked,
// but not a panic over that report.
func (o *observer) deliver(e Event) {
	if p := o.try(e); p != nil && e.Kind != EventPanic {
		_ = o.try(Event{Kind: EventPanic, Time: time.Now(), SocketType: e.SocketType, Err: fmt.Errorf("the event handler ended with a %w", p), Stack: p.Stack})
	}
}

// try calls the event handler and returns its panic. The handler may end its
// goroutine with runtime.Goexit: then another one takes the next event.
func (o *observer) try(e Event) (p *guarded.PanicError) {
	return guarded.Apart(func() { o.call(e) })
}

// panicked reports that a function of the user, which what names, panicked, and
// returns the error for whoever waits for its result. Where it was called is found
// in the stack.
func (o *observer) panicked(t zmtp.SocketType, what, procedure string, p *guarded.PanicError) error {
	err := fmt.Errorf("%s: %w", what, p)
	stack := p.Stack
	if p.Goexit() {
		stack = debug.Stack()
	}
	o.observe(Event{Kind: EventPanic, SocketType: string(t), Procedure: procedure, Err: err, Stack: stack})
	return err
}

// guard calls f, a function of the user that what names. It reports a panic and
// returns it as an error.
func (o *observer) guard(t zmtp.SocketType, what, procedure string, f func()) (err error) {
	guarded.Call(f, func(p *guarded.PanicError) {
		if p != nil {
			err = o.panicked(t, what, procedure, p)
		}
	})
	return err
}

// guardApart is guard for functions that are called seldom, by goroutines that
// must not end (guarded.Apart).
func (o *observer) guardApart(t zmtp.SocketType, what, procedure string, f func()) error {
	if p := guarded.Apart(f); p != nil {
		return o.panicked(t, what, procedure, p)
	}
	return nil
}

// close returns when the event handler has had every event.
func (o *observer) close() {
	if o != nil && o.queue != nil {
		o.queue.Close()
	}
}
