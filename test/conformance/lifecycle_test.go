package conformance

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqimpl"
	"github.com/gozmq/gozmq/test/internal/rawzmtp"
)

func welcomeMessage(t *testing.T, at *env) {
	z := at.socket(t, "XPUB", options{"XPUB_WELCOME_MSG": []byte(encode(t, "welcome"))})
	s := subscribe(t, gozmq.Bind(at.endpoint()))
	everything := follow(t, func(ctx context.Context) iter.Seq2[*text, error] {
		return gozmqimpl.SubscribeAll(ctx, s.Subscriber, gozmqimpl.NewBareTopic[text]("conformance.News"))
	})
	early := at.connect(t, s.Addrs()[0])
	early.shake("XPUB", 1)
	early.awaitCommand("SUBSCRIBE") // the iteration has begun
	z.connect(s.Addrs()[0])
	everything.want("welcome")
	z.recv() // the subscription
	z.send(encode(t, "news"))
	everything.want("news")
}

// healthyLink lets both ends send heartbeats. libzmq's process, or the test's, may
// stall for longer than the timeout, and then the other one is right to drop it: a
// link that is at fault is dropped after a longer one, too.
func healthyLink(t *testing.T, at *env) {
	for timeout := time.Second; ; timeout *= 3 {
		lost := lostLinks(t, at, timeout)
		if lost == "" {
			return
		}
		if timeout > 5*time.Second {
			t.Fatalf("with a timeout of %v\n%s", timeout, lost)
		}
		t.Logf("with a timeout of %v\n%s", timeout, lost)
	}
}

// lostLinks says which links were dropped. A peer that is silent is the clock: when
// our end, and libzmq's, have dropped it twice, they have had the time to drop each
// other.
func lostLinks(t *testing.T, at *env, timeout time.Duration) (lost string) {
	t.Helper()
	beats := options{"HEARTBEAT_IVL": 20, "HEARTBEAT_TIMEOUT": int(timeout.Milliseconds()), "HEARTBEAT_TTL": int(timeout.Milliseconds())}
	ours := gozmq.WithHeartbeat(20*time.Millisecond, timeout)
	s := at.serve(t, echo, ours)
	dialed := at.socket(t, "REQ", beats)
	dialed.connect(s.endpoint)
	dialed.await("HANDSHAKE_SUCCEEDED")
	bound := at.socket(t, "ROUTER", beats)
	c := dial(t, gozmq.Connect(bound.bind(at.endpoint())), ours)
	bound.await("HANDSHAKE_SUCCEEDED")

	clock := at.socket(t, "DEALER", beats)
	ln := at.listen(t)
	clock.connect(ln.endpoint)
	for range 2 {
		ln.accept().shake("ROUTER", 1)
		w := at.connect(t, s.endpoint)
		w.shake("DEALER", 1)
		clock.await("DISCONNECTED")
		w.wantClosed()
	}
	for _, z := range []*zmqSocket{dialed, bound} {
		if events := strings.Join(z.events(), " "); strings.Contains(events, "DISCONNECTED") {
			lost += fmt.Sprintf("libzmq's %s saw %s\n", z.kind, events)
		}
	}
	if n := s.count(gozmq.EventHeartbeatLost); n > 2 || c.count(gozmq.EventHeartbeatLost) > 0 {
		lost += fmt.Sprintf("our ends lost heartbeats:\n%s%s", s, c)
	}
	if lost != "" {
		return lost
	}
	dialed.send(encode(t, "still here"))
	want(t, "the reply", dialed.recv(), []string{encode(t, "still here")})
	return ""
}

func handshakeTimeout(t *testing.T, at *env) {
	for _, said := range [][]byte{nil, rawzmtp.Greeting(3, 1, "NULL")[:10], rawzmtp.Greeting(3, 1, "NULL"), append(rawzmtp.Greeting(3, 1, "NULL"), rawzmtp.FlagCommand)} {
		meet(t, at, func(m *meeting) {
			m.tryWrite(said) // the time may be over already
			m.wantRefusal("timed out")
		}, gozmq.WithConnectTimeout(testkit.Patience(), 100*time.Millisecond))
	}
}

