package interop

import (
	"context"
	"fmt"
	"testing"

	weatherv1 "github.com/gozmq/gozmq/example/gen/weather/v1"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

// newProxy opens a proxy of ours and returns what both sides have bound, ""
// for a side that connects.
func newProxy(t *testing.T, pattern gozmq.Pattern, front, back gozmq.Endpoints, opts ...gozmq.ProxyOption) (p *gozmq.Proxy, frontAt, backAt string) {
	t.Helper()
	p, err := gozmq.NewProxy(pattern, append([]gozmq.ProxyOption{gozmq.Front(front), gozmq.Back(back)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	closing(t, p)
	first := func(addrs []string) string { return append(addrs, "")[0] }
	return p, first(p.FrontAddrs()), first(p.BackAddrs())
}

// proxyRows are proxies in a row, from front to back.
var proxyRows = []struct {
	name  string
	start func(t *testing.T, pattern gozmq.Pattern, front, back string) (frontAt, backAt string)
}{
	{"ours", func(t *testing.T, pattern gozmq.Pattern, _, _ string) (string, string) {
		_, front, back := newProxy(t, pattern, gozmq.Bind(anyPort), gozmq.Bind(anyPort))
		return front, back
	}},
	{"two of ours", func(t *testing.T, pattern gozmq.Pattern, _, _ string) (string, string) {
		_, front, middle := newProxy(t, pattern, gozmq.Bind(anyPort), gozmq.Bind(anyPort))
		_, _, back := newProxy(t, pattern, gozmq.Connect(middle), gozmq.Bind(anyPort))
		return front, back
	}},
	{"libzmq's before ours", func(t *testing.T, pattern gozmq.Pattern, front, back string) (string, string) {
		at, middle := startProxy(t, front, "bind", anyPort, back, "bind", anyPort)
		_, _, last := newProxy(t, pattern, gozmq.Connect(middle), gozmq.Bind(anyPort))
		return at, last
	}},
	{"ours before libzmq's", func(t *testing.T, pattern gozmq.Pattern, front, back string) (string, string) {
		_, at, middle := newProxy(t, pattern, gozmq.Bind(anyPort), gozmq.Bind(anyPort))
		_, last := startProxy(t, front, "connect", middle, back, "bind", anyPort)
		return at, last
	}},
	{"ours, libzmq's, ours", func(t *testing.T, pattern gozmq.Pattern, front, back string) (string, string) {
		_, at, first := newProxy(t, pattern, gozmq.Bind(anyPort), gozmq.Bind(anyPort))
		_, second := startProxy(t, front, "connect", first, back, "bind", anyPort)
		_, _, last := newProxy(t, pattern, gozmq.Connect(second), gozmq.Bind(anyPort))
		return at, last
	}},
}

// throughProxies runs a test with each of the rows between the two ends.
func throughProxies(t *testing.T, pattern gozmq.Pattern, front, back string, test func(t *testing.T, frontAt, backAt string)) {
	python(t)
	for _, row := range proxyRows {
		t.Run(row.name, func(t *testing.T) {
			leakChecked(t)
			frontAt, backAt := row.start(t, pattern, front, back)
			test(t, frontAt, backAt)
		})
	}
}

// TestOurProxyBetweenClientsAndServers: REQ and our client on one side, REP
// and, after it, our server on the other.
func TestOurProxyBetweenClientsAndServers(t *testing.T) {
	throughProxies(t, gozmq.PatternReqRep, "ROUTER", "DEALER", func(t *testing.T, front, back string) {
		client, _ := dialGreeter(t, gozmq.Connect(front))
		rep, _ := startPeer(t, "rep_server.py", "connect", back)
		check := func() {
			t.Helper()
			greet(t, client, "World", "Hello, World!")
			refused(t, client, "", gozmq.CodeInvalidArgument, "name must not be empty")
			req, _ := startPeer(t, "req_client.py", "connect", front, "Zoë", "")
			req.expect("reply Hello, Zoë!")
			req.expect("error 3 name must not be empty")
			req.wait()
		}
		check()
		serveGreeter(t, gozmq.Connect(back), &greeter{})
		check() // by both servers in turn
		rep.kill()
	})
}

// TestOurProxySurvivesREP: a REP that dies with a request costs the caller the time
// of its context and no one else anything.
func TestOurProxySurvivesREP(t *testing.T) {
	leakChecked(t)
	python(t)
	gone := make(chan struct{}, 8)
	_, front, back := newProxy(t, gozmq.PatternReqRep, gozmq.Bind(anyPort), gozmq.Bind(anyPort), gozmq.WithEventHandler(func(e gozmq.Event) {
		if e.Kind == gozmq.EventDisconnected && e.SocketType == "DEALER" {
			gone <- struct{}{}
		}
	}))
	client, _ := dialGreeter(t, gozmq.Connect(front))
	rep := newProbe(t, "REP", nil)
	rep.connect(back)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	lost := begin(ctx, client, "lost")
	rep.receive()
	rep.kill()
	get(t, gone)
	serveGreeter(t, gozmq.Connect(back), &greeter{})
	greet(t, client, "World", "Hello, World!")
	select {
	case c := <-lost:
		t.Fatalf("the lost call gave %v, %v before its context ended", c.reply, c.err)
	default:
	}
	cancel()
	if c := get(t, lost); gozmq.CodeOf(c.err) != gozmq.CodeCanceled {
		t.Errorf("the lost call gave %v, %v", c.reply, c.err)
	}
}

// TestOurProxyKeepsEnvelopes sends a libzmq DEALER's frames through our proxy
// and libzmq's to a libzmq ROUTER, and back.
func TestOurProxyKeepsEnvelopes(t *testing.T) {
	throughProxies(t, gozmq.PatternReqRep, "ROUTER", "DEALER", func(t *testing.T, front, back string) {
		dealer, router := newProbe(t, "DEALER", nil), newProbe(t, "ROUTER", nil)
		dealer.connect(front)
		router.connect(back)
		frames := [][]byte{[]byte("a"), []byte("b"), nil, []byte("method"), nil, []byte("body")}
		dealer.send(frames...)
		got := router.receive()
		routes := len(got) - len(frames)
		if routes < 2 { // the ROUTER's own and one for each proxy
			t.Fatalf("got %q, want the frames behind at least 2 routes", got)
		}
		wantFrames(t, got[routes:], frames...)
		router.send(append(got[:routes+3], []byte("reply"))...)
		wantFrames(t, dealer.receive(), []byte("a"), []byte("b"), nil, []byte("reply"))
	})
}

// TestOurProxyBetweenPublishersAndSubscribers: our publisher to SUB and our
// subscriber, then a Python publisher to both.
func TestOurProxyBetweenPublishersAndSubscribers(t *testing.T) {
	throughProxies(t, gozmq.PatternPubSub, "XSUB", "XPUB", func(t *testing.T, front, back string) {
		pub := newFeedPublisher(t, gozmq.Connect(front))
		readings := subscribe(t, gozmq.Connect(back), "ams")
		foreign, _ := startPeer(t, "subscriber.py", "connect", back, "amsterdam")
		for _, station := range []string{"ams", "amsterdam"} {
			subscribed(t, pub, "weather/"+station+"/temperature", 1)
		}
		publish(t, pub, &weatherv1.Reading{Station: "nowhere"}, &weatherv1.Reading{Station: "amsterdam", Celsius: 2}, &weatherv1.Reading{Station: "ams", Celsius: 1})
		if r := get(t, readings); r.GetStation() != "ams" || r.GetCelsius() != 1 {
			t.Fatalf("got %v", r)
		}
		foreign.expect("reading amsterdam 2.0")

		// An XPUB that comes later is told of what is subscribed to.
		late := newProbe(t, "XPUB", nil)
		late.connect(front)
		told := fmt.Sprintf("%q %q", late.receive()[0], late.receive()[0])
		ams, amsterdam := "\x01weather/ams/temperature", "\x01weather/amsterdam/temperature"
		if told != fmt.Sprintf("%q %q", ams, amsterdam) && told != fmt.Sprintf("%q %q", amsterdam, ams) {
			t.Fatalf("the late publisher was told %s", told)
		}
		late.send([]byte("weather/ams/temperature"), encode(t, &weatherv1.Reading{Station: "ams", Celsius: 3}))
		if r := get(t, readings); r.GetCelsius() != 3 {
			t.Fatalf("got %v", r)
		}
	})
}

// TestOurProxyMergesForXPUB: a libzmq XPUB that wants to hear of every
// subscription hears of one for several subscribers, and of its end once the
// last of them is gone.
func TestOurProxyMergesForXPUB(t *testing.T) {
	leakChecked(t)
	python(t)
	_, front, back := newProxy(t, gozmq.PatternPubSub, gozmq.Bind(anyPort), gozmq.Bind(anyPort))
	pub := newProbe(t, "XPUB", map[string]any{"XPUB_VERBOSER": 1})
	pub.connect(front)
	var subs []*probe
	for i := range 3 {
		sub := newProbe(t, "XSUB", nil)
		subs = append(subs, sub)
		sub.connect(back)
		sub.send([]byte("\x01topic"))
		sub.send([]byte(fmt.Sprint("\x01marker ", i)))
		if i == 0 {
			wantFrames(t, pub.receive(), []byte("\x01topic"))
		}
		wantFrames(t, pub.receive(), []byte(fmt.Sprint("\x01marker ", i)))
	}
	for i, sub := range subs {
		sub.send([]byte(fmt.Sprint("\x00marker ", i)))
		wantFrames(t, pub.receive(), []byte(fmt.Sprint("\x00marker ", i)))
		sub.send([]byte("\x00topic"))
	}
	wantFrames(t, pub.receive(), []byte("\x00topic"))
}

// TestOurProxyBetweenVentilatorsAndWorkers: our ventilator and PUSH to a Python
// worker and our sink.
func TestOurProxyBetweenVentilatorsAndWorkers(t *testing.T) {
	throughProxies(t, gozmq.PatternPushPull, "PULL", "PUSH", func(t *testing.T, front, back string) {
		results, at := newSink(t, gozmq.Bind(anyPort))
		worker, _ := startPeer(t, "worker.py", "connect", back, "connect", at[0])
		vent := newVentilator(t, gozmq.Connect(front))
		render(t, vent, "a.png", "b.png")
		wantResults(t, results, "a.png by python", "b.png by python")
		foreign, _ := startPeer(t, "ventilator.py", "connect", front, "c.png", "d.png")
		wantResults(t, results, "c.png by python", "d.png by python")
		foreign.wait()
		worker.kill()
	})
}

// TestOurProxyBetweenPythonAndWorkers: PUSH to our worker and PULL.
func TestOurProxyBetweenPythonAndWorkers(t *testing.T) {
	throughProxies(t, gozmq.PatternPushPull, "PULL", "PUSH", func(t *testing.T, front, back string) {
		sink, results := startPeer(t, "sink.py", "bind", anyPort)
		work(t, gozmq.From(gozmq.Connect(back)), gozmq.To(gozmq.Connect(results[0])))
		foreign, _ := startPeer(t, "ventilator.py", "connect", front, "a.png", "b.png")
		sink.expect("result a.png gozmq a small picture")
		sink.expect("result b.png gozmq a small picture")
		foreign.wait()
	})
}
