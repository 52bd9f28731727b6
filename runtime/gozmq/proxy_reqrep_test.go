package gozmq

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/relay"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

func TestProxyReqRep(t *testing.T) {
	overChains(t, PatternReqRep, func(t *testing.T, c chain) {
		failing := &Method{Procedure: "test.Service/Fail"}
		for range 2 {
			serve(t, Connect(c.back()), append(echoHandlers(), Handle(failing, func(context.Context, *bytez) (*bytez, error) {
				return nil, Errorf(CodeNotFound, "not here")
			})))
		}
		var wg sync.WaitGroup
		for client := range 2 {
			conn := dial(t, Connect(c.front()))
			for caller := range 8 {
				wg.Go(func() {
					for i := range 25 {
						if err := callEcho(testkit.Within(t), conn, fmt.Sprintf("%d %d %d", client, caller, i)); err != nil {
							t.Errorf("call: %v", err)
							return
						}
					}
				})
			}
			_, err := Call[bytez](testkit.Within(t), conn, failing, &bytez{})
			wantCode(t, err, CodeNotFound, "not here")
		}
		wg.Wait()
		for _, p := range c {
			wantStats(t, p, ProxyStats{ToBack: 402, ToFront: 402})
		}
	})
}

// Three proxies add a route each and take it away again; what the client put
// before the empty frame comes back as it was.
func TestProxyRestoresEnvelope(t *testing.T) {
	c := newChain(t, PatternReqRep, "tcp://127.0.0.1:*", 3)
	server := dialRaw(t, c.back(), zmtp.Rep)
	for _, envelope := range [][]string{nil, {"id"}, {"a", "b", "c"}, {strings.Repeat("x", 300)}} {
		client := dialRaw(t, c.front(), zmtp.Dealer)
		client.send(append(append([]string{}, envelope...), "", "method", "", "body")...)
		got := server.recv()
		if len(got) != 3+len(envelope)+4 {
			t.Fatalf("the server got %d frames, want 3 routes and %d frames", len(got), len(envelope)+4)
		}
		for _, route := range got[:3] {
			if len(route) != 9 || route[0] != 0 {
				t.Errorf("route is %q, want 9 bytes that begin with 0", route)
			}
		}
		server.send(append(got[:3+len(envelope)], "", "", "reply")...)
		if got, want := client.recv(), append(append([]string{}, envelope...), "", "", "reply"); !equal(got, want) {
			t.Errorf("the client got %q, want %q", got, want)
		}
	}
}

func equal(a, b []string) bool { return fmt.Sprintf("%q", a) == fmt.Sprintf("%q", b) }

// Requests go to the servers in turn.
func TestProxyTakesTurns(t *testing.T) {
	events := newRecorder()
	p := proxy(t, PatternReqRep, Bind("tcp://127.0.0.1:*"), Bind("tcp://127.0.0.1:*"), events.option())
	at := p.BackAddrs()[0]
	servers := []*rawPeer{dialRaw(t, at, zmtp.Rep), dialRaw(t, at, zmtp.Rep), dialRaw(t, at, zmtp.Rep)}
	client := dialRaw(t, p.FrontAddrs()[0], zmtp.Dealer)
	events.wait(t, EventConnected, 4)
	const rounds = 20
	for range rounds * len(servers) {
		client.send("id", "", "request")
	}
	for _, server := range servers {
		for range rounds {
			server.recv()
		}
	}
}

// A timed context's deadline is when the test says so.
type timed struct {
	context.Context
	over chan struct{}
}

func (c timed) Done() <-chan struct{} { return c.over }

func (c timed) Err() error {
	select {
	case <-c.over:
		return context.DeadlineExceeded
	default:
		return nil
	}
}

// A server that dies with a request costs its caller no more than the time the
// caller had set; the next call goes elsewhere.
func TestProxyServerDies(t *testing.T) {
	events := newRecorder()
	p := proxy(t, PatternReqRep, Bind("tcp://127.0.0.1:*"), Bind("tcp://127.0.0.1:*"), events.option())
	conn := dial(t, Connect(p.FrontAddrs()...))
	server := dialRaw(t, p.BackAddrs()[0], zmtp.Rep)
	ctx := timed{t.Context(), make(chan struct{})}
	done := make(chan error, 1)
	go func() { done <- callEcho(ctx, conn, "lost") }()
	server.recv()
	server.Close()
	events.wait(t, EventDisconnected, 1)
	close(ctx.over)
	err := testkit.Receive(t, done, "the end of the call")
	wantCode(t, err, CodeDeadlineExceeded)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error is %v", err)
	}
	serve(t, Connect(p.BackAddrs()...), echoHandlers())
	mustEcho(t, conn)
}

