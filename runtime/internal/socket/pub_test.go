package socket

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/transport"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

func publishing(t *testing.T, cfg link.Config, maxSubs int, network string) (*Pub, transport.Endpoint) {
	t.Helper()
	p := NewPub(cfg, maxSubs)
	closing(t, p.Shutdown)
	return p, bind(t, p.Links(), network)
}

func pubConfig(events *recorder) link.Config { return testConfig(zmtp.Pub, events) }

// publish sends a message of one frame and returns whether anyone is to get it.
func publish(p *Pub, topic string) bool {
	var a Audience
	if !p.Audience([]byte(topic), &a) {
		return false
	}
	p.Send(&a, zmtptest.Message(topic))
	return true
}

// subscription is a subscription or its end in one of the two forms.
func subscription(minor byte, on bool, prefix string) []byte {
	switch {
	case minor == 0 && on:
		return zmtptest.Message("\x01" + prefix)
	case minor == 0:
		return zmtptest.Message("\x00" + prefix)
	case on:
		return zmtp.AppendCommand(nil, zmtp.CommandSubscribe, []byte(prefix))
	}
	return zmtp.AppendCommand(nil, zmtp.CommandCancel, []byte(prefix))
}

// TestPubPrefixes checks who gets what, with subscriptions in both forms.
func TestPubPrefixes(t *testing.T) {
	tests := []struct {
		name string
		subs []string
		want string // of the topics a, ab, abc, b and the empty one
	}{
		{"none", nil, ""},
		{"all", []string{""}, "a,ab,abc,b,,"},
		{"exact and longer", []string{"ab"}, "ab,abc,"},
		{"longer than any", []string{"abcd"}, ""},
		{"two that overlap: once", []string{"a", "ab"}, "a,ab,abc,"},
		{"two apart", []string{"abc", "b"}, "abc,b,"},
	}
	for _, network := range networks {
		for _, minor := range []byte{0, 1} {
			for _, tt := range tests {
				t.Run(fmt.Sprintf("%s/3.%d/%s", network, minor, tt.name), func(t *testing.T) {
					p, ep := publishing(t, pubConfig(newRecorder()), 10, network)
					sub := zmtptest.DialMinor(t, ep, "SUB", minor)
					for _, prefix := range append(tt.subs, "end") {
						sub.Send(subscription(minor, true, prefix))
					}
					if err := p.WaitSubscribers(testkit.Within(t), []byte("end"), 1); err != nil {
						t.Fatal(err)
					}
					for _, topic := range []string{"a", "ab", "abc", "b", "", "end"} {
						publish(p, topic)
					}
					got := ""
					for m := sub.Message(); string(m[0]) != "end"; m = sub.Message() {
						got += string(m[0]) + ","
					}
					if got != tt.want {
						t.Errorf("got %q, want %q", got, tt.want)
					}
				})
			}
		}
	}
}

// TestPubSubscriptionsAreASet checks that one cancel ends a subscription,
// however often it was made, and either form ends the other.
func TestPubSubscriptionsAreASet(t *testing.T) {
	for _, minor := range []byte{0, 1} {
		events := newRecorder()
		p, ep := publishing(t, pubConfig(events), 10, tcp)
		sub := zmtptest.DialMinor(t, ep, "SUB", minor)
		for range 3 {
			sub.Send(subscription(minor, true, "a"))
		}
		sub.Send(subscription(1-minor, true, "a"))
		sub.Send(subscription(minor, false, "never"))
		if e := events.await(t, link.Subscribed, 1); e.Topic != "a" || e.Peer != sub.LocalAddr().String() {
			t.Errorf("event %+v", e)
		}
		sub.Send(subscription(1-minor, false, "a"))
		events.await(t, link.Unsubscribed, 1)
		if publish(p, "a") {
			t.Error("a message has an audience, and nobody is subscribed")
		}
		if p.Subscribed() {
			t.Error("Subscribed is true")
		}
		sub.Send(subscription(minor, true, "z"))
		events.await(t, link.Subscribed, 2)
		if n := events.sum(link.Unsubscribed); n != 1 {
			t.Errorf("%d subscriptions were reported as ended, want 1", n)
		}
	}
}

