package link

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/curve"
	"github.com/gozmq/gozmq/runtime/internal/transport"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// crowded is a group whose peers may have messages of up to 1 MiB, of which 8 at a
// time may have come in part.
type crowded struct {
	*Group
	ep     transport.Endpoint
	events *recorder
	server curve.Public
	sealed bool
}

const crowdedLimit = 8 << 20

func newCrowded(t *testing.T, network string, sealed bool, stall time.Duration, h Handler) *crowded {
	t.Helper()
	events := newRecorder()
	v := &crowded{events: events, sealed: sealed}
	cfg := testConfig(zmtp.Router, events)
	if sealed {
		cfg, v.server = curveConfig(t, zmtp.Router, events)
	}
	cfg.incomingLimit, cfg.stallLimit = crowdedLimit, stall
	v.Group, v.ep = boundTo(t, cfg, h, network)
	return v
}

func (v *crowded) dial(t *testing.T) *zmtptest.Peer {
	t.Helper()
	if v.sealed {
		return zmtptest.DialCurve(t, v.ep, zmtptest.Secret(t), v.server, zmtp.Dealer)
	}
	return zmtptest.DialAs(t, v.ep, zmtp.Dealer)
}

// sendPart sends a message of two frames without its last bytes.
func (v *crowded) sendPart(p *zmtptest.Peer, size, missing int) error {
	first, second := make([]byte, size/3), make([]byte, size-size/3)
	if c, ok := p.Conn.(*zmtptest.SealedConn); ok {
		wire := c.Seal(c.Seal(nil, curve.FlagMore, first), 0, second)
		_, err := c.Conn.Write(wire[:len(wire)-missing])
		return err
	}
	wire := zmtptest.AppendMessage(nil, first, second)
	_, err := p.Write(wire[:len(wire)-missing])
	return err
}

// most returns a function that returns the most that was held so far.
func (v *crowded) most(t *testing.T) func() int64 {
	var most atomic.Int64
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				most.Store(max(most.Load(), v.cfg.incoming.held.Load()))
			case <-done:
				return
			}
		}
	})
	t.Cleanup(func() { close(done); wg.Wait() })
	return most.Load
}

func (v *crowded) wantNothingHeld(t *testing.T) {
	t.Helper()
	for begin := time.Now(); v.cfg.incoming.held.Load() != 0; time.Sleep(time.Millisecond) {
		if time.Since(begin) > testkit.Patience() {
			t.Fatalf("%d bytes are still counted after all messages have ended", v.cfg.incoming.held.Load())
		}
	}
}

func eachWay(t *testing.T, f func(t *testing.T, network string, sealed bool)) {
	for _, network := range networks {
		for _, sealed := range []bool{false, true} {
			t.Run(fmt.Sprint(network, " sealed ", sealed), func(t *testing.T) { f(t, network, sealed) })
		}
	}
}

// TestMessagesInPartAreBounded has many peers send the largest message less a byte,
// and checks that they take no more than the limit and one message, that those
// that stall are ended and told, and that a good peer's large messages come whole.
func TestMessagesInPartAreBounded(t *testing.T) {
	const peers = 16
	eachWay(t, func(t *testing.T, network string, sealed bool) {
		v := newCrowded(t, network, sealed, testkit.Stretch(200*time.Millisecond), handlerFunc(echo))
		most := v.most(t)
		good := v.dial(t)
		var wg sync.WaitGroup
		defer wg.Wait()
		var bad []*zmtptest.Peer
		for range peers {
			p := v.dial(t)
			bad = append(bad, p)
			wg.Go(func() { _ = v.sendPart(p, 1<<20-1, 1) })
		}
		for n := range 3 {
			good.Ask(strings.Repeat(fmt.Sprint(n), 1<<20), "small")
			good.Ask("small")
		}
		e := v.events.await(t, 0, Disconnected, 1)
		wantReason(t, e, "no progress")
		for _, p := range bad {
			p.Close()
		}
		v.events.await(t, 0, Disconnected, peers)
		good.Ask("still here")
		v.wantNothingHeld(t)
		for _, e := range v.events.All() {
			if network == networks[0] && e.Peer == good.LocalAddr().String() && e.Err != nil {
				t.Errorf("the good peer: %v", e)
			}
		}
		// Each first buffer comes on top of the limit, one message, and of it
		// another one half as large while it grows.
		limit := int64(crowdedLimit + 2<<20 + (peers+1)*smallIncoming)
		if got := most(); got > limit || got < crowdedLimit/2 {
			t.Errorf("%d KiB were held, want at most %d and more than half of the limit", got>>10, limit>>10)
		} else {
			t.Logf("%d KiB were held, with a limit of %d", got>>10, crowdedLimit>>10)
		}
	})
}

