package conformance

import (
	"strings"
	"testing"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

// A recorder keeps the events of our ends, in order.
type recorder struct {
	testkit.Recorder[gozmq.Event]
}

func newRecorder() *recorder { return new(recorder) }

// option makes a socket report to r.
func (r *recorder) option() gozmq.SocketOption { return gozmq.WithEventHandler(r.Record) }

func ofKind(kind gozmq.EventKind) func(gozmq.Event) bool {
	return func(e gozmq.Event) bool { return e.Kind == kind }
}

// await waits for the n-th event of a kind.
func (r *recorder) await(t *testing.T, kind gozmq.EventKind, n int) gozmq.Event {
	t.Helper()
	return r.Wait(t, 0, n, kind.String(), ofKind(kind))[n-1]
}

// awaitMismatch waits until a libzmq peer with another mechanism has gone, which
// may close the connection before it has sent a byte.
func (r *recorder) awaitMismatch(t *testing.T) gozmq.Event {
	t.Helper()
	return r.Wait(t, 0, 1, "handshake failed or probed", func(e gozmq.Event) bool {
		return e.Kind == gozmq.EventHandshakeFailed || e.Kind == gozmq.EventProbed
	})[0]
}

// count returns how many events of a kind there were.
func (r *recorder) count(kind gozmq.EventKind) int { return r.Count(ofKind(kind)) }

// kinds returns the kinds of all events.
func (r *recorder) kinds() (list []gozmq.EventKind) {
	for _, e := range r.All() {
		list = append(list, e.Kind)
	}
	return list
}

// wantReason checks that an event says why it happened.
func wantReason(t *testing.T, e gozmq.Event, part string) {
	t.Helper()
	if e.Err == nil || !strings.Contains(e.Err.Error(), part) {
		t.Errorf("the event %q has the reason %v, want one with %q", e.Kind, e.Err, part)
	}
}
