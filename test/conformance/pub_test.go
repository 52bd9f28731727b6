package conformance

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqimpl"
)

// pubDrops publishes to a peer that reads and one that does not, until the
// latter has missed something, and accounts for every message.
func pubDrops(t *testing.T, at *env) {
	p := publish(t, gozmq.Bind(at.endpoint()), gozmq.WithSendQueue(10, 1<<20))
	deaf, good := at.dial(t, "SUB", p.Addrs()[0]).(*rawPeer), at.dial(t, "SUB", p.Addrs()[0])
	deaf.subscribe("n")
	good.subscribe("n")
	p.awaitSubscribers(t, "n", 2)
	padding := strings.Repeat("x", 32<<10)
	sent := 0
	for p.Dropped() < 5 {
		topic := fmt.Sprintf("n%06d%s", sent, padding[:20_000])
		p.tell(t, topic)
		want(t, "the publication", good.recv(), about(t, topic))
		if sent++; sent > 10_000 {
			t.Fatal("nothing is ever dropped")
		}
	}
	dropped := int(p.Dropped())
	last := ""
	for range sent - dropped {
		m := deaf.recv()
		if m[0] <= last {
			t.Fatalf("%.10q came after %.10q", m[0], last)
		}
		last = m[0]
	}
	// There is room again: the next one is the next that it gets.
	p.tell(t, "next")
	want(t, "the publication", deaf.recv(), about(t, "next"))
	_ = p.Close()
	reported := 0
	for i := range p.count(gozmq.EventDropped) {
		reported += p.await(t, gozmq.EventDropped, i+1).Count
	}
	if reported != dropped {
		t.Errorf("%d messages were reported as dropped, %d were", reported, dropped)
	}
}

func pubPrefix(t *testing.T, at *env) {
	p := publish(t, gozmq.Bind(at.endpoint()))
	everything, some := at.dial(t, "SUB", p.Addrs()[0]), at.dial(t, "SUB", p.Addrs()[0])
	everything.subscribe("")
	some.subscribe("ab")
	p.awaitSubscribers(t, "ab", 2)
	p.tell(t, "a", "ab", "b", "abc", "cab", "aB", "ab\x00")
	for _, topic := range []string{"a", "ab", "b", "abc", "cab", "aB", "ab\x00"} {
		want(t, "the publication", everything.recv(), about(t, topic))
	}
	for _, topic := range []string{"ab", "abc", "ab\x00"} {
		want(t, "the publication", some.recv(), about(t, topic))
	}
}

func pubIgnores(t *testing.T, at *env) {
	p := publish(t, gozmq.Bind(at.endpoint()))
	x := at.dial(t, "XSUB", p.Addrs()[0])
	x.send("\x02hello")
	x.send("")
	x.send("\x01not", "a subscription")
	x.send("\x01news")
	p.awaitSubscribers(t, "news", 1)
	p.tell(t, "not", "news")
	want(t, "the publication", x.recv(), about(t, "news"))
	if n := p.count(gozmq.EventDisconnected); n > 0 {
		t.Errorf("the peer was disconnected: %s", p)
	}
}

func pubSlowJoiner(t *testing.T, at *env) {
	p := publish(t, gozmq.Bind(at.endpoint()))
	p.tell(t, "too early")
	for i := range 3 {
		s := at.dial(t, "SUB", p.Addrs()[0])
		s.subscribe("now")
		p.awaitSubscribers(t, "now", i+1)
		topic := fmt.Sprint("now", i)
		p.tell(t, topic)
		want(t, "the publication", s.recv(), about(t, topic))
	}
}

func xpubPasses(t *testing.T, at *env) {
	p := relay(t, at, gozmq.PatternPubSub)
	source := at.dial(t, "XPUB", p.FrontAddrs()[0])
	one, two := at.dial(t, "SUB", p.BackAddrs()[0]), at.dial(t, "SUB", p.BackAddrs()[0])
	one.subscribe("a")
	wantSubscription(t, source, 1, "a")
	two.subscribe("a")
	p.await(t, gozmq.EventSubscribed, 2)
	two.subscribe("b")
	wantSubscription(t, source, 1, "b")
	source.send("a1", "body")
	want(t, "the publication", one.recv(), []string{"a1", "body"})
	want(t, "the publication", two.recv(), []string{"a1", "body"})
	one.cancel("a")
	p.await(t, gozmq.EventUnsubscribed, 1)
	two.cancel("b")
	wantSubscription(t, source, 0, "b")
	two.cancel("a")
	wantSubscription(t, source, 0, "a")
}

func xpubGone(t *testing.T, at *env) {
	p := relay(t, at, gozmq.PatternPubSub)
	source := at.dial(t, "XPUB", p.FrontAddrs()[0])
	one, two := at.dial(t, "SUB", p.BackAddrs()[0]), at.dial(t, "SUB", p.BackAddrs()[0])
	one.subscribe("a")
	wantSubscription(t, source, 1, "a")
	two.subscribe("a")
	p.await(t, gozmq.EventSubscribed, 2)
	one.close()
	two.subscribe("b")
	wantSubscription(t, source, 1, "b") // and not the end of a
	two.close()
	got := map[string]bool{}
	for range 2 {
		got[nextCancellation(t, source)] = true
	}
	if !got["a"] || !got["b"] {
		t.Errorf("cancelled were %v", got)
	}
}

// nextCancellation returns the next prefix that is given up.
func nextCancellation(t *testing.T, p peer) string {
	t.Helper()
	if r, ok := p.(*rawPeer); ok {
		name, data := r.command()
		if name != "CANCEL" {
			t.Fatalf("got %s %q", name, data)
		}
		return data
	}
	prefix, ok := strings.CutPrefix(p.recv()[0], "\x00")
	if !ok {
		t.Fatalf("got a subscription to %q", prefix)
	}
	return prefix
}

func subFair(t *testing.T, at *env) {
	publishers, endpoints := at.several(t, "XPUB", 2)
	s := subscribe(t, gozmq.Connect(endpoints...))
	everything := listen(t, s, under("n"))
	for _, p := range publishers {
		wantSubscription(t, p, 1, "n")
	}
	stop := floods(at, publishers[0], about(t, "nLoud")...)
	defer stop()
	for i := range 5 {
		topic := fmt.Sprint("n", i)
		publishers[1].send(about(t, topic)...)
		for everything.next() != topic {
		}
	}
}

func conflate(t *testing.T, at *env) {
	const n = 100
	p, where := at.bind(t, "XPUB")
	s := subscribe(t, gozmq.Connect(where))
	latest, err := gozmqimpl.Open(s.Subscriber, news, []exactly{"n"},
		[]gozmq.SubscriptionOption{gozmq.WithReceiveQueue(1, 1<<20), gozmq.WithOverflow(gozmq.OverflowDropOldest)})
	if err != nil {
		t.Fatal(err)
	}
	wantSubscription(t, p, 1, "n")
	for i := range n {
		p.send("n", encode(t, fmt.Sprint(i)))
	}
	testkit.Eventually(t, "the last message", func() bool { return latest.Dropped() == n-1 })
	follow(t, latest.All).want(fmt.Sprint(n - 1))
	if err := latest.Close(); err != nil {
		t.Error(err)
	}
}
