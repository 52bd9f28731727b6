package conformance

import (
	"strings"
	"testing"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/test/internal/rawzmtp"
)

func subscriptionForms(t *testing.T, at *env) {
	p := publish(t, gozmq.Bind(at.endpoint()))
	forms := map[string][2]func(string) []byte{
		"commands": {
			func(s string) []byte { return rawzmtp.Command("SUBSCRIBE", s) },
			func(s string) []byte { return rawzmtp.Command("CANCEL", s) },
		},
		"messages": {
			func(s string) []byte { return rawzmtp.Message("\x01" + s) },
			func(s string) []byte { return rawzmtp.Message("\x00" + s) },
		},
	}
	served := 0
	for name, form := range forms {
		for _, minor := range []byte{0, 1} {
			w := at.connect(t, p.Addrs()[0])
			w.shake("SUB", minor)
			w.write(form[0]("a"), form[0]("b"))
			p.awaitSubscribers(t, "b", 1)
			p.tell(t, "a1", "b1")
			want(t, name, w.message(), about(t, "a1"))
			want(t, name, w.message(), about(t, "b1"))
			w.write(form[1]("a"), form[0]("c"))
			p.awaitSubscribers(t, "c", 1)
			p.tell(t, "a2", "b2")
			want(t, name, w.message(), about(t, "b2"))
			w.close()
			served++
			testkit.Eventually(t, "the end of the subscription", func() bool { return p.count(gozmq.EventDisconnected) == served })
		}
	}
}

func subscriptionSet(t *testing.T, at *env) {
	p := publish(t, gozmq.Bind(at.endpoint()))
	w := at.connect(t, p.Addrs()[0])
	w.shake("SUB", 1)
	w.write(rawzmtp.Command("SUBSCRIBE", "a"), rawzmtp.Command("SUBSCRIBE", "a"), rawzmtp.Message("\x01a"), rawzmtp.Command("CANCEL", "never"), rawzmtp.Command("SUBSCRIBE", "ab"))
	p.awaitSubscribers(t, "ab", 1)
	p.tell(t, "abc") // matches twice, is sent once
	w.write(rawzmtp.Command("CANCEL", "a"), rawzmtp.Command("SUBSCRIBE", "z"))
	p.awaitSubscribers(t, "z", 1)
	p.tell(t, "a", "abd", "z")
	for _, topic := range []string{"abc", "abd", "z"} {
		want(t, "the publication", w.message(), about(t, topic))
	}
}

// wantSubscription waits for the next subscription, or cancellation, that a
// publisher of either form is told of.
func wantSubscription(t *testing.T, p peer, first byte, prefix string) {
	t.Helper()
	if z, ok := p.(*zmqSocket); ok {
		want(t, "the subscription", z.recv(), []string{string(rune(first)) + prefix})
		return
	}
	r := p.(*rawPeer)
	r.meet()
	name := map[byte]string{0: "CANCEL", 1: "SUBSCRIBE"}[first]
	if got, data := r.command(); got != name || data != prefix {
		t.Fatalf("got %s %q, want %s %q", got, data, name, prefix)
	}
}

func subscriberCounts(t *testing.T, at *env) {
	p, where := at.bind(t, "XPUB")
	s := subscribe(t, gozmq.Connect(where))
	one := listen(t, s, exactly("a"))
	wantSubscription(t, p, 1, "a")
	two := listen(t, s, exactly("a"))
	three := listen(t, s, exactly("b"))
	wantSubscription(t, p, 1, "b")
	p.send(about(t, "a")...)
	one.want("a")
	two.want("a")
	one.stop()
	three.stop()
	wantSubscription(t, p, 0, "b")
	p.send(about(t, "a")...)
	two.want("a")
	two.stop()
	wantSubscription(t, p, 0, "a")
}

func resubscription(t *testing.T, at *env) {
	p, where := at.bind(t, "XPUB")
	s := subscribe(t, gozmq.Connect(where))
	one := listen(t, s, exactly("a"))
	wantSubscription(t, p, 1, "a")
	listen(t, s, exactly("b"))
	wantSubscription(t, p, 1, "b")
	for i := range 2 {
		p.close()
		s.await(t, gozmq.EventDisconnected, i+1)
		p = at.rebind(t, "XPUB", where)
		got := map[string]bool{}
		for range 2 {
			got[nextSubscription(t, p)] = true
		}
		if !got["a"] || !got["b"] {
			t.Fatalf("the subscriptions are %v", got)
		}
		p.send(about(t, "a")...)
		one.want("a")
	}
}

// nextSubscription returns the next prefix that is subscribed to.
func nextSubscription(t *testing.T, p peer) string {
	t.Helper()
	if r, ok := p.(*rawPeer); ok {
		r.meet()
		name, data := r.command()
		if name != "SUBSCRIBE" {
			t.Fatalf("got %s %q", name, data)
		}
		return data
	}
	prefix, ok := strings.CutPrefix(p.recv()[0], "\x01")
	if !ok {
		t.Fatalf("got a cancellation of %q", prefix)
	}
	return prefix
}

func legacySubscriptions(t *testing.T, at *env) {
	ln := at.listen(t)
	s := subscribe(t, gozmq.Connect(ln.endpoint))
	a := listen(t, s, exactly("a"))
	w := ln.accept()
	w.shake("PUB", 0)
	for _, step := range []string{"\x01a", "\x00a"} {
		flags, content, err := w.frame()
		if err != nil || flags != 0 || content != step {
			t.Fatalf("got %q with flags %#x, %v, want the message %q", content, flags, err, step)
		}
		a.stop()
	}
}

func longPrefix(t *testing.T, at *env) {
	for _, n := range []int{245, 246, 255, 256, 1000} {
		topic := strings.Repeat("t", n)
		p, where := at.bind(t, "XPUB")
		s := subscribe(t, gozmq.Connect(where))
		a := listen(t, s, exactly(topic))
		wantSubscription(t, p, 1, topic[:245])
		p.send(topic, encode(t, "right"))
		p.send(topic+"t", encode(t, "too long"))
		p.send(topic[:n-1]+"u", encode(t, "another"))
		p.send(topic, encode(t, "right again"))
		a.want("right", "right again")
		a.stop()
		wantSubscription(t, p, 0, topic[:245])
	}
}

// pendingPeers lets a connection that never shakes hands stand before one that
// does.
func pendingPeers(t *testing.T, at *env) {
	v := ventilate(t, gozmq.Bind(at.endpoint()))
	for _, said := range [][]byte{nil, rawzmtp.Greeting(3, 1, "NULL")[:40], rawzmtp.Greeting(3, 1, "NULL")} {
		w := at.connect(t, v.Addrs()[0])
		w.write(said)
		w.read(64)
	}
	p := at.dial(t, "PULL", v.Addrs()[0])
	v.awaitWorkers(t, 1)
	for _, task := range []string{"a", "b", "c", "d"} {
		v.push(t, task)
		want(t, "the task", p.recv(), []string{encode(t, task)})
	}
	v.await(t, gozmq.EventConnected, 1)
	if n := v.count(gozmq.EventConnected); n != 1 {
		t.Errorf("%d peers are connected, want 1", n)
	}
}
