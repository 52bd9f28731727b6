package conformance

import (
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

func slowObserver(t *testing.T, at *env) {
	goOn, lost := make(chan struct{}), make(chan int, 1)
	s := at.serve(t, echo, gozmq.WithEventHandler(func(e gozmq.Event) {
		<-goOn
		if e.Kind == gozmq.EventEventsLost {
			lost <- e.Count
		}
	}))
	const conns = 1100 // whose beginnings alone are more than wait for an observer
	for range conns {
		s.wantService(t, at)
	}
	close(goOn)
	if n := testkit.Receive(t, lost, "the number of lost events"); n < 1 || n > 2*conns {
		t.Errorf("%d events were lost", n)
	}
}

// A logged is a slog.Handler that keeps its records as text.
type logged struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logged) has(parts ...string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.b.String()) {
		found := true
		for _, part := range parts {
			found = found && strings.Contains(line, part)
		}
		if found {
			return true
		}
	}
	return false
}

func slogAdapter(t *testing.T, at *env) {
	l := new(logged)
	s := at.serve(t, echo, gozmq.WithEventHandler(gozmq.LogEvents(slog.New(slog.NewTextHandler(l, nil)))))
	s.wantService(t, at)
	at.connect(t, s.endpoint).tryWrite([]byte("GET / HTTP/1.1\r\n"))
	for _, line := range [][]string{
		{"level=INFO", "zeromq listening", "socket=ROUTER", s.endpoint},
		{"level=INFO", "zeromq connected", "peer="},
		{"zeromq disconnected"},
		{"level=WARN", "zeromq handshake failed", "no ZMTP signature"},
	} {
		testkit.Eventually(t, strings.Join(line, " "), func() bool { return l.has(line...) })
	}
}

func counters(t *testing.T, at *env) {
	s := at.serve(t, echo)
	p := at.dialAs(t, "REQ", s.endpoint, "me")
	for range 3 {
		p.send(encode(t, "hello"))
		p.recv()
	}
	// What has just been read or written may not be counted yet.
	testkit.Eventually(t, "the count of all messages", func() bool {
		stats := s.Stats()
		return stats.MessagesIn >= 3 && stats.MessagesOut >= 3
	})
	stats := s.Stats()
	if stats.Accepted != 1 || stats.MessagesIn != 3 || stats.MessagesOut < 3 || stats.BytesIn == 0 || len(stats.Peers) != 1 {
		t.Errorf("the counters are %+v", stats)
	} else if of := stats.Peers[0]; of.RoutingID != "me" || of.SocketType != "REQ" || of.MessagesIn != 3 {
		t.Errorf("the peer's counters are %+v", of)
	}
	p.close()
	s.await(t, gozmq.EventDisconnected, 1)
	if stats := s.Stats(); stats.Disconnected != 1 || stats.MessagesIn != 3 || len(stats.Peers) > 0 {
		t.Errorf("after the peer's end the counters are %+v", stats)
	}
}