// TestPubIgnoresOtherMessages checks that what a subscriber sends beside
// subscriptions has no effect.
func TestPubIgnoresOtherMessages(t *testing.T) {
	p, ep := publishing(t, pubConfig(newRecorder()), 10, tcp)
	sub := zmtptest.DialAs(t, ep, "XSUB")
	for _, b := range [][]byte{zmtptest.Message(""), zmtptest.Message("\x02a"), zmtptest.Message("\x01a", "more"), zmtptest.Message("hello"), zmtp.AppendCommand(nil, "WHAT", []byte("a"))} {
		sub.Send(b)
	}
	sub.Send(zmtptest.Message("\x01b"))
	if err := p.WaitSubscribers(testkit.Within(t), []byte("b"), 1); err != nil {
		t.Fatal(err)
	}
	if publish(p, "a") {
		t.Error("a message has an audience, and nobody is subscribed")
	}
	publish(p, "b")
	if m := sub.Message(); string(m[0]) != "b" {
		t.Errorf("got %q", m)
	}
}

// TestPubStalledSubscriber checks that it misses messages, which are counted,
// that others miss none, and that it gets what comes after it has caught up.
func TestPubStalledSubscriber(t *testing.T) {
	const messages, size = 500, 5000
	events := newRecorder()
	cfg := pubConfig(events)
	cfg.SendQueue = 50
	p, ep := publishing(t, cfg, 10, "inproc://pub-stalled")
	stalled, good := zmtptest.DialAs(t, ep, "SUB"), zmtptest.DialAs(t, ep, "SUB")
	stalled.Send(subscription(1, true, "n"))
	good.Send(subscription(1, true, "n"))
	if err := p.WaitSubscribers(testkit.Within(t), []byte("n"), 2); err != nil {
		t.Fatal(err)
	}
	topic := func(n int) string { return fmt.Sprintf("n%05d", n) + strings.Repeat("x", size) }
	fit := 64 << 10 / len(zmtptest.Message(topic(0))) // in the pipe
	for n := range messages {
		publish(p, topic(n))
		if m := good.Message(); string(m[0]) != topic(n) {
			t.Fatalf("the good subscriber got %.10q, want %.10q", m[0], topic(n))
		}
		if n < fit { // or the queue may be full while there is room behind it
			p.Links().Each(func(c *link.Conn) { testkit.Receive(t, c.Flushed(), "the last flush") })
		}
	}
	dropped := int(p.Dropped())
	if most := messages - cfg.SendQueue; dropped != most-fit {
		t.Errorf("%d of %d messages were dropped, want %d at a mark of %d", dropped, messages, most-fit, cfg.SendQueue)
	}
	for n := range messages - dropped { // what was kept is the beginning, without a gap
		if m := stalled.Message(); string(m[0]) != topic(n) {
			t.Fatalf("the stalled subscriber got %.10q, want %.10q", m[0], topic(n))
		}
	}
	publish(p, "new")
	if m := stalled.Message(); string(m[0]) != "new" {
		t.Errorf("got %.10q after it had caught up", m[0])
	}
	stalled.Close()
	if e := events.await(t, link.Dropped, 1); !errors.Is(e.Err, link.ErrFull) {
		t.Errorf("event %+v", e)
	}
	events.await(t, link.Disconnected, 1)
	if n := events.sum(link.Dropped); n != dropped {
		t.Errorf("%d drops were reported, %d are counted", n, dropped)
	}
}

// TestPubPeerGoes takes its subscriptions with it.
func TestPubPeerGoes(t *testing.T) {
	events := newRecorder()
	p, ep := publishing(t, pubConfig(events), 1000, tcp)
	stays, goes := zmtptest.DialAs(t, ep, "SUB"), zmtptest.DialAs(t, ep, "SUB")
	for i := range 100 {
		goes.Send(subscription(1, true, fmt.Sprint(i)))
	}
	stays.Send(subscription(1, true, "5"))
	events.await(t, link.Subscribed, 101)
	if err := p.WaitSubscribers(testkit.Within(t), []byte("5"), 2); err != nil {
		t.Fatal(err)
	}
	goes.Close()
	events.await(t, link.Disconnected, 1)
	for i := range 100 {
		topic := fmt.Sprint(i)
		if got := publish(p, topic); got != strings.HasPrefix(topic, "5") {
			t.Errorf("topic %s has an audience: %v", topic, got)
		}
	}
	if m := stays.Message(); string(m[0]) != "5" {
		t.Errorf("got %q", m)
	}
}

