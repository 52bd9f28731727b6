package gozmq

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/relay"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

func TestProxyPubSub(t *testing.T) {
	overChains(t, PatternPubSub, func(t *testing.T, c chain) {
		pubs := []*Publisher{publisher(t, Connect(c.front())), publisher(t, Connect(c.front()))}
		subs := []*stream[*reading]{
			listen(t, pubs[0], subscriber(t, Connect(c.back())), stations("ams")...),
			listen(t, pubs[0], subscriber(t, Connect(c.back())), stations("ams", "fra")...),
		}
		for i, pub := range pubs {
			for _, topic := range []string{"weather/ams/temperature", "weather/fra/temperature"} {
				if err := pub.WaitForSubscribers(testkit.Within(t), topic, 1); err != nil {
					t.Fatal(err)
				}
			}
			publish(t, pub, at("fra", fmt.Sprint(i)), at("nowhere", ""), at("ams", fmt.Sprint(i)))
			if m := subs[0].next(t); m.GetStation() != "ams" || m.GetNote() != fmt.Sprint(i) {
				t.Errorf("got %v", m)
			}
			for _, station := range []string{"fra", "ams"} {
				if m := subs[1].next(t); m.GetStation() != station || m.GetNote() != fmt.Sprint(i) {
					t.Errorf("got %v, want %s", m, station)
				}
			}
		}
	})
}

// A publisher is told of a prefix once, however many subscribe to it, and told
// again when the last has given it up or gone. Subscriptions come as commands
// and in the form of ZMTP 3.0.
func TestProxyMergesSubscriptions(t *testing.T) {
	c := newChain(t, PatternPubSub, "tcp://127.0.0.1:*", 2)
	pub := dialRaw(t, c.front(), zmtp.Pub)
	var peers []*rawPeer
	for i := range 6 {
		p := dialRaw(t, c.back(), zmtp.Sub)
		peers = append(peers, p)
		p.subscribe(i, true, "topic")
		p.subscribe(i, true, "topic") // a peer's second one counts for nothing
		p.subscribe(i, true, fmt.Sprintf("marker %d", i))
		if i == 0 {
			pub.wantChanges("+topic")
		}
		pub.wantChanges(fmt.Sprintf("+marker %d", i))
	}
	for i, p := range peers[1:] {
		p.subscribe(i, false, "topic")
		p.subscribe(i, false, "topic") // not held any more
		p.subscribe(i, false, "never held")
		p.subscribe(i, true, fmt.Sprintf("after %d", i+1))
		pub.wantChanges(fmt.Sprintf("+after %d", i+1))
	}
	peers[0].subscribe(0, false, "topic")
	pub.wantChanges("-topic")
	peers[0].subscribe(0, true, "topic")
	pub.wantChanges("+topic")
	peers[0].Close()
	pub.wantChanges("-marker 0", "-topic")
	for i, p := range peers[1:] {
		p.Close()
		pub.wantChanges(fmt.Sprintf("-after %d", i+1), fmt.Sprintf("-marker %d", i+1))
	}
}

// subscribe subscribes or cancels, in one of the two forms.
func (p *rawPeer) subscribe(form int, on bool, prefix string) {
	p.t.Helper()
	command, first := zmtp.CommandSubscribe, "\x01"
	if !on {
		command, first = zmtp.CommandCancel, "\x00"
	}
	if form%2 == 0 {
		p.Send(zmtp.AppendCommand(nil, command, []byte(prefix)))
	} else {
		p.send(first + prefix)
	}
}

// change reads the next subscription, as "+prefix", or cancellation, as
// "-prefix".
func (p *rawPeer) change() string {
	p.t.Helper()
	for {
		switch name, data := p.Command(); name {
		case zmtp.CommandSubscribe:
			return "+" + string(data)
		case zmtp.CommandCancel:
			return "-" + string(data)
		}
	}
}

// wantChanges reads as many changes as are wanted, in any order.
func (p *rawPeer) wantChanges(want ...string) {
	p.t.Helper()
	var got []string
	for range want {
		got = append(got, p.change())
	}
	slices.Sort(got)
	if !equal(got, want) {
		p.t.Fatalf("the publisher was told %q, want %q", got, want)
	}
}

func wantSubscribers(t *testing.T, pub *Publisher, topic string, n int) {
	t.Helper()
	if err := pub.WaitForSubscribers(testkit.Within(t), topic, n); err != nil {
		t.Fatal(err)
	}
}

