package socket

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/notify"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// retain publishes under a topic that is retained and sequenced.
func retain(p *Pub, topic, body string) {
	var a Audience
	p.SendWith(Sequenced|Retained, []byte(topic), topicAndBody(topic, body), nil, &a)
}

// remembering is publishing, with a topic store and a queue of that many messages.
func remembering(t *testing.T, queue int) (*Pub, func() *zmtptest.Peer) {
	t.Helper()
	cfg := pubConfig(newRecorder())
	cfg.SendQueue = queue
	p, ep := publishing(t, cfg, 100, tcp)
	p.KeepTopics(1<<16, 64<<20, stampFrame)
	return p, func() *zmtptest.Peer { return zmtptest.DialAs(t, ep, "SUB") }
}

// messages reads up to the message whose topic is end, which is left out.
func messages(sub *zmtptest.Peer, end string) (list []string) {
	for m := sub.Message(); string(m[0]) != end; m = sub.Message() {
		list = append(list, string(m[0])+"="+string(m[1]))
	}
	return list
}

// TestRetained checks what a peer gets for each of its subscriptions: the last
// messages that no other one covers, in the order in which they were published.
func TestRetained(t *testing.T) {
	p, dial := remembering(t, 1000)
	for _, m := range []string{"b=1", "a=1", "ab=1", "a=2", "c=1"} {
		topic, body, _ := strings.Cut(m, "=")
		retain(p, topic, body)
	}
	sub := dial()
	for i, step := range []struct {
		on     bool
		prefix string
		want   string
	}{
		{true, "ab", "ab=1"},
		{true, "a", "a=2"},
		{true, "a", ""},
		{true, "", "b=1 c=1"},
		{true, "c", ""},
		{false, "", ""},
		{true, "b", "b=1"},
		{false, "a", ""},
		{false, "ab", ""},
		{true, "a", "ab=1 a=2"},
		{true, "d", ""},
	} {
		end := fmt.Sprint("end", i)
		sub.Send(subscription(1, step.on, step.prefix))
		sub.Send(subscription(1, true, end))
		testkit.Eventually(t, "the subscription", func() bool { return holders(p, end) == 1 })
		publish(p, end)
		if got := strings.Join(messages(sub, end), " "); got != step.want {
			t.Errorf("step %d, %v %q: got %q, want %q", i, step.on, step.prefix, got, step.want)
		}
	}
}

// TestRetainedWhilePublishing has peers subscribe while many goroutines
// publish: of each topic a peer gets the last message and then every one, once.
func TestRetainedWhilePublishing(t *testing.T) {
	const senders, topics, each, peers = 4, 7, 500, 6
	p, dial := remembering(t, 1<<20)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	subs := make([]*zmtptest.Peer, peers)
	for i := range subs {
		subs[i] = dial()
	}
	var wg sync.WaitGroup
	for s := range senders {
		wg.Go(func() {
			for n := range each {
				retain(p, fmt.Sprint("t", (n+s)%topics), "body")
				if n == each/4*s { // a few subscriptions come at about now
					askForAll(subs[s], rand.New(rand.NewPCG(seed, uint64(s))))
				}
			}
		})
	}
	wg.Wait()
	for i, sub := range subs {
		if i >= senders {
			askForAll(sub, rand.New(rand.NewPCG(seed, uint64(i))))
		}
	}
	for _, prefix := range prefixes {
		testkit.Eventually(t, "the subscriptions", func() bool { return holders(p, prefix) == peers })
	}
	publish(p, "end")
	for i, sub := range subs {
		last := map[string]uint64{}
		for m := sub.Message(); string(m[0]) != "end"; m = sub.Message() {
			name, s := string(m[0]), parseStamp(t, m[2])
			if last[name] != 0 && s.Sequence != last[name]+1 {
				t.Fatalf("peer %d, topic %s: message %d after %d", i, name, s.Sequence, last[name])
			}
			last[name] = s.Sequence
		}
		for e := range p.store.topics.All() {
			name, topic := e.Key, e.Value
			if last[name] != topic.last.Sequence {
				t.Errorf("peer %d, topic %s: the last message is %d, want %d", i, name, last[name], topic.last.Sequence)
			}
		}
	}
}

