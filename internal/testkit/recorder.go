package testkit

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// A Recorder keeps events in order. The zero value is ready, and all methods may
// be called from any goroutine.
type Recorder[E any] struct {
	mu     sync.Mutex
	events []E
	change chan struct{} // closed by the next event; nil: nobody waits
}

// Record adds an event. A test passes it to the code that reports events.
func (r *Recorder[E]) Record(e E) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
	if r.change != nil {
		close(r.change)
		r.change = nil
	}
}

// All returns the events so far.
func (r *Recorder[E]) All() []E {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.events)
}

// Since returns the events after the first n. The length of All at an earlier time
// serves as a mark.
func (r *Recorder[E]) Since(n int) []E { return r.All()[n:] }

// Len returns how many events there are so far.
func (r *Recorder[E]) Len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.events)
}

// Count returns how many events match so far.
func (r *Recorder[E]) Count(match func(E) bool) int { return len(r.Matching(match)) }

// Matching returns the events that match so far.
func (r *Recorder[E]) Matching(match func(E) bool) []E {
	return slices.DeleteFunc(r.All(), func(e E) bool { return !match(e) })
}

// Wait waits until n events after the first mark ones match, and returns them. what
// names them in a failure, which lists all events.
func (r *Recorder[E]) Wait(t testing.TB, mark, n int, what string, match func(E) bool) []E {
	t.Helper()
	timer := time.NewTimer(Patience())
	defer timer.Stop()
	for {
		change := r.changes()
		found := slices.DeleteFunc(r.Since(mark), func(e E) bool { return !match(e) })
		if len(found) >= n {
			return found
		}
		select {
		case <-change:
		case <-timer.C:
			t.Fatalf("%d of %d events came within %v: %s; there were:\n%s", len(found), n, Patience(), what, r)
		}
	}
}

// changes returns a channel that the next event closes.
func (r *Recorder[E]) changes() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.change == nil {
		r.change = make(chan struct{})
	}
	return r.change
}

// String returns the events, one per line.
func (r *Recorder[E]) String() string {
	var b strings.Builder
	for _, e := range r.All() {
		fmt.Fprintf(&b, "%+v\n", e)
	}
	return b.String()
}
