package link

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/transport"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// A recorder keeps the events of a group.
type recorder struct{ testkit.Recorder[Event] }

func newRecorder() *recorder { return new(recorder) }

// await waits for the n-th event of that kind behind a mark, which Len returned.
func (r *recorder) await(t *testing.T, mark int, kind EventKind, n int) Event {
	t.Helper()
	return r.Wait(t, mark, n, fmt.Sprintf("events of kind %d", kind), func(e Event) bool { return e.Kind == kind })[n-1]
}

// count returns how many events of that kind there are.
func (r *recorder) count(kind EventKind) int { return len(r.all(0, kind)) }

// all returns the events of that kind behind a mark.
func (r *recorder) all(mark int, kind EventKind) []Event {
	return slices.DeleteFunc(r.Since(mark), func(e Event) bool { return e.Kind != kind })
}

// wantReason checks that an event's error names the cause.
func wantReason(t *testing.T, e Event, text string) {
	t.Helper()
	if e.Err == nil || !strings.Contains(e.Err.Error(), text) {
		t.Errorf("event %d has the reason %v, want one with %q", e.Kind, e.Err, text)
	}
}

func testConfig(kind zmtp.SocketType, r *recorder) Config {
	return Config{
		SocketType: kind, MaxMessageSize: 1 << 20, SendQueue: 1000, SendQueueBytes: 1 << 20,
		ConnectTimeout: testkit.Patience(), HandshakeTimeout: testkit.Patience(), MaxHandshakes: 64, MaxPeers: 1000,
		ReconnectMin: time.Millisecond, ReconnectMax: 20 * time.Millisecond,
		Observe: r.Record,
	}
}

// A handlerFunc is a Handler whose connections are ready at once.
type handlerFunc func(*Conn) error

func (f handlerFunc) Serve(c *Conn) error {
	c.Ready()
	return f(c)
}

// echo sends every message back.
func echo(c *Conn) error {
	for {
		frames, err := c.Next()
		if err != nil {
			return err
		}
		b, err := c.BeginForced()
		if err != nil {
			return err
		}
		c.Commit(zmtptest.AppendMessage(b, frames...))
	}
}

// bound returns a group that listens on loopback tcp and is shut down at the
// test's end, and its endpoint.
func bound(t *testing.T, cfg Config, h Handler) (*Group, transport.Endpoint) {
	t.Helper()
	return boundTo(t, cfg, h, "tcp://127.0.0.1:*")
}

func boundTo(t *testing.T, cfg Config, h Handler, endpoint string) (*Group, transport.Endpoint) {
	t.Helper()
	ep, err := transport.ParseBind(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	g := NewGroup(cfg, h)
	t.Cleanup(func() { shutdown(t, g) })
	if ep, err = g.Bind(ep); err != nil {
		t.Fatal(err)
	}
	return g, ep
}

func shutdown(t *testing.T, g *Group) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := g.Shutdown(ctx); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("Shutdown: %v", err)
	}
}

// descriptors returns how many file descriptors the process has open, or -1
// where that is not known.
func descriptors() int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return -1
	}
	return len(entries)
}
