package socket

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/transport"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// patience is how long a test waits for what must happen.
var patience = testkit.Patience()

var networks = []string{"tcp://127.0.0.1:*", "ipc://*", "inproc://socket-test"}

const tcp = "tcp://127.0.0.1:*"

// A recorder keeps the events of a socket.
type recorder struct {
	mu     sync.Mutex
	events []link.Event
	change chan struct{}
}

func newRecorder() *recorder { return &recorder{change: make(chan struct{})} }

func (r *recorder) observe(e link.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
	close(r.change)
	r.change = make(chan struct{})
}

// await waits for the n-th event of that kind.
func (r *recorder) await(t *testing.T, kind link.EventKind, n int) link.Event {
	t.Helper()
	limit := time.After(patience)
	for {
		r.mu.Lock()
		seen, change := 0, r.change
		for _, e := range r.events {
			if e.Kind != kind {
				continue
			}
			if seen++; seen == n {
				r.mu.Unlock()
				return e
			}
		}
		r.mu.Unlock()
		select {
		case <-change:
		case <-limit:
			t.Fatalf("event %d came %d times, want %d", kind, seen, n)
		}
	}
}

// sum adds the counts of all events of that kind.
func (r *recorder) sum(kind link.EventKind) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.events {
		if e.Kind == kind {
			n += max(e.Count, 1)
		}
	}
	return n
}

func testConfig(kind zmtp.SocketType, r *recorder) link.Config {
	return link.Config{
		SocketType: kind, MaxMessageSize: 1 << 20, SendQueue: 1000, SendQueueBytes: 1 << 20,
		ConnectTimeout: patience, HandshakeTimeout: patience, MaxHandshakes: 64, MaxPeers: 1000,
		ReconnectMin: time.Millisecond, ReconnectMax: 20 * time.Millisecond,
		Observe: r.observe,
	}
}

// bind binds a socket's connections and returns the endpoint.
func bind(t *testing.T, g *link.Group, endpoint string) transport.Endpoint {
	t.Helper()
	ep, err := transport.ParseBind(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	if ep, err = g.Bind(ep); err != nil {
		t.Fatal(err)
	}
	return ep
}

func connect(t *testing.T, g *link.Group, ep transport.Endpoint) {
	t.Helper()
	if err := g.Connect(ep); err != nil {
		t.Fatal(err)
	}
}

// within returns a context that ends when the test has taken too long.
func within(t *testing.T) context.Context {
	t.Helper()
	return testkit.Within(t)
}

// closing shuts a socket down at the end of a test, without waiting.
func closing(t *testing.T, shutdown func(context.Context) error) {
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if err := shutdown(ctx); err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, errUnsent) {
			t.Errorf("Shutdown: %v", err)
		}
	})
}

// await takes what must come.
func await[T any](t *testing.T, ch <-chan T) T {
	t.Helper()
	return testkit.Receive(t, ch, "a value")
}

// nextOf returns the peer's next message, nil when the connection has ended.
func nextOf(p *zmtptest.Peer) [][]byte {
	m, _ := p.Next()
	return m
}

// eventually waits for what has no event of its own.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	testkit.Eventually(t, what, ok)
}
