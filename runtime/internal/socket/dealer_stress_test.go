package socket

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/list"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A storm is a number of callers that make calls with random deadlines while
// connections are killed.
type storm struct {
	network string
	servers int
	callers int
	each    int
	kill    int // one connection for so many calls; 0 for none
	limits  bool

	answered, ended, lost atomic.Int64
}

func TestDealerStorm(t *testing.T) {
	storms := []*storm{
		{servers: 1, callers: 64, each: 40},
		{servers: 1, callers: 64, each: 40, limits: true},
		{servers: 1, callers: 64, each: 40, kill: 150, limits: true},
		{servers: 3, callers: 64, each: 40, kill: 50, limits: true},
		{servers: 2, callers: 3, each: 300, kill: 100, limits: true},
		{servers: 1, callers: 1, each: 500, kill: 200, limits: true},
	}
	for _, network := range networks {
		for _, s := range storms {
			s := &storm{network: network, servers: s.servers, callers: s.callers, each: s.each, kill: s.kill, limits: s.limits}
			name := fmt.Sprintf("%s/%d callers, %d servers, kill %d, limits %v", network[:3], s.callers, s.servers, s.kill, s.limits)
			t.Run(name, s.run)
		}
	}
}

func (s *storm) run(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	events := newRecorder()
	d := NewDealer(testConfig(zmtp.Dealer, events))
	groups := []*link.Group{d.Links()}
	server := &echoServer{before: func(_ *RouterPeer, frames [][]byte) bool {
		return !unanswered(binary.BigEndian.Uint64(frames[2]))
	}}
	for i := range s.servers {
		endpoint := s.network
		if i > 0 && endpoint == networks[2] {
			endpoint += fmt.Sprint(i)
		}
		router, ep := routing(t, routerConfig(), server, endpoint)
		groups = append(groups, router.Links())
		connect(t, d.Links(), ep)
	}
	closing(t, d.Shutdown)
	var wg sync.WaitGroup
	var done atomic.Int64
	for caller := range s.callers {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(seed, uint64(caller)))
			for n := range s.each {
				s.call(t, d, random, uint64(caller)<<32|uint64(n)<<1)
				if total := int(done.Add(1)); s.kill > 0 && total%s.kill == 0 {
					killOne(groups[random.IntN(len(groups))], random)
				}
			}
		})
	}
	finished := make(chan struct{})
	go func() { wg.Wait(); close(finished) }()
	testkit.Receive(t, finished, "the end")
	t.Logf("%d calls: %d answered, %d ended by their context, %d lost", done.Load(), s.answered.Load(), s.ended.Load(), s.lost.Load())
	if s.kill == 0 && s.lost.Load() > 0 {
		t.Errorf("%d calls were lost, and no connection was", s.lost.Load())
	}
	checkAtRest(t, d)
}

// unanswered tells a server which calls not to answer.
func unanswered(who uint64) bool { return who%2 == 1 }

// call makes one call in one of several ways.
func (s *storm) call(t *testing.T, d *Dealer, random *rand.Rand, who uint64) {
	a := &ask{who: who, size: random.IntN(200)}
	if random.IntN(50) == 0 {
		a.size = 100000
	}
	ctx, cancel := context.WithTimeout(context.Background(), testkit.Patience())
	defer cancel()
	if s.limits {
		switch random.IntN(6) {
		case 0: // ends soon, and is not answered
			a.who++
			ctx, cancel = context.WithTimeout(ctx, time.Duration(random.IntN(3000))*time.Microsecond)
			defer cancel()
		case 1: // ends at about the time of the reply
			ctx, cancel = context.WithTimeout(ctx, time.Duration(random.IntN(500))*time.Microsecond)
			defer cancel()
		case 2: // is canceled from elsewhere
			go cancel()
		case 3: // cannot be encoded
			a.refuse = true
		}
	}
	switch err := a.do(t, d, ctx); {
	case err == nil:
		s.answered.Add(1)
	case a.refuse && errors.Is(err, errRefuse):
	case errors.As(err, new(*LostError)):
		s.lost.Add(1)
	case errors.Is(err, ctx.Err()) && ctx.Err() != nil:
		s.ended.Add(1)
	default:
		t.Errorf("call %d ended with %v", a.who, err)
	}
}