// Subscribers change their minds at random; the publisher is told of a prefix
// when it does not know it, and of its end when it does, and knows in the end
// what is subscribed to.
func TestProxyRandomSubscriptions(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	c := newChain(t, PatternPubSub, "tcp://127.0.0.1:*", 2)
	pub := dialRaw(t, c.front(), zmtp.Pub)
	held := make([]map[string]bool, 5)
	var peers []*rawPeer
	for i := range held {
		held[i] = map[string]bool{}
		peers = append(peers, dialRaw(t, c.back(), zmtp.Sub))
	}
	for range 2000 {
		i, topic, on := random.IntN(len(peers)), strings.Repeat("x", random.IntN(6)), random.IntN(2) == 0
		peers[i].subscribe(random.IntN(2), on, topic)
		held[i][topic] = on
	}
	want := map[string]bool{}
	for i, p := range peers {
		p.subscribe(0, true, fmt.Sprintf("last %d", i))
		for topic, on := range held[i] {
			want[topic] = want[topic] || on
		}
	}
	now := map[string]bool{}
	for last := 0; last < len(peers); {
		change := pub.change()
		on, topic := change[0] == '+', change[1:]
		if now[topic] == on {
			t.Fatalf("the publisher was told %q twice", change)
		}
		if now[topic] = on; strings.HasPrefix(topic, "last") {
			last++
		}
	}
	for topic, on := range want {
		if now[topic] != on {
			t.Errorf("%q is subscribed to at the publisher: %v, want %v", topic, now[topic], on)
		}
	}
}

// A publisher that connects later, or again, is told of every subscription.
func TestProxyTellsLatePublisher(t *testing.T) {
	c := newChain(t, PatternPubSub, "tcp://127.0.0.1:*", 2)
	sub := dialRaw(t, c.back(), zmtp.Sub)
	for i := range 100 {
		sub.subscribe(i, true, fmt.Sprint("topic ", i))
	}
	for range 2 {
		pub, err := NewPublisher(Connect(c.front()))
		if err != nil {
			t.Fatal(err)
		}
		for i := range 100 {
			wantSubscribers(t, pub, fmt.Sprint("topic ", i, " and more"), 1)
		}
		if err := pub.Close(); err != nil {
			t.Error(err)
		}
	}
}

// Only those get a message who subscribed to it, and it comes as it was sent.
func TestProxyPublishesToAudience(t *testing.T) {
	p := proxy(t, PatternPubSub, Bind("tcp://127.0.0.1:*"), Bind("tcp://127.0.0.1:*"))
	pub := dialRaw(t, p.FrontAddrs()[0], zmtp.Pub)
	one, other := dialRaw(t, p.BackAddrs()[0], zmtp.Sub), dialRaw(t, p.BackAddrs()[0], zmtp.XSub)
	one.subscribe(0, true, "a")
	other.subscribe(1, true, "b")
	pub.wantChanges("+a", "+b")
	big := strings.Repeat("x", 300)
	pub.send("c", "for no one")
	pub.send("b")
	pub.send("ab", "", "two", big)
	if got := one.recv(); !equal(got, []string{"ab", "", "two", big}) {
		t.Errorf("got %.80q", got)
	}
	if got := other.recv(); !equal(got, []string{"b"}) {
		t.Errorf("got %q", got)
	}
	wantStats(t, p, ProxyStats{ToBack: 2})
}

// A subscriber that does not read misses messages; others miss none.
func TestProxySlowSubscriber(t *testing.T) {
	p := proxy(t, PatternPubSub, Bind("tcp://127.0.0.1:*"), Bind("tcp://127.0.0.1:*"), WithSendQueue(1000, 1<<20))
	pub := publisher(t, Connect(p.FrontAddrs()...))
	sub := listen(t, pub, subscriber(t, Connect(p.BackAddrs()...)), stations("ams")...)
	slow := dialRaw(t, p.BackAddrs()[0], zmtp.Sub)
	slow.subscribe(0, true, "")
	wantSubscribers(t, pub, "", 1)
	note := strings.Repeat("x", 256<<10)
	for i := 0; p.Stats().Dropped == 0; i++ {
		publish(t, pub, at("ams", fmt.Sprint(i, note)))
		if m := sub.next(t); !strings.HasPrefix(m.GetNote(), fmt.Sprint(i, "x")) {
			t.Fatalf("message %d is %.20q", i, m.GetNote())
		}
	}
}