func proxyTerminate(t *testing.T, at *env) {
	for _, pattern := range []gozmq.Pattern{gozmq.PatternReqRep, gozmq.PatternPubSub, gozmq.PatternPushPull} {
		p := relay(t, at, pattern)
		front := map[gozmq.Pattern]string{gozmq.PatternReqRep: "REQ", gozmq.PatternPubSub: "PUB", gozmq.PatternPushPull: "PUSH"}[pattern]
		back := map[gozmq.Pattern]string{gozmq.PatternReqRep: "REP", gozmq.PatternPubSub: "SUB", gozmq.PatternPushPull: "PULL"}[pattern]
		source, drain := at.dial(t, front, p.FrontAddrs()[0]), at.dial(t, back, p.BackAddrs()[0])
		if pattern == gozmq.PatternPubSub {
			drain.subscribe("")
			if !at.isLibzmq() {
				source.(*rawPeer).awaitCommand("SUBSCRIBE")
			} else {
				p.await(t, gozmq.EventSubscribed, 1)
				publishUntilHeard(t, source, drain)
			}
		}
		source.send("hello")
		want(t, "what comes through", drain.recv(), []string{"hello"})
		ctx, cancel := context.WithCancel(testkit.Within(t))
		done := make(chan error, 1)
		go func() { done <- p.Run(ctx) }()
		cancel()
		_ = testkit.Receive(t, done, "the end of Run") // it does not linger here
		for _, endpoint := range []string{p.FrontAddrs()[0], p.BackAddrs()[0]} {
			listenAt(t, endpoint)
		}
	}
}

// publishUntilHeard publishes until a libzmq PUB has taken note of the
// subscription, of which it does not tell, and reads it all.
func publishUntilHeard(t *testing.T, source, drain peer) {
	t.Helper()
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		drain.recv()
	}()
	for sent := 1; ; sent++ {
		source.send(fmt.Sprint(sent))
		select {
		case <-heard:
			source.send("last")
			for drain.recv()[0] != "last" {
			}
			return
		case <-time.After(time.Millisecond):
		}
	}
}

func wildcards(t *testing.T, at *env) {
	endpoints := map[columns]string{onTCP: "tcp://*:*", onLibzmqTCP: "tcp://*:*", onIPC: "ipc://*", onLibzmqIPC: "ipc://*"}
	endpoint := endpoints[at.column]
	if endpoint == "" {
		endpoint = at.endpoint() // inproc has none
	}
	s := serveAt(t, gozmq.Bind(endpoint), echo)
	if strings.Contains(s.endpoint, "*") {
		t.Fatalf("bound is %s", s.endpoint)
	}
	s.wantService(t, at)
	s.stop()
	if again := strings.Replace(s.endpoint, "0.0.0.0", "127.0.0.1", 1); !strings.HasPrefix(again, "ipc") {
		serveAt(t, gozmq.Bind(again), echo).wantService(t, at)
	}
}

func bindAfterConnect(t *testing.T, at *env) {
	free := func() string {
		ln := at.listen(t)
		ln.ln.Close()
		return ln.endpoint
	}
	where := free()
	c := dial(t, gozmq.Connect(where))
	done := c.begin(testkit.Within(t), "hello", gozmq.WithWaitForReady())
	rep := at.rebind(t, "REP", where)
	rep.send(rep.recv()...)
	wantReply(t, done, "hello")

	where = free()
	s := serveAt(t, gozmq.Connect(where), echo)
	dealer := at.rebind(t, "DEALER", where)
	shaken(dealer)
	s.await(t, gozmq.EventConnected, 1)
	dealer.send("", encode(t, "hello"))
	want(t, "the reply", dealer.recv(), []string{"", encode(t, "hello")})

	where = free()
	news := listen(t, subscribe(t, gozmq.Connect(where)), exactly("news"))
	xpub := at.rebind(t, "XPUB", where)
	wantSubscription(t, xpub, 1, "news")
	xpub.send(about(t, "news")...)
	news.want("news")

	where = free()
	p := publish(t, gozmq.Connect(where))
	sub := at.rebind(t, "SUB", where)
	sub.subscribe("news")
	p.awaitSubscribers(t, "news", 1)
	p.tell(t, "news")
	want(t, "the publication", sub.recv(), about(t, "news"))

	where = free()
	pushed := ventilate(t, gozmq.Connect(where)).pushAll(t, 1)
	pull := at.rebind(t, "PULL", where)
	want(t, "the task", pull.recv(), []string{encode(t, "0")})
	if err := testkit.Receive(t, pushed, "the end of pushing"); err != nil {
		t.Error(err)
	}

	where = free()
	results := collect(t, gozmq.Connect(where)).results(t)
	at.rebind(t, "PUSH", where).send(encode(t, "result"))
	results.want("result")
}

func rebind(t *testing.T, at *env) {
	where := at.endpoint()
	for range 10 {
		s := serveAt(t, gozmq.Bind(where), echo)
		where = s.endpoint
		s.wantService(t, at)
		if second, err := gozmq.NewSink(gozmq.Bind(where)); err == nil {
			_ = second.Close()
			t.Fatalf("%s was bound twice", where)
		}
		s.wantService(t, at)
		s.stop()
	}
}