// Requests that come before any server wait for one.
func TestProxyWaitsForServer(t *testing.T) {
	p := proxy(t, PatternReqRep, Bind("tcp://127.0.0.1:*"), Bind("tcp://127.0.0.1:*"))
	conn := dial(t, Connect(p.FrontAddrs()...))
	done := make(chan error, 8)
	for i := range cap(done) {
		go func() { done <- callEcho(testkit.Within(t), conn, fmt.Sprint(i)) }()
	}
	serve(t, Connect(p.BackAddrs()...), echoHandlers())
	for range cap(done) {
		if err := testkit.Receive(t, done, "a reply"); err != nil {
			t.Error(err)
		}
	}
}

func TestProxyDropsUnroutable(t *testing.T) {
	events := newRecorder()
	p := proxy(t, PatternReqRep, Bind("tcp://127.0.0.1:*"), Bind("tcp://127.0.0.1:*"), events.option())
	server := dialRaw(t, p.BackAddrs()[0], zmtp.Router)
	client := dialRaw(t, p.FrontAddrs()[0], zmtp.Dealer)
	client.send("id", "", "request")
	late := server.recv()
	client.Close()
	events.wait(t, EventDisconnected, 1)

	bad := [][]string{
		late,
		{late[0]},
		{"\x00\x00\x00\x00\x00\x00\x00\x00\xff", "", "no such route"},
		{"short", "", "reply"},
		{"\x01\x00\x00\x00\x00\x00\x00\x00\x01", "", "not a route"},
		{"", "", "reply"},
	}
	for _, frames := range bad {
		server.send(frames...)
	}
	server.send("") // libzmq's probe is no reply

	// Neither the server's connection nor another client has suffered.
	next := dialRaw(t, p.FrontAddrs()[0], zmtp.Dealer)
	next.send("id", "", "request")
	got := server.recv()
	if got[0] == late[0] {
		t.Error("a route was given twice")
	}
	server.send(got...)
	next.recv()
	wantStats(t, p, ProxyStats{ToBack: 2, ToFront: 1, Unroutable: uint64(len(bad))})
}

// What a proxy cannot pass on without harm to the server's connection, it drops.
func TestProxyDropsHostileRequests(t *testing.T) {
	const limit = 64 << 10
	events := newRecorder()
	p := proxy(t, PatternReqRep, Bind("tcp://127.0.0.1:*"), Bind("tcp://127.0.0.1:*"), events.option(), WithMaxMessageSize(limit))
	serve(t, Connect(p.BackAddrs()...), echoHandlers(), WithMaxMessageSize(limit))
	events.wait(t, EventConnected, 1)
	good := dial(t, Connect(p.FrontAddrs()...))
	mustEcho(t, good)
	hostile := dialRaw(t, p.FrontAddrs()[0], zmtp.Dealer)
	half := strings.Repeat("x", limit/2+16<<10)
	hostile.send(make([]string, relay.MaxFrames+1)...)
	hostile.send(half, half, "")
	events.wait(t, EventMalformed, 2)
	hostile.send(half) // no envelope: the server's business
	hostile.send("")   // libzmq's probe
	mustEcho(t, good)
	mustEcho(t, good)
	testkit.Eventually(t, "the count", func() bool { return p.Stats().ToBack == 4 })
	if s := p.Stats(); s.Dropped != 2 {
		t.Errorf("counted %+v, want 2 dropped", s)
	}
	for _, e := range events.all() {
		if e.Kind == EventDisconnected {
			t.Errorf("a peer was disconnected: %v", e.Err)
		}
	}
}