// holders returns how many peers have subscribed to exactly that prefix, and
// have been answered.
func holders(p *Pub, prefix string) int {
	p.store.mu.Lock()
	defer p.store.mu.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.subs.Subscribers([]byte(prefix))
}

// prefixes cover everything, and each other.
var prefixes = []string{"t", "t1", "", "t3", "t31"}

// askForAll subscribes to all of them in any order.
func askForAll(sub *zmtptest.Peer, r *rand.Rand) {
	for _, i := range r.Perm(len(prefixes)) {
		sub.Send(subscription(1, true, prefixes[i]))
	}
}

// TestRetainedNoRoom has a peer with a short queue ask for much more than fits,
// while some of it changes: it gets the last of everything, nothing twice.
func TestRetainedNoRoom(t *testing.T) {
	const topics, changes = 3000, 4000
	p, dial := remembering(t, 10)
	body := strings.Repeat("x", 2000) // all are more than the kernel takes
	for i := range topics {
		retain(p, fmt.Sprint(i), body)
	}
	sub := dial()
	sub.Send(subscription(1, true, ""))
	if err := p.WaitSubscribers(testkit.Within(t), nil, 1); err != nil {
		t.Fatal(err)
	}
	for i := range changes {
		retain(p, fmt.Sprint(i%topics/2), body)
	}
	want := map[string]uint64{}
	for e := range p.store.topics.All() {
		name, topic := e.Key, e.Value
		want[name] = topic.last.Position
	}
	last := map[string]uint64{}
	for len(want) > 0 {
		m := sub.Message()
		name, s := string(m[0]), parseStamp(t, m[2])
		if s.Position <= last[name] {
			t.Fatalf("topic %s: position %d after %d", name, s.Position, last[name])
		}
		last[name] = s.Position
		if s.Position == want[name] {
			delete(want, name)
		}
	}
	awaitNoBacklog(t, p) // the end of a replay may be in a lot of its own
	p.store.mu.Lock()
	defer p.store.mu.Unlock()
	for e := range p.store.topics.All() {
		name, topic := e.Key, e.Value
		if topic.waiting != 0 {
			t.Errorf("topic %s: %d wait", name, topic.waiting)
		}
	}
}

// awaitNoBacklog waits until nothing waits for room in a queue.
func awaitNoBacklog(t *testing.T, p *Pub) {
	t.Helper()
	testkit.Eventually(t, "no backlog", func() bool {
		p.store.mu.Lock()
		defer p.store.mu.Unlock()
		return len(p.store.backlogs) == 0
	})
}

// TestRetainedAgainAndAgain has a peer that does not read ask for everything
// many times: it is not heard again before it has taken what it asked for.
func TestRetainedAgainAndAgain(t *testing.T) {
	const topics = 2000
	p, dial := remembering(t, 10)
	body := strings.Repeat("x", 2000)
	for i := range topics {
		retain(p, fmt.Sprint(i), body)
	}
	sub := dial()
	for range 10 {
		sub.Send(subscription(1, true, ""))
		sub.Send(subscription(1, false, ""))
	}
	sub.Send(subscription(1, true, "end"))
	testkit.Eventually(t, "the first answer", func() bool {
		p.store.mu.Lock()
		defer p.store.mu.Unlock()
		for _, b := range p.store.backlogs {
			return b.replay != nil && b.replay.done != (notify.Broadcast{})
		}
		return false
	})
	if p.Audience([]byte("end"), new(Audience)) {
		t.Fatal("the peer was heard on")
	}
	for n := range 10 * topics {
		if m := sub.Message(); len(m[1]) != len(body) {
			t.Fatalf("message %d is %q", n, m)
		}
	}
	if err := p.WaitSubscribers(testkit.Within(t), []byte("end"), 1); err != nil {
		t.Fatal(err)
	}
}

