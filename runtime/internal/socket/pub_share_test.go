package socket

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// TestSubscriptionShare has peers subscribe to more than all together may: the one
// that takes the most is disconnected, and the others stay.
func TestSubscriptionShare(t *testing.T) {
	events := newRecorder()
	p, ep := publishing(t, pubConfig(events), 1000, tcp)
	p.shares.most = 20 * (subscriptionCost + 2)
	modest := zmtptest.DialAs(t, ep, zmtp.Sub)
	for i := range 4 {
		modest.Send(subscriptionTo(fmt.Sprint("m", i)))
	}
	if err := p.WaitSubscribers(testkit.Within(t), []byte("m3"), 1); err != nil {
		t.Fatal(err)
	}
	greedy := zmtptest.DialAs(t, ep, zmtp.Sub)
	for i := range 15 {
		greedy.Send(subscriptionTo(fmt.Sprintf("%02d", i)))
	}
	if err := p.WaitSubscribers(testkit.Within(t), []byte("14"), 1); err != nil {
		t.Fatal(err)
	}
	modest.Send(subscriptionTo("m4"))
	modest.Send(subscriptionTo("m5")) // one too many
	events.await(t, link.Disconnected, 1)
	if err := p.WaitSubscribers(testkit.Within(t), []byte("m5"), 1); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "what is left", func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.subs.Len() == 6 && p.shares.bytes == 6*(subscriptionCost+2) && len(p.shares.of) == 1
	})
	publish(p, "m0")
	if m := modest.Message(); string(m[0]) != "m0" {
		t.Errorf("got %q", m)
	}
}

// TestPrefixesOfManyPeersAreBounded has 60 subscribers send as many long prefixes
// as one of them may: the memory of all together stays at the bound, here a part
// of the real one, as is what each sends.
func TestPrefixesOfManyPeersAreBounded(t *testing.T) {
	const (
		part     = 16
		peers    = 60
		prefixes = maxPrefixBytes / maxPrefix / part
		most     = maxShared / part
	)
	events := newRecorder()
	cfg := pubConfig(events)
	cfg.Observe = func(e link.Event) { // the recorder would keep every prefix
		if e.Kind == link.Disconnected {
			events.Record(e)
		}
	}
	p, ep := publishing(t, cfg, 1<<20, tcp)
	p.shares.most = most
	before := heap()
	var all sync.WaitGroup
	for n := range peers {
		peer := zmtptest.DialAs(t, ep, zmtp.Sub)
		all.Go(func() {
			random := rand.New(rand.NewPCG(uint64(n), 1))
			for range prefixes {
				prefix := make([]byte, maxPrefix)
				for i := range prefix {
					prefix[i] = byte(random.Uint32())
				}
				if _, err := peer.Write(subscriptionTo(string(prefix))); err != nil {
					return // it was disconnected
				}
			}
		})
	}
	all.Wait()
	testkit.Eventually(t, "the end of what is too much", func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return events.sum(link.Disconnected) > 0 || p.shares.bytes == peers*prefixes*(subscriptionCost+maxPrefix)
	})
	testkit.Eventually(t, "the removal of what was given up", func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.subs.Len()*(subscriptionCost+maxPrefix) == p.shares.bytes
	})
	grown := heap() - before
	p.mu.Lock()
	held, subscriptions := p.shares.bytes, p.subs.Len()
	p.mu.Unlock()
	t.Logf("%d MiB of prefixes were sent; %d subscriptions are counted as %d MiB, the heap has grown by %d MiB; the bound is %d MiB",
		peers*prefixes*maxPrefix>>20, subscriptions, held>>20, grown>>20, most>>20)
	if held > most || grown > 2*most {
		t.Errorf("the heap has grown by %d MiB for %d MiB that are counted, the bound is %d MiB", grown>>20, held>>20, most>>20)
	}
}

// heap returns the bytes that are in use.
func heap() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// subscriptionTo is a subscription of ZMTP 3.1.
func subscriptionTo(prefix string) []byte {
	return zmtp.AppendCommand(nil, zmtp.CommandSubscribe, []byte(prefix))
}
