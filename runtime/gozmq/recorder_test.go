package gozmq

import (
	"testing"

	"github.com/gozmq/gozmq/internal/testkit"
)

// A recorder keeps the events of a socket.
type recorder struct {
	testkit.Recorder[Event]
}

func newRecorder() *recorder { return new(recorder) }

// option makes the recorder a socket's observer.
func (r *recorder) option() SocketOption { return WithEventHandler(r.Record) }

func ofKind(kind EventKind) func(Event) bool {
	return func(e Event) bool { return e.Kind == kind }
}

// all returns the events so far.
func (r *recorder) all() []Event { return r.All() }

// kinds returns the kinds of the events so far.
func (r *recorder) kinds() []EventKind {
	var list []EventKind
	for _, e := range r.All() {
		list = append(list, e.Kind)
	}
	return list
}

// wait returns the first event of a kind once there are n of them.
func (r *recorder) wait(t testing.TB, kind EventKind, n int) Event {
	t.Helper()
	return r.Wait(t, 0, n, kind.String(), ofKind(kind))[0]
}

// count returns how many events of a kind there are so far.
func (r *recorder) count(kind EventKind) int { return r.Count(ofKind(kind)) }

// wantHeld checks that no connection has ended so far.
func (r *recorder) wantHeld(t *testing.T) {
	t.Helper()
	if r.count(EventDisconnected) > 0 {
		t.Fatalf("a connection did not hold: %v", r.kinds())
	}
}