var errKilled = errors.New("killed by the test")

// killOne closes one of a group's connections.
func killOne(g *link.Group, random *rand.Rand) {
	var conns []*link.Conn
	g.Each(func(c *link.Conn) { conns = append(conns, c) })
	if len(conns) > 0 {
		conns[random.IntN(len(conns))].Close(errKilled)
	}
}

// checkAtRest checks the books of a dealer without calls.
func checkAtRest(t *testing.T, d *Dealer) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, p := range d.peers {
		p.mu.Lock()
		if n := p.inflight.Load(); n != 0 || len(p.free) != len(p.slots) || !p.parked.Empty() {
			t.Errorf("at rest: %d in flight, %d of %d slots are free, nobody is parked: %v", n, len(p.free), len(p.slots), p.parked.Empty())
		}
		p.mu.Unlock()
	}
	for range 1000 { // pooled waiters carry nothing over
		w := waiters.Get().(*waiter)
		if len(w.ch) > 0 || w.x != nil || w.pending || w.parked != (list.Element[*waiter]{}) || w.leading || w.unsent {
			t.Fatalf("a pooled waiter is not clean: %+v, %d signals", w, len(w.ch))
		}
	}
}

// TestDealerFairShare has eight callers on one connection: none is starved.
func TestDealerFairShare(t *testing.T) {
	const callers, total = 8, 8000
	var counts []int
	for range 5 { // a caller's thread may pause, but not each time
		if counts = shares(t, callers, total); slices.Min(counts) >= total/callers/4 {
			return
		}
	}
	t.Errorf("the callers made %v calls, a fair share is %d", counts, total/callers)
}

// shares makes a number of calls on one connection, and returns how many of them
// each caller made.
func shares(t *testing.T, callers, total int) []int {
	t.Helper()
	d := NewDealer(testConfig(zmtp.Dealer, newRecorder()))
	_, ep := routing(t, routerConfig(), new(echoServer), tcp)
	connect(t, d.Links(), ep)
	closing(t, d.Shutdown)
	counts := make([]int, callers)
	var sum atomic.Int64
	var wg sync.WaitGroup
	for caller := range callers {
		wg.Go(func() {
			for n := 0; sum.Add(1) <= int64(total); n++ {
				if err := (&ask{who: uint64(n)}).do(t, d, testkit.Within(t)); err != nil {
					t.Error(err)
					return
				}
				counts[caller]++
			}
		})
	}
	wg.Wait()
	t.Logf("calls of each: %v", counts)
	checkAtRest(t, d)
	return counts
}

// TestDealerTakesTurnsReading mixes one slow call with many quick ones: the
// slow one reads for the quick ones, or waits, and gets its own reply last.
func TestDealerTakesTurnsReading(t *testing.T) {
	release := make(chan struct{})
	server := &echoServer{before: func(p *RouterPeer, frames [][]byte) bool {
		if binary.BigEndian.Uint64(frames[2]) == 1 {
			select {
			case <-release:
			case <-p.Context.Done():
			}
		}
		return true
	}}
	d := NewDealer(testConfig(zmtp.Dealer, newRecorder()))
	_, ep := routing(t, routerConfig(), server, tcp)
	connect(t, d.Links(), ep)
	closing(t, d.Shutdown)
	slow := make(chan error, 1)
	go func() { slow <- (&ask{who: 1}).do(t, d, testkit.Within(t)) }()
	for n := range 500 {
		if err := (&ask{who: uint64(n) + 2, size: 5}).do(t, d, testkit.Within(t)); err != nil {
			t.Fatal(err)
		}
	}
	close(release)
	if err := testkit.Receive(t, slow, "a result"); err != nil {
		t.Error(err)
	}
	checkAtRest(t, d)
}