// TestPeerThatStallsIsEnded: not those that get on, though slowly, or wait for
// room.
func TestPeerThatStallsIsEnded(t *testing.T) {
	v := newCrowded(t, networks[0], false, testkit.Stretch(time.Second), handlerFunc(echo))
	share := v.cfg.incoming
	bad := v.dial(t)
	if err := v.sendPart(bad, 1<<20-1, 1); err != nil {
		t.Fatal(err)
	}
	for begin := time.Now(); share.held.Load() <= 1<<20; time.Sleep(time.Millisecond) {
		if time.Since(begin) > testkit.Patience() {
			t.Fatalf("%d bytes are counted, want those of a message in part", share.held.Load())
		}
	}
	share.over.Store(new(Conn))
	share.held.Add(crowdedLimit) // there is no room, for anyone
	var others sync.WaitGroup
	for _, p := range []*zmtptest.Peer{v.dial(t), v.dial(t), v.dial(t)} {
		others.Go(func() {
			wire := zmtptest.AppendMessage(nil, make([]byte, 1<<20))
			for piece := range slices.Chunk(wire, incomingStep) {
				if _, err := p.Write(piece); err != nil {
					t.Errorf("a slow peer was ended: %v", err)
					return
				}
				time.Sleep(20 * time.Millisecond)
			}
			if _, err := p.Next(); err != nil {
				t.Errorf("a slow peer was ended: %v", err)
			}
		})
	}
	e := v.events.await(t, 0, Disconnected, 1)
	wantReason(t, e, "no progress")
	if e.Peer != bad.LocalAddr().String() {
		t.Errorf("peer %s was ended, want %s", e.Peer, bad.LocalAddr())
	}
	if _, body, _, err := bad.Token(); err != nil || !strings.Contains(string(body), "no progress") {
		t.Errorf("the peer got %q and %v, want the reason", body, err)
	}
	if v.violators.Len() == 0 {
		t.Error("no offense is counted")
	}
	share.free(share.over.Load(), crowdedLimit)
	others.Wait()
	if n := v.events.count(Disconnected); n != 1 {
		t.Errorf("%d peers were ended, want 1", n)
	}
	v.wantNothingHeld(t)
}

// TestCrowdOfLargeMessages has more good peers send large messages at once than
// there is room for: all of them come, one after the other.
func TestCrowdOfLargeMessages(t *testing.T) {
	const peers = 40
	eachWay(t, func(t *testing.T, network string, sealed bool) {
		v := newCrowded(t, network, sealed, testkit.Patience(), handlerFunc(echo)) // nobody stalls
		list := make([]*zmtptest.Peer, peers)
		for i := range list {
			list[i] = v.dial(t)
		}
		var wg sync.WaitGroup
		for i, p := range list {
			wg.Go(func() {
				want := bytes.Repeat([]byte{byte(i)}, 1<<20)
				if _, err := p.Write(zmtptest.AppendMessage(nil, want)); err != nil {
					t.Errorf("write: %v", err)
					return
				}
				got, err := p.Next()
				if err != nil || len(got) != 1 || !bytes.Equal(got[0], want) {
					t.Errorf("peer %d: a message came back as another, or not at all: %v", i, err)
				}
			})
		}
		wg.Wait()
		if n := v.events.count(Disconnected); n > 0 {
			t.Errorf("%d peers were disconnected: %v", n, v.events.All())
		}
		v.wantNothingHeld(t)
	})
}

// TestInterruptEndsTheWaitForRoom: a caller that reads for itself can leave.
func TestInterruptEndsTheWaitForRoom(t *testing.T) {
	conns, results := make(chan *Conn, 2), make(chan error, 10)
	v := newCrowded(t, networks[0], false, testkit.Patience(), handlerFunc(func(c *Conn) error {
		conns <- c
		for {
			_, err := c.Next()
			results <- err
			if err != nil && err != ErrInterrupted {
				return err
			}
			c.Resume()
		}
	}))
	v.cfg.incoming.held.Add(crowdedLimit)
	v.cfg.incoming.over.Store(new(Conn))
	p := v.dial(t)
	c := testkit.Receive(t, conns, "a connection")
	if err := v.sendPart(p, 1<<20, 1); err != nil {
		t.Fatal(err)
	}
	for c.liveness.paused.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	c.Interrupt()
	if err := testkit.Receive(t, results, "a result"); err != ErrInterrupted {
		t.Errorf("Next: %v, want ErrInterrupted", err)
	}
	v.cfg.incoming.held.Add(-crowdedLimit)
	if p.Send([]byte{0}); testkit.Receive(t, results, "a result") != nil {
		t.Error("the message did not come whole after the interruption")
	}
	v.wantNothingHeld(t)
}
