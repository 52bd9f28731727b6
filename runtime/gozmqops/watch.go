package gozmqops

import (
	"slices"
	"sync"

	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqimpl"
	"github.com/gozmq/gozmq/runtime/internal/events"
)

// Watch calls f with each event of the group's roles from now on, including roles
// that are added later, and with the role's name. It calls f in addition to the
// roles' own event handlers, in a separate goroutine, with one event at a time.
// When f is slow, events are dropped: then f gets an event of kind
// gozmq.EventEventsLost, without a name, with their number. stop must be called,
// but not by f. It returns when f has returned for the last time.
func (g *Group) Watch(f func(name string, e gozmq.Event)) (stop func()) {
	type named struct {
		name  string
		event gozmq.Event
	}
	queue := events.NewQueue(func(n named) { f(n.name, n.event) }, func(n int) {
		f("", gozmq.Event{Kind: gozmq.EventEventsLost, Count: n})
	})
	w := &watch{put: func(name string, e gozmq.Event) { queue.Put(named{name, e}) }, stops: make(map[string]func())}
	g.mu.Lock()
	g.watches = append(g.watches, w)
	for _, m := range g.members {
		w.add(m)
	}
	g.mu.Unlock()
	return sync.OnceFunc(func() {
		g.mu.Lock()
		g.watches = slices.DeleteFunc(g.watches, func(other *watch) bool { return other == w })
		for _, stop := range w.stops {
			stop()
		}
		g.mu.Unlock()
		queue.Close()
	})
}

// A watch is a call of Watch. The group's lock guards it.
type watch struct {
	put   func(name string, e gozmq.Event)
	stops map[string]func() // by the name of the role
}

func (w *watch) add(m member) {
	if m.watched != nil {
		w.stops[m.name] = m.watched.Watch(func(e gozmq.Event) { w.put(m.name, e) })
	}
}

func (w *watch) remove(name string) {
	if stop := w.stops[name]; stop != nil {
		stop()
		delete(w.stops, name)
	}
}

// roleOf returns the Role of a role.
func roleOf(role any) gozmqimpl.Role {
	switch r := role.(type) {
	case *gozmq.Conn:
		return gozmqimpl.RoleOf(r)
	case *gozmq.Server:
		return gozmqimpl.RoleOf(r)
	case *gozmq.Publisher:
		return gozmqimpl.RoleOf(r)
	case *gozmq.Subscriber:
		return gozmqimpl.RoleOf(r)
	case *gozmq.Ventilator:
		return gozmqimpl.RoleOf(r)
	case *gozmq.Worker:
		return gozmqimpl.RoleOf(r)
	case *gozmq.Sink:
		return gozmqimpl.RoleOf(r)
	case *gozmq.Proxy:
		return gozmqimpl.RoleOf(r)
	}
	return nil
}
