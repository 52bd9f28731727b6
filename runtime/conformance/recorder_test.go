package conformance

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gozmq/gozmq/runtime/gozmq"
)

// A recorder keeps the events of our ends, in order.
type recorder struct {
	mu     sync.Mutex
	events []gozmq.Event
	change chan struct{}
}

func newRecorder() *recorder { return &recorder{change: make(chan struct{})} }

// option makes a socket report to r.
func (r *recorder) option() gozmq.SocketOption {
	return gozmq.WithEventHandler(func(e gozmq.Event) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.events = append(r.events, e)
		close(r.change)
		r.change = make(chan struct{})
	})
}

// await waits for the n-th event of a kind.
func (r *recorder) await(t *testing.T, kind gozmq.EventKind, n int) gozmq.Event {
	t.Helper()
	limit := time.After(patience)
	for {
		r.mu.Lock()
		change, list := r.change, r.kindLocked(kind)
		r.mu.Unlock()
		if len(list) >= n {
			return list[n-1]
		}
		select {
		case <-change:
		case <-limit:
			t.Fatalf("the event %q did not come %d times; there were:\n%s", kind, n, r)
		}
	}
}

func (r *recorder) kindLocked(kind gozmq.EventKind) (list []gozmq.Event) {
	for _, e := range r.events {
		if e.Kind == kind {
			list = append(list, e)
		}
	}
	return list
}

// count returns how many events of a kind there were.
func (r *recorder) count(kind gozmq.EventKind) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.kindLocked(kind))
}

// kinds returns the kinds of all events.
func (r *recorder) kinds() (list []gozmq.EventKind) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.events {
		list = append(list, e.Kind)
	}
	return list
}

func (r *recorder) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var b strings.Builder
	for _, e := range r.events {
		fmt.Fprintf(&b, "%v %s %s: %v\n", e.Kind, e.Endpoint, e.Peer, e.Err)
	}
	return b.String()
}

// wantReason checks that an event says why it happened.
func wantReason(t *testing.T, e gozmq.Event, part string) {
	t.Helper()
	if e.Err == nil || !strings.Contains(e.Err.Error(), part) {
		t.Errorf("the event %q has the reason %v, want one with %q", e.Kind, e.Err, part)
	}
}