// TestRetainedForgotten forgets topics that wait for a peer.
func TestRetainedForgotten(t *testing.T) {
	p, dial := remembering(t, 1)
	p.KeepTopics(100, 64<<20, stampFrame)
	body := strings.Repeat("x", 100_000)
	sub := dial()
	sub.Send(subscription(1, true, ""))
	if err := p.WaitSubscribers(testkit.Within(t), nil, 1); err != nil {
		t.Fatal(err)
	}
	for i := range 300 {
		retain(p, fmt.Sprint(i), body)
	}
	if n := p.store.topics.Len(); n != 100 {
		t.Errorf("%d topics are remembered, want 100", n)
	}
	dropped := int(p.Dropped())
	if dropped == 0 {
		t.Fatal("none was forgotten while it waited")
	}
	for range 300 - dropped {
		sub.Message()
	}
	retain(p, "end", "")
	if m := sub.Message(); string(m[0]) != "end" {
		t.Errorf("got %s after %d messages, with %d dropped", m[0], 300-dropped, dropped)
	}
}

// TestRetainedAbandoned gives up what waits for a peer that goes.
func TestRetainedAbandoned(t *testing.T) {
	p, dial := remembering(t, 1)
	body := strings.Repeat("x", 100_000)
	for i := range 200 {
		retain(p, fmt.Sprint(i), body)
	}
	sub := dial()
	sub.Send(subscription(1, true, ""))
	sub.Send(subscription(1, true, "blocks"))
	if err := p.WaitSubscribers(testkit.Within(t), nil, 1); err != nil {
		t.Fatal(err)
	}
	p.Links().Each(func(c *link.Conn) { c.Close(errKilled) })
	awaitNoBacklog(t, p)
	for e := range p.store.topics.All() {
		name, topic := e.Key, e.Value
		if topic.waiting != 0 {
			t.Errorf("topic %s: %d wait", name, topic.waiting)
		}
	}
}

// TestRetainedAgainByReconnecting has peers subscribe to everything and go before
// all has come: then their address has to wait. Who stays until all has come, and
// goes then, need not.
func TestRetainedAgainByReconnecting(t *testing.T) {
	const peers, topics = 40, 100
	for _, early := range []bool{true, false} {
		t.Run(fmt.Sprint("early ", early), func(t *testing.T) {
			events := newRecorder()
			cfg := pubConfig(events)
			cfg.SendQueue, cfg.KernelSend = 10, 16<<10
			p, ep := publishing(t, cfg, 100, tcp)
			p.KeepTopics(1<<16, 64<<20, stampFrame)
			size, read := 1000, topics
			if early {
				size, read = 20_000, 1 // much more than is sent to who does not read
			}
			for i := range topics {
				retain(p, fmt.Sprint(i), strings.Repeat("x", size))
			}
			delayed := func() bool { return events.sum(link.Delayed) > 0 }
			end := time.Now().Add(testkit.Patience())
			// What they do is forgiven with time, so they all go at once, and again
			// if that was slow.
			for gone := 1; gone == 1 || early && !delayed() && time.Now().Before(end); gone++ {
				var subs []*zmtptest.Peer
				for range peers {
					sub := zmtptest.DialAs(t, ep, "SUB")
					sub.Send(subscription(1, true, ""))
					subs = append(subs, sub)
				}
				for _, sub := range subs {
					for range read {
						sub.Message()
					}
				}
				for _, sub := range subs {
					sub.Close()
				}
				events.await(t, link.Disconnected, gone*(peers+1)-1)
				zmtptest.DialAs(t, ep, "SUB").Close()
				events.await(t, link.Disconnected, gone*(peers+1))
			}
			if early != delayed() {
				t.Errorf("%d connections had to wait", events.sum(link.Delayed))
			}
		})
	}
}
