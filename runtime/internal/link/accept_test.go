package link

import (
	"testing"

	"github.com/gozmq/gozmq/runtime/internal/zmtp"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// TestFloodOfSilentConnections opens many connections that say nothing: the
// oldest lose their places, and a good peer still gets in.
func TestFloodOfSilentConnections(t *testing.T) {
	const flood, places = 2000, 64
	events := newRecorder()
	cfg := testConfig(zmtp.Router, events)
	cfg.MaxHandshakes, cfg.MaxPeers = places, flood
	g, ep := bound(t, cfg, handlerFunc(echo))
	early := zmtptest.DialAs(t, ep, "DEALER")
	early.Ask("early")
	before, memory := descriptors(), heap()
	var silent []*zmtptest.Peer
	for i := range flood {
		silent = append(silent, zmtptest.Dial(t, ep))
		if over := i + 1 - places; over > 0 {
			events.await(t, 0, HandshakeFailed, over)
		}
		if now := descriptors(); before >= 0 && now > before+2*places+4 {
			t.Fatalf("%d descriptors are open after %d connections, of which we closed all but %d; %d were before", now, i+1, places, before)
		}
		if i >= places { // our own end; the other one is closed by now
			silent[i-places].Close()
		}
	}
	wantReason(t, events.await(t, 0, HandshakeFailed, 1), "WithMaxHandshakes")
	early.Ask("still there")
	late := zmtptest.DialAs(t, ep, "DEALER")
	late.Ask("late")
	t.Logf("%d connections, %d at a time: %d descriptors more, heap %d KiB more",
		flood, places, descriptors()-before, (int64(heap())-int64(memory))>>10)
	shutdown(t, g)
	for _, p := range silent[flood-places:] {
		p.Drained()
	}
}

// TestEvictionTakesTheOldest checks who goes when one more comes.
func TestEvictionTakesTheOldest(t *testing.T) {
	events := newRecorder()
	cfg := testConfig(zmtp.Router, events)
	cfg.MaxHandshakes = 3
	_, ep := bound(t, cfg, handlerFunc(echo))
	var peers []*zmtptest.Peer
	for range 5 {
		p := zmtptest.Dial(t, ep)
		head := make([]byte, 1)
		if _, err := p.Read(head); err != nil { // so the handshake has begun
			t.Fatal(err)
		}
		peers = append(peers, p)
	}
	gone := map[string]bool{events.await(t, 0, HandshakeFailed, 1).Peer: true, events.await(t, 0, HandshakeFailed, 2).Peer: true}
	for _, p := range peers[:2] {
		if !gone[p.LocalAddr().String()] {
			t.Errorf("%v lost their places, want %s among them", gone, p.LocalAddr())
		}
	}
	for _, p := range peers[2:] {
		p.Send(zmtptest.Hello("DEALER"))
		for range zmtp.GreetingSize - 1 {
			one := make([]byte, 1)
			if _, err := p.Read(one); err != nil {
				t.Fatal(err)
			}
		}
		if name, _ := p.Command(); name != zmtp.CommandReady {
			t.Errorf("got %s", name)
		}
		p.Ask("served")
	}
}

func TestMaxPeers(t *testing.T) {
	const limit = 5
	events := newRecorder()
	cfg := testConfig(zmtp.Router, events)
	cfg.MaxPeers = limit
	_, ep := bound(t, cfg, handlerFunc(echo))
	var peers []*zmtptest.Peer
	for range limit {
		p := zmtptest.DialAs(t, ep, "DEALER")
		p.Ask("hello")
		peers = append(peers, p)
	}
	over := zmtptest.Dial(t, ep)
	wantReason(t, events.await(t, 0, HandshakeFailed, 1), "WithMaxPeers")
	if got := over.Drained(); len(got) > 0 {
		t.Errorf("%q was sent to a peer that is one too many", got)
	}
	for _, p := range peers {
		p.Ask("still there")
	}
	peers[0].Close()
	events.await(t, 0, Disconnected, 1)
	for { // its place is free soon after the event
		p := zmtptest.Dial(t, ep)
		if _, err := p.Write(zmtptest.Hello("DEALER")); err != nil {
			continue
		}
		if _, err := p.Read(make([]byte, 1)); err == nil {
			return
		}
	}
}

// TestEndlessHandshakes has peers that break off at once, one after the other.
func TestEndlessHandshakes(t *testing.T) {
	const rounds = 500
	events := newRecorder()
	_, ep := bound(t, testConfig(zmtp.Router, events), handlerFunc(echo))
	good := zmtptest.DialAs(t, ep, "DEALER")
	good.Ask("before")
	before := descriptors()
	for i := range rounds {
		p := zmtptest.Dial(t, ep)
		p.Send([]byte("nonsense"))
		events.await(t, 0, HandshakeFailed, i+1)
		p.Close()
	}
	if now := descriptors(); now != before {
		t.Errorf("%d descriptors are open, %d were", now, before)
	}
	good.Ask("after")
}
