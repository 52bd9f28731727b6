package link

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/handshake"
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

// TestSlowAuthenticator has more peers come at once than may shake hands, to an
// authenticator that takes longer than the grace: all come in, at its pace, and
// none is evicted.
func TestSlowAuthenticator(t *testing.T) {
	for _, mechanism := range []string{handshake.Null, handshake.Curve} {
		t.Run(mechanism, func(t *testing.T) {
			testkit.Steady(t, silentGrace/4, func() error { return authenticateSlowly(t, mechanism) })
		})
	}
}

// authenticateSlowly waits until all peers have come in. It returns an error if
// handshakes failed.
func authenticateSlowly(t *testing.T, mechanism string) error {
	t.Helper()
	const peers, places = 60, 16
	there, here := newRecorder(), newRecorder()
	cfg, server := curveConfig(t, zmtp.Router, there)
	cfg.MaxHandshakes = places
	client := &handshake.Security{Mechanism: handshake.Curve, Secret: zmtptest.Secret(t), ServerKey: server}
	if mechanism == handshake.Null {
		cfg.Security, client = &handshake.Security{Mechanism: handshake.Null, Server: true}, nil
	}
	cfg.Security.Authenticate = func(context.Context, *handshake.AuthRequest) (*handshake.Identity, error) {
		time.Sleep(greetedGrace + 100*time.Millisecond)
		return new(handshake.Identity), nil
	}
	_, ep := bound(t, cfg, handlerFunc(echo))
	for range peers {
		cfg := testConfig(zmtp.Dealer, here)
		cfg.Security = client
		dialing(t, cfg, ep, func(g *Group) error { return g.Connect(ep) })
	}
	here.await(t, 0, Connected, peers)
	if n := here.count(HandshakeFailed) + there.count(HandshakeFailed); n > 0 {
		return fmt.Errorf("%d handshakes failed", n)
	}
	return nil
}

// TestHandshakesOfOneAddress checks that an address may have a burst of costly
// handshakes, must wait then, and is refused in the end; and that one that
// fails again and again waits.
func TestHandshakesOfOneAddress(t *testing.T) { synctest.Test(t, handshakesOfOneAddress) }

func handshakesOfOneAddress(t *testing.T) {
	costly := handshake.Site{Security: &handshake.Security{Mechanism: handshake.Curve, Server: true}}
	g := NewGroup(testConfig(zmtp.Router, newRecorder()), handlerFunc(echo))
	defer shutdown(t, g)
	at := func(i int) *addressed {
		return &addressed{addr: &net.TCPAddr{IP: net.ParseIP(fmt.Sprintf("2001:db8::%x", i+1)), Port: 1}}
	}
	for i := range handshakeLimit.Burst {
		if wait, err := g.delay(at(i), costly); wait > 0 || err != nil {
			t.Fatalf("handshake %d waits %v, %v", i, wait, err)
		}
	}
	waited, refused := false, false
	for i := range 2 * handshakeLimit.Burst {
		wait, err := g.delay(at(i), costly)
		waited, refused = waited || wait > 0, refused || errors.Is(err, errTooManyHandshakes)
	}
	if !waited || !refused {
		t.Errorf("waited: %v, refused: %v, want both", waited, refused)
	}
	other := &addressed{addr: &net.TCPAddr{IP: net.ParseIP("2001:db8:0:1::1"), Port: 1}}
	if wait, err := g.delay(other, costly); wait > 0 || err != nil {
		t.Errorf("another network waits %v, %v", wait, err)
	}
	for range 2 * violationLimit.Burst {
		g.violators.offend(other.addr)
	}
	if wait, _ := g.delay(other, handshake.Site{}); wait == 0 {
		t.Error("an address that fails again and again need not wait")
	}
}

// TestMaxPeersPerAddress checks that one address cannot take all places, and
// gets those back that it gives up.
func TestMaxPeersPerAddress(t *testing.T) {
	cfg := testConfig(zmtp.Router, newRecorder())
	cfg.MaxPeersPerAddress = 2
	g := NewGroup(cfg, handlerFunc(echo))
	defer shutdown(t, g)
	at := func(ip string) *addressed { return &addressed{addr: &net.TCPAddr{IP: net.ParseIP(ip), Port: 1}} }
	claim := func(ip string, want error) {
		t.Helper()
		if _, err := g.claim(at(ip), handshake.Site{}); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", ip, err, want)
		}
	}
	claim("10.0.0.1", nil)
	claim("10.0.0.1", nil)
	claim("10.0.0.1", errTooManyFromAddress)
	claim("10.0.0.2", nil)
	g.vacate(at("10.0.0.1"))
	claim("10.0.0.1", nil)
	for range 3 {
		claim("127.0.0.1", nil)
	}
	claim("2001:db8::1", nil)
	claim("2001:db8::2", nil)
	claim("2001:db8::3", errTooManyFromAddress)
	claim("2001:db8:0:1::3", nil)
}

// An addressed connection has only a peer's address.
type addressed struct {
	net.Conn
	addr net.Addr
}

func (a *addressed) RemoteAddr() net.Addr { return a.addr }
