package link

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/transport"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// patience is how long a test waits for what must happen.
var patience = testkit.Patience()

// A recorder keeps the events of a group.
type recorder struct {
	mu     sync.Mutex
	events []Event
	change chan struct{}
}

func newRecorder() *recorder { return &recorder{change: make(chan struct{})} }

func (r *recorder) observe(e Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
	close(r.change)
	r.change = make(chan struct{})
}

// mark returns a place in the record, for await.
func (r *recorder) mark() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.events)
}

// await waits for the n-th event of that kind behind a mark.
func (r *recorder) await(t *testing.T, mark int, kind EventKind, n int) Event {
	t.Helper()
	limit := time.After(patience)
	for {
		r.mu.Lock()
		seen := 0
		for _, e := range r.events[mark:] {
			if e.Kind != kind {
				continue
			}
			if seen++; seen == n {
				r.mu.Unlock()
				return e
			}
		}
		change := r.change
		r.mu.Unlock()
		select {
		case <-change:
		case <-limit:
			t.Fatalf("event %d did not come %d times; there are %v", kind, n, r.texts(mark))
		}
	}
}

func (r *recorder) count(mark int, kind EventKind) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.events[mark:] {
		if e.Kind == kind {
			n++
		}
	}
	return n
}

func (r *recorder) texts(mark int) (list []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.events[mark:] {
		list = append(list, fmt.Sprintf("%d %s %v", e.Kind, e.Peer, e.Err))
	}
	return list
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
		ConnectTimeout: patience, HandshakeTimeout: patience, MaxHandshakes: 64, MaxPeers: 1000,
		ReconnectMin: time.Millisecond, ReconnectMax: 20 * time.Millisecond,
		Observe: r.observe,
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

// receive takes what must come.
func receive[T any](t *testing.T, ch <-chan T) T {
	t.Helper()
	return testkit.Receive(t, ch, "a value")
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
