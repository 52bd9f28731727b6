package socket

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// replaying returns a Pub with that many retained topics, t000000 and so on, and
// a function that opens peers whose queues have room for all of them.
func replaying(t *testing.T, topics int) (*Pub, func() *zmtptest.Peer) {
	t.Helper()
	p, dial := remembering(t, 10*topics)
	for i := range topics {
		retain(p, fmt.Sprintf("t%06d", i), "old")
	}
	return p, dial
}

// connOf returns the connection of the only peer.
func connOf(t *testing.T, p *Pub) (only *link.Conn) {
	t.Helper()
	testkit.Eventually(t, "the connection", func() bool {
		p.Links().Each(func(c *link.Conn) { only = c })
		return only != nil
	})
	return only
}

// TestReplayLots sends a replay lot by lot, and publishes between two of them:
// each lot is bounded, whatever there is, and nobody waits for more than one. The
// peer gets the last message of each topic that was there, in order, and once,
// before the new one.
func TestReplayLots(t *testing.T) {
	const topics = 10_000
	for _, text := range []string{"", "t", "t00000", "t000"} {
		t.Run(text, func(t *testing.T) {
			p, dial := replaying(t, topics)
			sub := dial()
			c := connOf(t, p)
			if _, r, err := p.addSubscription(c, []byte(text)); r == nil || err != nil {
				t.Fatal(r, err)
			}
			covered := func(i int) bool { return strings.HasPrefix(fmt.Sprintf("t%06d", i), text) }
			want := 0
			for i := range topics {
				if covered(i) {
					want++
				}
			}
			published := map[string]bool{}
			lots := 0
			for ; p.sendLot(c); lots++ {
				if n := c.QueuedMessages(); n > (lots+1)*(lotMessages+4) {
					t.Fatalf("after %d lots %d messages wait", lots+1, n)
				}
				for _, i := range []int{lots, topics - 1 - lots} { // one that was passed, one that was not
					if topic := fmt.Sprintf("t%06d", i); covered(i) && !published[topic] {
						published[topic] = true
						retain(p, topic, "new")
					}
				}
			}
			retain(p, text+"end", "")
			if most := topics/lotTopics + want/lotMessages + 1; lots > most {
				t.Errorf("%d lots, want at most %d", lots, most)
			}
			got, last := map[string]string{}, ""
			for m := sub.Message(); string(m[0]) != text+"end"; m = sub.Message() {
				topic, body := string(m[0]), string(m[1])
				switch before := got[topic]; {
				case before == "" && body == "old":
					if topic < last && !published[topic] {
						t.Fatalf("%s comes after %s", topic, last)
					}
					if !published[topic] {
						last = topic
					}
				case before != "old" || body != "new":
					t.Fatalf("topic %s: %s after %q", topic, body, before)
				}
				got[topic] = body
			}
			for topic := range published {
				if got[topic] != "new" {
					t.Errorf("topic %s: the last message is %q", topic, got[topic])
				}
			}
			if len(got) != want || p.store.replays != 0 || len(p.store.backlogs) != 0 {
				t.Errorf("%d topics came, want %d; %d replays and %d backlogs are left", len(got), want, p.store.replays, len(p.store.backlogs))
			}
			if p.store.order.Len() != p.store.retained.Len() {
				t.Errorf("%d topics are in order, %d are kept", p.store.order.Len(), p.store.retained.Len())
			}
		})
	}
}

// TestReplayEvicted evicts and publishes topics of a replay that has not come to
// them.
func TestReplayEvicted(t *testing.T) {
	for _, topics := range []int{maxFew / 2, 5 * maxFew} {
		p, dial := remembering(t, 10*topics)
		p.KeepTopics(topics, 64<<20, stampFrame)
		for i := range topics {
			retain(p, fmt.Sprint("t", i), "old")
		}
		sub := dial()
		c := connOf(t, p)
		if _, r, err := p.addSubscription(c, []byte("t")); r == nil || err != nil {
			t.Fatal(r, err)
		}
		for i := range topics / 2 {
			retain(p, fmt.Sprint("other", i), "") // evicts t0 and so on
		}
		p.runReplay(c)
		retain(p, "tend", "")
		if got := messages(sub, "tend"); len(got) != topics-topics/2 || got[0] != fmt.Sprintf("t%d=old", topics/2) {
			t.Errorf("%d topics: got %d messages, from %v", topics, len(got), got[:min(len(got), 1)])
		}
	}
}

// TestReplayManyPeers has many peers subscribe to many topics at once while a
// goroutine publishes: a message does not wait for all of the replays.
func TestReplayManyPeers(t *testing.T) {
	const topics, peers = 20_000, 20
	p, dial := replaying(t, topics)
	subs := make([]*zmtptest.Peer, peers)
	for i := range subs {
		subs[i] = dial()
	}
	var wg sync.WaitGroup
	for _, sub := range subs {
		wg.Go(func() {
			sub.Send(subscription(1, true, ""))
			for n := 0; n < topics; {
				if m := sub.Message(); string(m[0]) != "live" {
					n++
				}
			}
		})
	}
	testkit.Eventually(t, "all replays", func() bool {
		p.store.mu.Lock()
		defer p.store.mu.Unlock()
		return p.store.replays >= peers/2
	})
	published, during := 0, 0
	longest := time.Duration(0)
	for left := peers; left > 0; published++ {
		begin := time.Now()
		retain(p, "live", "")
		longest = max(longest, time.Since(begin))
		p.store.mu.Lock()
		if left = p.store.replays; left > 0 {
			during++
		}
		p.store.mu.Unlock()
		time.Sleep(time.Millisecond)
	}
	wg.Wait()
	t.Logf("%d messages were published, %d of them during the replays; the longest took %v", published, during, longest)
	if during < 2 {
		t.Error("publishing waited for the replays")
	}
}

// BenchmarkReplay subscribes to one topic of many, and to all.
func BenchmarkReplay(b *testing.B) {
	for _, text := range []string{"t059999", "t"} {
		b.Run(text, func(b *testing.B) {
			p := NewPub(link.Config{}, 10)
			defer p.Shutdown(b.Context())
			p.KeepTopics(1<<16, 64<<20, stampFrame)
			for i := range 60_000 {
				retain(p, fmt.Sprintf("t%06d", i), "old")
			}
			for b.Loop() {
				c := new(link.Conn)
				p.store.mu.Lock()
				p.mu.Lock()
				p.beginReplay(c, []byte(text))
				p.mu.Unlock()
				bl := p.store.backlogs[c]
				for t := bl.replay.next(); t != nil; t = bl.replay.next() {
					p.store.pass(bl.replay, t)
				}
				p.store.endReplay(bl)
				delete(p.store.backlogs, c)
				p.store.mu.Unlock()
			}
		})
	}
}