// A client that does not read its replies is read no further, loses replies
// beyond a limit, and harms no one else.
func TestProxySlowClient(t *testing.T) {
	const room = 64 << 10
	p := proxy(t, PatternReqRep, Bind("tcp://127.0.0.1:*"), Bind("tcp://127.0.0.1:*"), WithSendQueue(10, room))
	big := wrapperspb.Bytes(make([]byte, 512<<10))
	serve(t, Connect(p.BackAddrs()...), append(echoHandlers(), Handle(&Method{Procedure: "test.Service/Big"},
		func(context.Context, *bytez) (*bytez, error) { return big, nil })))
	slow := dialRaw(t, p.FrontAddrs()[0], zmtp.Dealer)
	good := dial(t, Connect(p.FrontAddrs()...))
	mustEcho(t, good)
	const requests = 64
	var all []byte
	for i := range requests {
		all = append(all, zmtptest.Message(fmt.Sprint(i), "", "test.Service/Big", "")...)
	}
	slow.Send(all) // at once, so that they are read before the first reply waits
	testkit.Eventually(t, "a dropped reply", func() bool { return p.Stats().Dropped > 0 })
	mustEcho(t, good)
	testkit.Eventually(t, "all replies", func() bool {
		s := p.Stats()
		return s.ToFront+s.Dropped == requests+2
	})
	for range p.Stats().ToFront - 2 {
		if got := slow.recv(); len(got) != 4 || len(got[3]) < 512<<10 {
			t.Fatalf("got a reply of %d frames", len(got))
		}
	}
	slow.send("again", "", "test.Service/Echo", "")
	if got := slow.recv(); got[0] != "again" {
		t.Errorf("got %q, want the reply to the last request", got[0])
	}
}

// The proxy does not announce our extensions, so no one uses them through it.
func TestProxyIsPlain(t *testing.T) {
	p := proxy(t, PatternReqRep, Bind("tcp://127.0.0.1:*"), Bind("tcp://127.0.0.1:*"))
	server := dialRaw(t, p.BackAddrs()[0], zmtp.Router)
	conn := dial(t, Connect(p.FrontAddrs()...))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- callEcho(ctx, conn, "given up") }()
	first := server.recv()
	cancel()
	wantCode(t, testkit.Receive(t, done, "the end of the call"), CodeCanceled)
	go func() { done <- callEcho(testkit.Within(t), conn, "next") }()
	second := server.recv()
	if second[3] != "test.Service/Echo" || second[1] == first[1] {
		t.Fatalf("behind %q the server got %q, want another call", first, second)
	}
	server.send(second[0], second[1], "", "", second[4])
	if err := testkit.Receive(t, done, "the reply"); err != nil {
		t.Error(err)
	}
}

func TestProxyCapture(t *testing.T) {
	var mu sync.Mutex
	var seen []string
	c := newChain(t, PatternReqRep, "tcp://127.0.0.1:*", 2, WithCaptureHandler(func(m ProxyMessage) {
		mu.Lock()
		defer mu.Unlock()
		last := m.Frames[len(m.Frames)-1]
		seen = append(seen, fmt.Sprintf("%v %d %s", m.ToFront, len(m.Frames), last))
	}))
	server := dialRaw(t, c.back(), zmtp.Rep)
	client := dialRaw(t, c.front(), zmtp.Req)
	client.send("", "request")
	got := server.recv()
	server.send(append(got[:len(got)-1], "reply")...)
	client.recv()
	mu.Lock()
	defer mu.Unlock()
	if want := []string{"false 2 request", "false 3 request", "true 3 reply", "true 2 reply"}; !equal(seen, want) {
		t.Errorf("captured %q, want %q", seen, want)
	}
}

// A client with few requests is not kept waiting by one with many.
func TestProxyIsFair(t *testing.T) {
	p := proxy(t, PatternReqRep, Bind("tcp://127.0.0.1:*"), Bind("tcp://127.0.0.1:*"), WithSendQueue(1, 1))
	server := dialRaw(t, p.BackAddrs()[0], zmtp.Router)
	busy, calm := dialRaw(t, p.FrontAddrs()[0], zmtp.Dealer), dialRaw(t, p.FrontAddrs()[0], zmtp.Dealer)
	const requests = 600
	big := strings.Repeat("x", 64<<10)
	written := make(chan struct{})
	go func() {
		defer close(written)
		for range requests {
			if _, err := busy.Write(zmtptest.Message("busy", "", big)); err != nil {
				t.Errorf("write: %v", err)
				return
			}
		}
	}()
	for range 100 { // by now the busy one has all queues filled
		server.recv()
	}
	for range 10 {
		calm.send("calm", "", "small")
	}
	testkit.Eventually(t, "that the proxy reads from both", func() bool {
		return !slices.ContainsFunc(p.FrontStats().Peers, func(s PeerStats) bool { return s.MessagesIn == 0 })
	})
	var seen, last int
	for i := range requests - 100 + 10 {
		if got := server.recv(); got[1] == "calm" {
			seen, last = seen+1, i
		}
	}
	testkit.Receive(t, written, "the end of the requests")
	t.Logf("the last of %d requests of the calm client came behind %d others", seen, last+1-seen)
	if seen != 10 || last > requests-200 {
		t.Errorf("the last of %d requests of the calm client was number %d", seen, last)
	}
}