// What subscribers may make a proxy hold is limited, as a publisher limits what
// the proxy may; whoever goes beyond is disconnected alone.
func TestProxyLimitsSubscriptions(t *testing.T) {
	events := newRecorder()
	p := proxy(t, PatternPubSub, Bind("tcp://127.0.0.1:*"), Bind("tcp://127.0.0.1:*"), WithMaxSubscriptions(16), events.option())
	pub := publisher(t, Connect(p.FrontAddrs()...), WithMaxSubscriptions(16))
	hold := func(peer int, n int) *rawPeer {
		s := dialRaw(t, p.BackAddrs()[0], zmtp.Sub)
		for i := range n {
			s.subscribe(i, true, fmt.Sprint(peer, " ", i))
		}
		return s
	}
	for peer := range 8 {
		hold(peer, 2)
		for i := range 2 {
			wantSubscribers(t, pub, fmt.Sprint(peer, " ", i), 1)
		}
	}
	ended := func(peer *rawPeer, n int, reason string) {
		t.Helper()
		peer.wantClosed()
		wantText(t, events.wait(t, EventDisconnected, n).Err, reason)
	}
	ended(hold(8, 1), 1, "no more are allowed") // one of all too many: it comes and goes
	ended(hold(0, 3), 2, "no more are allowed") // one of its own too many
	huge := dialRaw(t, p.BackAddrs()[0], zmtp.Sub)
	huge.subscribe(0, true, strings.Repeat("x", 1<<10+1))
	ended(huge, 3, "")
	same := hold(1, 2) // which are there already
	events.wait(t, EventSubscribed, 16+1+2+2)
	pub1 := dialRaw(t, p.FrontAddrs()[0], zmtp.Pub)
	pub1.send("1 1", "body")
	if got := same.recv(); got[1] != "body" {
		t.Errorf("got %q", got)
	}
}

// A publisher that does not read what it is told, while subscribers change
// their minds without end, is disconnected and told anew when it comes back.
func TestProxyDropsDeafPublisher(t *testing.T) {
	p := proxy(t, PatternPubSub, Bind("tcp://127.0.0.1:*"), Bind("tcp://127.0.0.1:*"), WithMaxSubscriptions(16))
	deaf := dialRaw(t, p.FrontAddrs()[0], zmtp.Pub)
	sub := dialRaw(t, p.BackAddrs()[0], zmtp.Sub)
	sub.subscribe(0, true, "first")
	deaf.wantChanges("+first")
	var conn *link.Conn
	front, _ := p.relay.Links()
	front.Each(func(c *link.Conn) { conn = c })
	topic := []byte(strings.Repeat("x", 1<<10))
	var flap []byte
	for range 1 << 9 {
		flap = zmtp.AppendCommand(flap, zmtp.CommandSubscribe, topic)
		flap = zmtp.AppendCommand(flap, zmtp.CommandCancel, topic)
	}
	for range 4 * relay.UnreadSubscriptions >> 20 { // 1 MiB at a time
		if conn.Err() != nil {
			break
		}
		sub.Send(flap)
	}
	testkit.Receive(t, conn.Closed(), "the end of the connection")
	if err := conn.Err(); err != relay.ErrSubscriptionsUnread {
		t.Fatalf("the publisher was disconnected because of %v", err)
	}
	next := dialRaw(t, p.FrontAddrs()[0], zmtp.Pub)
	for next.change() != "+first" {
	}
}

// Two proxies in a row capture and count what each passes on: what was asked
// for, once, and nothing else.
func TestProxyPubSubCaptureAndCounters(t *testing.T) {
	overEach(t, func(t *testing.T, s site) {
		var mu sync.Mutex
		var seen []string
		c := newChain(t, PatternPubSub, s.endpoint, 2, WithCaptureHandler(func(m ProxyMessage) {
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, fmt.Sprintf("%v %d %s", m.ToFront, len(m.Frames), m.Frames[0]))
		}))
		p := publisher(t, Connect(c.front()))
		first, second := listen(t, p, subscriber(t, Connect(c.back())), stations("ams")...), listen(t, p, subscriber(t, Connect(c.back())), stations("ams", "fra")...)
		if err := p.WaitForSubscribers(testkit.Within(t), "weather/fra/temperature", 1); err != nil {
			t.Fatal(err)
		}
		publish(t, p, at("nowhere", ""), at("fra", ""), at("ams", ""), at("nowhere", ""))
		wantEqual(t, second.next(t), at("fra", ""))
		wantEqual(t, second.next(t), at("ams", ""))
		wantEqual(t, first.next(t), at("ams", ""))
		for _, hop := range c {
			wantStats(t, hop, ProxyStats{ToBack: 2})
		}
		mu.Lock()
		defer mu.Unlock()
		slices.Sort(seen)
		if want := []string{"false 2 weather/ams/temperature", "false 2 weather/ams/temperature", "false 2 weather/fra/temperature", "false 2 weather/fra/temperature"}; !slices.Equal(seen, want) {
			t.Errorf("captured %q, want %q", seen, want)
		}
	})
}