// TestPubLimits ends a peer that subscribes to too much, and no other.
func TestPubLimits(t *testing.T) {
	many := func(n int, size int) (b []byte) {
		for i := range n {
			b = append(b, subscription(1, true, fmt.Sprintf("%0*d", size, i))...)
		}
		return b
	}
	tests := []struct {
		name   string
		send   []byte
		reason string
	}{
		{"too many", many(20001, 5), "20000 subscriptions"},
		{"too long in a message", subscription(0, true, strings.Repeat("y", 2000)), "at most 1024"},
		{"too long", subscription(1, true, strings.Repeat("x", 1025)), "at most 1024"},
		{"much too long", subscription(0, true, strings.Repeat("x", 1<<20-1)), "at most 1024"},
		{"too many bytes", many(17000, 1024), "16777216 in all"},
	}
	events := newRecorder()
	p, ep := publishing(t, pubConfig(events), 20000, tcp)
	good := zmtptest.DialAs(t, ep, "SUB")
	good.Send(subscription(1, true, "good"))
	good.Send(subscription(1, true, strings.Repeat("x", 1024)))
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bad := zmtptest.DialAs(t, ep, "SUB")
			_, _ = bad.Write(tt.send)
			e := events.await(t, link.Disconnected, i+1)
			if e.Err == nil || !strings.Contains(e.Err.Error(), tt.reason) {
				t.Errorf("reason %v, want one with %q", e.Err, tt.reason)
			}
			bad.Drained()
		})
		publish(p, "good")
		if m := good.Message(); string(m[0]) != "good" {
			t.Errorf("got %q", m)
		}
	}
	if publish(p, "00001") {
		t.Error("the subscriptions of a peer that was closed are still there")
	}
}

func TestPubWaitSubscribers(t *testing.T) {
	p, ep := publishing(t, pubConfig(newRecorder()), 10, tcp)
	short, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	if err := p.WaitSubscribers(short, []byte("a"), 1); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "0 of 1") {
		t.Errorf("WaitSubscribers: %v", err)
	}
	waiting := make(chan error, 2)
	for n := range 2 {
		go func() { waiting <- p.WaitSubscribers(testkit.Within(t), []byte("ab"), 2+n*100) }()
	}
	zmtptest.DialAs(t, ep, "SUB").Send(subscription(1, true, "a"))
	zmtptest.DialAs(t, ep, "SUB").Send(subscription(1, true, "ab"))
	if err := testkit.Receive(t, waiting, "a result"); err != nil {
		t.Error(err)
	}
	if err := p.Shutdown(testkit.Within(t)); err != nil {
		t.Error(err)
	}
	if err := testkit.Receive(t, waiting, "a result"); !errors.Is(err, link.ErrClosed) {
		t.Errorf("WaitSubscribers during Shutdown: %v", err)
	}
}

// TestPubManySubscriptions: a peer with more subscriptions than are taken or
// forgotten in one go has all of them, and none once it is gone.
func TestPubManySubscriptions(t *testing.T) {
	const n = 3*max(removedAtOnce, paceChanges) + 1
	events := newRecorder()
	p, peer := subscribedTo(t, events, n)
	var a Audience
	for i := range n {
		if !p.Audience(fmt.Append(nil, "topic ", i, "."), &a) {
			t.Fatalf("subscription %d is missing", i)
		}
	}
	peer.Close()
	events.await(t, link.Disconnected, 1)
	if p.Subscribed() {
		t.Error("there are subscriptions of a peer that is gone")
	}
}

// subscribedTo returns a Pub and a peer of it that holds n subscriptions.
func subscribedTo(t *testing.T, events *recorder, n int) (*Pub, *zmtptest.Peer) {
	t.Helper()
	p := NewPub(testConfig(zmtp.Pub, events), n)
	closing(t, p.Shutdown)
	peer := zmtptest.DialAs(t, bind(t, p.Links(), tcp), "SUB")
	var b []byte
	for i := range n {
		b = zmtp.AppendCommand(b, zmtp.CommandSubscribe, fmt.Append(nil, "topic ", i, "."))
	}
	peer.Send(b)
	if err := p.WaitSubscribers(testkit.Within(t), fmt.Append(nil, "topic ", n-1, "."), 1); err != nil {
		t.Fatal(err)
	}
	return p, peer
}

// TestPubForgetsInLots: while what a peer has subscribed to is forgotten others
// have the lock again and again.
func TestPubForgetsInLots(t *testing.T) {
	const n = 100 * removedAtOnce
	for range 5 { // this goroutine may pause for as long as it takes, but not each time
		if seenBetween(t, n) > 0 {
			return
		}
	}
	t.Errorf("%d subscriptions were forgotten in one go", n)
}

// seenBetween has a peer with n subscriptions go, and returns how often some of
// them, and not all, were seen to be forgotten.
func seenBetween(t *testing.T, n int) (between int) {
	t.Helper()
	p, peer := subscribedTo(t, newRecorder(), n)
	peer.Close()
	for left := n; left > 0; {
		p.mu.Lock()
		now := p.subs.Len()
		p.mu.Unlock()
		if now != left && now > 0 {
			between++
		}
		left = now
	}
	return between
}
