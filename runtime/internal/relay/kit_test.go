package relay

import (
	"context"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/transport"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// A captured message is what Capture was called with.
type captured struct {
	toFront bool
	frames  []string
}

// A bench is a relay whose sides are bound to loopback tcp, and what it reports.
type bench struct {
	Relay
	front, back transport.Endpoint
	events      testkit.Recorder[link.Event]
	captures    testkit.Recorder[captured]
}

// start makes and starts a relay. It is closed when the test ends, without
// patience, unless the test has closed it.
func start(t testing.TB, open func(Config) Relay, change func(*Config)) *bench {
	t.Helper()
	b := new(bench)
	cfg := Config{
		Socket: link.Config{
			MaxMessageSize: 1 << 20, SendQueue: 4, SendQueueBytes: 1 << 20,
			ConnectTimeout: testkit.Patience(), HandshakeTimeout: testkit.Patience(), MaxHandshakes: 64, MaxPeers: 1000,
			ReconnectMin: time.Millisecond, ReconnectMax: 20 * time.Millisecond,
		},
		Observe: func(zmtp.SocketType) func(link.Event) { return b.events.Record },
		Capture: func(toFront bool, frames [][]byte) {
			b.captures.Record(captured{toFront, texts(frames)})
		},
		MaxSubscriptions: 100,
	}
	if change != nil {
		change(&cfg)
	}
	b.Relay = open(cfg)
	t.Cleanup(func() { _ = b.Close(ended()) })
	front, back := b.Links()
	b.front, b.back = bind(t, front), bind(t, back)
	b.Start()
	return b
}

func bind(t testing.TB, g *link.Group) transport.Endpoint {
	t.Helper()
	ep, err := transport.ParseBind("tcp://127.0.0.1:*")
	if err != nil {
		t.Fatal(err)
	}
	if ep, err = g.Bind(ep); err != nil {
		t.Fatal(err)
	}
	return ep
}

// join connects a peer, and waits until the relay has connected it too.
func (b *bench) join(t testing.TB, side transport.Endpoint, kind zmtp.SocketType) *zmtptest.Peer {
	t.Helper()
	mark := b.events.Len()
	p := zmtptest.DialAs(t, side, kind)
	b.events.Wait(t, mark, 1, "a connection", func(e link.Event) bool { return e.Kind == link.Connected })
	return p
}

// wantCaptured compares what was captured so far; the order of the directions
// does not matter.
func (b *bench) wantCaptured(t *testing.T, toFront bool, want ...[]string) {
	t.Helper()
	got := b.captures.Wait(t, 0, len(want), "captured messages", func(c captured) bool { return c.toFront == toFront })
	if !slices.EqualFunc(got, want, func(c captured, w []string) bool { return slices.Equal(c.frames, w) }) {
		t.Errorf("captured %v, want %q", got, want)
	}
}

// wantStats waits for counters, which may lag behind the messages.
func (b *bench) wantStats(t *testing.T, want Stats) {
	t.Helper()
	testkit.Eventually(t, "the counters", func() bool { return b.Stats() == want })
}

func wantMessage(t *testing.T, p *zmtptest.Peer, want ...string) {
	t.Helper()
	if got := texts(p.Message()); !slices.Equal(got, want) {
		t.Fatalf("got %q, want %q", got, want)
	}
}

// wantTurns reads n messages from each of the peers. The messages are numbered in
// their last frames, and the peers take turns; any of them may be the first.
func wantTurns(t *testing.T, peers []*zmtptest.Peer, n int) {
	t.Helper()
	for i, p := range peers {
		var got []int
		for range n {
			m := texts(p.Message())
			number, err := strconv.Atoi(m[len(m)-1])
			if err != nil {
				t.Fatalf("got %q, want a number in the last frame", m)
			}
			got = append(got, number)
		}
		for k := 1; k < n; k++ {
			if got[k] != got[k-1]+len(peers) {
				t.Errorf("peer %d got %v, want every %d. message", i, got, len(peers))
			}
		}
	}
}

func texts(frames [][]byte) (list []string) {
	for _, f := range frames {
		list = append(list, string(f))
	}
	return list
}

// ended returns a context that has ended.
func ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}
