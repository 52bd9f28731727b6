package link

import (
	"context"
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/transport"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// dialAsMe connects to ep as a DEALER with the identity "me".
func dialAsMe(t *testing.T, ep transport.Endpoint) *zmtptest.Peer {
	t.Helper()
	return zmtptest.DialAs(t, ep, "DEALER", zmtp.PropertyIdentity, "me")
}

// wantRefused checks that a peer is told why it is not wanted, and no more.
func wantRefused(t *testing.T, p *zmtptest.Peer) {
	t.Helper()
	for {
		name, body := p.Command()
		if name == zmtp.CommandPing {
			continue
		}
		if reason := zmtp.ParseErrorCommand(body); name != zmtp.CommandError || reason != "identity is taken" {
			t.Errorf("got %s %q, want an ERROR", name, reason)
		}
		break
	}
	if rest := p.Drained(); len(rest) > 0 {
		t.Errorf("%q came behind the ERROR", rest)
	}
}

// TestIdentityTaken has a second peer announce the identity of one that lives:
// it is refused, and a third one is not once the first has gone.
func TestIdentityTaken(t *testing.T) {
	for _, network := range networks {
		t.Run(network, func(t *testing.T) {
			events := newRecorder()
			cfg := beating(zmtp.Router, events)
			cfg.HeartbeatTimeout, cfg.HeartbeatTTL = testkit.Patience(), testkit.Patience() // on a busy machine
			_, ep := boundTo(t, cfg, handlerFunc(echo), network)
			own := testConfig(zmtp.Dealer, newRecorder())
			own.Identity = "me"
			first := dialing(t, own, ep, func(g *Group) error { return g.Connect(ep) })
			events.await(t, 0, Connected, 1)
			for n := range 3 {
				second := dialAsMe(t, ep)
				wantRefused(t, second)
				e := events.await(t, 0, HandshakeFailed, n+1)
				wantReason(t, e, `identity is taken: "me" is that of the peer at `)
				if e.Endpoint != ep.String() || e.Peer == "" {
					t.Errorf("the event has endpoint %q and peer %q", e.Endpoint, e.Peer)
				}
			}
			zmtptest.DialAs(t, ep, "DEALER", zmtp.PropertyIdentity, "other").Ask("served")
			zmtptest.DialAs(t, ep, "DEALER").Ask("served")
			if n := events.count(Disconnected); n > 0 {
				t.Errorf("%d good peers have lost their connections", n)
			}
			shutdown(t, first)
			dialAsMe(t, ep).Ask("served")
		})
	}
}

// TestIdentityOfHalfDeadPeer has the holder of an identity fall silent. Who
// comes with it again is served as soon as the heartbeat is lost, with what it
// has sent meanwhile.
func TestIdentityOfHalfDeadPeer(t *testing.T) {
	for _, network := range networks {
		t.Run(network, func(t *testing.T) {
			events := newRecorder()
			cfg := beating(zmtp.Router, events)
			_, ep := boundTo(t, cfg, handlerFunc(echo), network)
			silent := dialAsMe(t, ep)
			silent.Ask("here")
			again := dialAsMe(t, ep)
			begin := time.Now()
			again.Ask("served")
			took := time.Since(begin)
			if events.count(HeartbeatLost) == 0 { // the new one's may be lost by now, too
				t.Errorf("served after %v although no heartbeat was lost", took)
			}
			silent.Drained()
			t.Logf("served after %v; a heartbeat may be late by %v", took, cfg.HeartbeatTimeout)
		})
	}
}

// TestIdentityWithoutHeartbeats: where no sign of life can be had, a peer lives
// as long as its connection.
func TestIdentityWithoutHeartbeats(t *testing.T) {
	_, ep := bound(t, testConfig(zmtp.Router, newRecorder()), handlerFunc(echo))
	first := dialAsMe(t, ep)
	first.Ask("served")
	wantRefused(t, dialAsMe(t, ep))
	first.Ask("still served")

	events := newRecorder()
	_, ep = bound(t, beating(zmtp.Router, events), handlerFunc(echo))
	old := zmtptest.Dial(t, ep)
	old.Send(zmtptest.Join(zmtptest.Greeting(3, 0, "NULL"), zmtptest.Ready("Socket-Type", "DEALER", "Identity", "me")))
	old.Greeted()
	old.Ask("served")
	wantRefused(t, dialAsMe(t, ep))
	old.Ask("still served")
}

// TestIdentityElsewhere: only a ROUTER addresses peers by their identity, and
// no one else minds (RFC 37).
func TestIdentityElsewhere(t *testing.T) {
	events := newRecorder()
	_, ep := bound(t, testConfig(zmtp.Pull, events), handlerFunc(echo))
	for range 2 {
		zmtptest.DialAs(t, ep, "PUSH", zmtp.PropertyIdentity, "me").Ask("served")
	}
}

// TestIdentityDoesNotHoldShutdownUp shuts down while a peer waits for the one
// before it.
func TestIdentityDoesNotHoldShutdownUp(t *testing.T) {
	events := newRecorder()
	cfg := testConfig(zmtp.Router, events)
	cfg.HeartbeatInterval, cfg.HeartbeatTimeout = 10*time.Millisecond, time.Hour
	g, ep := bound(t, cfg, handlerFunc(echo))
	silent := dialAsMe(t, ep)
	events.await(t, 0, Connected, 1)
	waits := dialAsMe(t, ep)
	for range 5 { // heartbeats, one of which is there to ask
		if name, _ := silent.Command(); name != zmtp.CommandPing {
			t.Errorf("got %s, want a PING", name)
		}
	}
	if err := g.Shutdown(context.Background()); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	waits.Drained()
}
