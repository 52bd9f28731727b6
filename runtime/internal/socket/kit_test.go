package socket

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/transport"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

var networks = []string{"tcp://127.0.0.1:*", "ipc://*", "inproc://socket-test"}

const tcp = "tcp://127.0.0.1:*"

// A recorder keeps the events of a socket.
type recorder struct{ testkit.Recorder[link.Event] }

func newRecorder() *recorder { return new(recorder) }

// await waits for the n-th event of that kind.
func (r *recorder) await(t *testing.T, kind link.EventKind, n int) link.Event {
	t.Helper()
	return r.Wait(t, 0, n, fmt.Sprintf("events of kind %d", kind), of(kind))[n-1]
}

// sum adds the counts of all events of that kind.
func (r *recorder) sum(kind link.EventKind) (n int) {
	for _, e := range r.Matching(of(kind)) {
		n += max(e.Count, 1)
	}
	return n
}

// of returns a function that matches the events of that kind.
func of(kind link.EventKind) func(link.Event) bool {
	return func(e link.Event) bool { return e.Kind == kind }
}

func testConfig(kind zmtp.SocketType, r *recorder) link.Config {
	return link.Config{
		SocketType: kind, MaxMessageSize: 1 << 20, SendQueue: 1000, SendQueueBytes: 1 << 20,
		ConnectTimeout: testkit.Patience(), HandshakeTimeout: testkit.Patience(), MaxHandshakes: 64, MaxPeers: 1000,
		ReconnectMin: time.Millisecond, ReconnectMax: 20 * time.Millisecond,
		Observe: r.Record,
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

// closing shuts a socket down at the end of a test, without waiting.
func closing(t *testing.T, shutdown func(context.Context) error) {
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		err := shutdown(ctx)
		if errors.Is(err, errJobsLeft) {
			return // a pause may take jobGrace; what is left for good is found at the end of all tests
		}
		if err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, errUnsent) {
			t.Errorf("Shutdown: %v", err)
		}
	})
}

// nextOf returns the peer's next message, nil when the connection has ended.
func nextOf(p *zmtptest.Peer) [][]byte {
	m, _ := p.Next()
	return m
}
