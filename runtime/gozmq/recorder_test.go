package gozmq

import (
	"slices"
	"sync"
	"testing"
	"time"
)

// A recorder keeps the events of a socket.
type recorder struct {
	mu     sync.Mutex
	events []Event
	change chan struct{}
}

func newRecorder() *recorder { return &recorder{change: make(chan struct{})} }

// option makes the recorder a socket's observer.
func (r *recorder) option() SocketOption { return WithEventHandler(r.observe) }

func (r *recorder) observe(e Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
	close(r.change)
	r.change = make(chan struct{})
}

// all returns what was recorded so far.
func (r *recorder) all() []Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.events)
}

// kinds returns the kinds of what was recorded so far.
func (r *recorder) kinds() []EventKind {
	var list []EventKind
	for _, e := range r.all() {
		list = append(list, e.Kind)
	}
	return list
}

// wait returns the first event of a kind once there are n of them.
func (r *recorder) wait(t testing.TB, kind EventKind, n int) Event {
	t.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		r.mu.Lock()
		var found []Event
		for _, e := range r.events {
			if e.Kind == kind {
				found = append(found, e)
			}
		}
		change := r.change
		r.mu.Unlock()
		if len(found) >= n {
			return found[0]
		}
		select {
		case <-change:
		case <-timer.C:
			t.Fatalf("%d of %d events %q came; there were %v", len(found), n, kind, r.kinds())
		}
	}
}

// count returns how many events of a kind there are so far.
func (r *recorder) count(kind EventKind) (n int) {
	for _, k := range r.kinds() {
		if k == kind {
			n++
		}
	}
	return n
}

// wantHeld checks that no connection has ended so far.
func (r *recorder) wantHeld(t *testing.T) {
	t.Helper()
	if r.count(EventDisconnected) > 0 {
		t.Fatalf("a connection did not hold: %v", r.kinds())
	}
}