// closeUnblocks lets something wait on each of our ends, and closes them.
func closeUnblocks(t *testing.T, at *env) {
	var wg sync.WaitGroup
	router, where := at.bind(t, "ROUTER")
	c := dial(t, gozmq.Connect(where))
	answered := c.begin(context.Background(), "never answered")
	router.recv()
	idle := dial(t, gozmq.Bind(at.endpoint()), gozmq.WithReadyTimeout(0))
	waiting := idle.begin(context.Background(), "for no one")
	v := ventilate(t, gozmq.Bind(at.endpoint()))
	pushed := make(chan error, 1)
	began := make(chan struct{})
	go func() {
		close(began)
		pushed <- gozmqimpl.Push(context.Background(), v.Ventilator, taskMethod, words("for no one"))
	}()
	<-began
	s := subscribe(t, gozmq.Bind(at.endpoint()))
	news := listen(t, s, exactly("news"))
	k := collect(t, gozmq.Bind(at.endpoint()))
	results := k.results(t)
	p := publish(t, gozmq.Bind(at.endpoint()))
	subscribers := make(chan error, 1)
	go func() { subscribers <- p.WaitForSubscribers(context.Background(), "news", 1) }()
	for _, end := range []interface{ Close() error }{c, idle, v, s, k, p} {
		wg.Go(func() { _ = end.Close() })
	}
	wg.Wait()
	wantCode(t, answered, gozmq.CodeUnavailable)
	wantCode(t, waiting, gozmq.CodeCanceled)
	for what, ch := range map[string]chan error{"Push": pushed, "WaitForSubscribers": subscribers} {
		if err := testkit.Receive(t, ch, what); err == nil {
			t.Errorf("%s returned no error", what)
		}
	}
	for what, s := range map[string]*stream{"subscription": news, "results": results} {
		if m, open := <-s.items; open {
			t.Errorf("%s: got %q", what, m)
		}
	}
}

func shutdownStress(t *testing.T, at *env) {
	s := at.serve(t, echo)
	var wg sync.WaitGroup
	defer wg.Wait() // before the test ends, whatever fails
	for i := range 100 {
		wg.Go(func() {
			c, err := gozmq.Dial(gozmq.Connect(s.endpoint), gozmq.WithLinger(0))
			if err != nil {
				t.Error(err)
				return
			}
			if i%2 == 0 {
				reply, err := gozmqimpl.Call[text](testkit.Within(t), c, echoMethod, words("hello"))
				if err != nil || string(reply.GetValue()) != "hello" {
					t.Errorf("got %v, %v", reply, err)
				}
			}
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	for range 10 {
		s.wantService(t, at)
	}
}

func timeouts(t *testing.T, at *env) {
	const limit = 50 * time.Millisecond
	router, where := at.bind(t, "ROUTER")
	c := dial(t, gozmq.Connect(where))
	shaken(router)
	c.await(t, gozmq.EventConnected, 1)
	start := time.Now()
	late := c.begin(testkit.Within(t), "never answered", gozmq.WithTimeout(limit))
	wantCode(t, late, gozmq.CodeDeadlineExceeded)
	if took := time.Since(start); took < limit {
		t.Errorf("the call ended after %v, want %v", took, limit)
	}
	done := c.begin(testkit.Within(t), "answered")
	request := router.recv()
	if request[2] == encode(t, "never answered") { // it was sent before its time was over
		request = router.recv()
	}
	router.send(request...)
	wantReply(t, done, "answered")

	v := ventilate(t, gozmq.Bind(at.endpoint()))
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if err := gozmqimpl.Push(ctx, v.Ventilator, taskMethod, words("for no one")); gozmq.CodeOf(err) != gozmq.CodeDeadlineExceeded {
		t.Errorf("Push returned %v", err)
	}
	s := collect(t, gozmq.Bind(at.endpoint()))
	for m, err := range gozmqimpl.Results[text](ctx, s.Sink, taskMethod) {
		t.Errorf("got %v, %v", m, err)
	}
}

func peerAddress(t *testing.T, at *env) {
	peers := make(chan string, 1)
	s := at.serve(t, func(ctx context.Context, req *text) (*text, error) {
		if info := gozmq.CallInfoFromContext(ctx); info != nil {
			peers <- info.Peer.Address
		}
		return req, nil
	})
	p := at.dial(t, "REQ", s.endpoint)
	p.send(encode(t, "who am I?"))
	p.recv()
	got := testkit.Receive(t, peers, "the address")
	if want := p.(*rawPeer).conn.LocalAddr().String(); at.column != onIPC && got != want {
		t.Errorf("the peer is %q, want %q", got, want)
	}
	if e := s.await(t, gozmq.EventConnected, 1); e.Peer != got {
		t.Errorf("the event has the peer %q, the call %q", e.Peer, got)
	}
}
