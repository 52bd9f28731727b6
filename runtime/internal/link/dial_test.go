package link

import (
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/handshake"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// dialing returns a group that dials ep until the test ends.
func dialing(t *testing.T, cfg Config, ep interface{ String() string }, connect func(*Group) error) *Group {
	t.Helper()
	g := NewGroup(cfg, handlerFunc(echo))
	t.Cleanup(func() { shutdown(t, g) })
	if err := connect(g); err != nil {
		t.Fatalf("connect to %s: %v", ep, err)
	}
	return g
}

// TestListenerGoneAndBack kills the listener several times; the group comes
// back each time.
func TestListenerGoneAndBack(t *testing.T) {
	events := newRecorder()
	ln := zmtptest.Listen(t)
	ep := ln.Endpoint
	addr := ln.Addr().String()
	g := dialing(t, testConfig(zmtp.Dealer, events), ep, func(g *Group) error { return g.Connect(ep) })
	for range 3 {
		p := ln.NextAs("ROUTER")
		p.Ask("served")
		if err := g.DialError(); err != nil {
			t.Errorf("DialError is %v while connected", err)
		}
		mark := events.Len()
		ln.Close()
		p.Close()
		events.await(t, mark, Disconnected, 1)
		events.await(t, mark, DialFailed, 2)
		if g.DialError() == nil {
			t.Error("DialError is nil while nobody listens")
		}
		ln = zmtptest.ListenOn(t, addr)
	}
	ln.NextAs("ROUTER").Ask("served again")
}

// TestReconnectPauses measures the pauses between attempts that fail: they
// grow to the limit, within their jitter.
func TestReconnectPauses(t *testing.T) {
	const first, limit = 20 * time.Millisecond, 80 * time.Millisecond
	var times []time.Time
	events := newRecorder()
	cfg := testConfig(zmtp.Dealer, events)
	cfg.ReconnectMin, cfg.ReconnectMax = first, limit
	cfg.Observe = func(e Event) {
		times = append(times, time.Now()) // one goroutine dials
		events.Record(e)
	}
	ep := zmtptest.Nobody(t)
	g := dialing(t, cfg, ep, func(g *Group) error { return g.Connect(ep) })
	events.await(t, 0, DialFailed, 5)
	shutdown(t, g)
	for i, want := range []time.Duration{first, 2 * first, limit, limit} {
		if got := times[i+1].Sub(times[i]); got < want*3/4 {
			t.Errorf("pause %d was %v, want at least three quarters of %v", i+1, got, want)
		}
	}
}

// TestBackoffIsResetByALastingConnection has a listener that accepts and closes,
// before the handshake or soon after it, with an ERROR or without: the pauses
// grow all the same, until a connection has lasted.
func TestBackoffIsResetByALastingConnection(t *testing.T) {
	const first, lasting = 10 * time.Millisecond, 600 * time.Millisecond
	cfg := testConfig(zmtp.Dealer, newRecorder())
	cfg.ReconnectMin, cfg.ReconnectMax, cfg.Lasting = first, time.Hour, lasting
	ln := zmtptest.Listen(t)
	ep := ln.Endpoint
	g := dialing(t, cfg, ep, func(g *Group) error { return g.Connect(ep) })
	p := ln.Next()
	start := time.Now() // before the end, or a pause here would shorten the other one
	p.Close()
	pause := first
	for i := range 5 { // 10, 20, 40, 80, 160 ms
		p := ln.Next()
		if got := time.Since(start); got < pause/2 {
			t.Errorf("attempt %d came after %v, want about %v", i+2, got, pause)
		}
		pause *= 2
		start = time.Now()
		switch i % 3 {
		case 0:
			p.Close()
		case 1: // shakes hands, but does not want us
			p.Shake("ROUTER")
			p.Send(zmtp.AppendCommand(nil, zmtp.CommandError, zmtp.ErrorBody("not now")))
			p.Drained()
			testkit.Eventually(t, "the reason", func() bool {
				err := g.DialError()
				return err != nil && strings.Contains(err.Error(), "the connection ended after") && strings.Contains(err.Error(), "not now")
			})
		case 2: // serves, and is gone
			p.Shake("ROUTER")
			p.Ask("served")
			p.Close()
		}
	}
	shortest := time.Hour
	for n := 0; n < 3 && shortest > pause/2; n++ { // a busy machine may be late, but not each time
		p := ln.NextAs("ROUTER")
		p.Ask("served")
		time.Sleep(lasting)
		p.Ask("served")
		start := time.Now()
		p.Close()
		p = ln.NextAs("ROUTER")
		shortest = min(shortest, time.Since(start))
		p.Close()
	}
	if shortest > pause/2 {
		t.Errorf("the attempt after a good connection came after %v, without reset it is %v", shortest, pause)
	}
}

// refuse answers the next connection's greeting with an ERROR. It returns a time
// before that.
func refuse(ln *zmtptest.Listener) time.Time {
	p := ln.Next()
	before := time.Now()
	p.Send(zmtptest.Join(zmtptest.Greeting(3, 1, "NULL"), zmtp.AppendCommand(nil, "ERROR", zmtp.ErrorBody("go away"))))
	p.Drained()
	return before
}

// TestRefusedComesAgain checks that a peer's ERROR, which anyone may have sent, is
// told, and that the address is dialed again after the longest pause.
func TestRefusedComesAgain(t *testing.T) {
	const limit = 200 * time.Millisecond
	events := newRecorder()
	cfg := testConfig(zmtp.Dealer, events)
	cfg.ReconnectMax = limit
	ln := zmtptest.Listen(t)
	told := make(chan struct{}, 10)
	g := dialing(t, cfg, ln.Endpoint, func(g *Group) error {
		g.DialingChanged = func() { told <- struct{}{} }
		return g.Connect(ln.Endpoint)
	})
	for range 2 {
		start := refuse(ln)
		testkit.Receive(t, told, "the notice")
		var reason *handshake.RefusedError
		if _, err := g.Dialed(); !errors.As(err, &reason) || reason.Reason != "go away" {
			t.Errorf("Dialed says %v, want a RefusedError", err)
		}
		if err := g.DialError(); !errors.As(err, &reason) {
			t.Errorf("DialError is %v", err)
		}
		defer func() {
			if after := time.Since(start); after < limit/2 {
				t.Errorf("dialed again after %v, want %v", after, limit)
			}
		}()
	}
	ln.NextAs("ROUTER").Ask("served")
	if endpoints, err := g.Dialed(); len(endpoints) != 1 || err != nil {
		t.Errorf("dialed are %q, %v", endpoints, err)
	}
}

// TestStopWhenRefused checks that a refusal ends dialing where the user has
// said so.
func TestStopWhenRefused(t *testing.T) {
	events := newRecorder()
	cfg := testConfig(zmtp.Dealer, events)
	cfg.StopWhenRefused = true
	ln := zmtptest.Listen(t)
	g := dialing(t, cfg, ln.Endpoint, func(g *Group) error { return g.Connect(ln.Endpoint) })
	refuse(ln)
	g.wg.Wait() // dialing has ended
	var reason *handshake.RefusedError
	if _, err := g.Dialed(); !errors.As(err, &reason) {
		t.Errorf("Dialed says %v, want a RefusedError", err)
	}
	if n := events.count(DialFailed) + events.count(HandshakeFailed); n != 1 {
		t.Errorf("%d attempts were made, want no second one", n)
	}
}

// TestSilentListener checks that a listener that says nothing does not hold
// up dialing for ever, nor Shutdown at all.
func TestSilentListener(t *testing.T) {
	events := newRecorder()
	cfg := testConfig(zmtp.Dealer, events)
	cfg.HandshakeTimeout = 50 * time.Millisecond
	ln := zmtptest.Listen(t)
	ep := ln.Endpoint
	dialing(t, cfg, ep, func(g *Group) error { return g.Connect(ep) })
	ln.Next()
	wantReason(t, events.await(t, 0, HandshakeFailed, 1), "timed out")
	for !served(ln.Next()) { // a pause of ours is silence, too
	}

	cfg.HandshakeTimeout = time.Hour
	g := dialing(t, cfg, ep, func(g *Group) error { return g.Connect(ep) })
	ln.Next()
	shutdown(t, g) // hangs if it waits for the handshake
}

// served shakes hands as a ROUTER, and returns whether it gets an echo.
func served(p *zmtptest.Peer) bool {
	defer p.Close()
	if _, err := p.Write(zmtptest.Join(zmtptest.Hello("ROUTER"), zmtptest.Message("served"))); err != nil {
		return false
	}
	if _, err := io.ReadFull(p, make([]byte, zmtp.GreetingSize)); err != nil {
		return false
	}
	_, err := p.Next()
	return err == nil
}

// TestUnanswered names the endpoint that has not answered, and none that has.
func TestUnanswered(t *testing.T) {
	events := newRecorder()
	ln, other := zmtptest.Listen(t), zmtptest.Listen(t)
	refused := make(chan struct{})
	cfg := testConfig(zmtp.Dealer, events)
	cfg.StopWhenRefused = true
	g := dialing(t, cfg, ln.Endpoint, func(g *Group) error {
		g.DialingChanged = sync.OnceFunc(func() { close(refused) })
		return g.Connect(ln.Endpoint)
	})
	want := func(endpoint string) {
		t.Helper()
		if got := g.Unanswered(); got != endpoint {
			t.Errorf("Unanswered is %q, want %q", got, endpoint)
		}
	}
	want(ln.Endpoint.String())
	p := ln.NextAs("ROUTER")
	p.Ask("served")
	want("")
	if err := g.Connect(other.Endpoint); err != nil {
		t.Fatal(err)
	}
	want(other.Endpoint.String())
	refuse(other)
	testkit.Receive(t, refused, "the refusal")
	want("")
	mark := events.Len()
	ln.Close()
	p.Close()
	events.await(t, mark, DialFailed, 1)
	want(ln.Endpoint.String())
}

// A detained handler echoes, leaves when the connection has ended, and does not
// return until done is closed.
type detained struct{ done chan struct{} }

func (h detained) Serve(c *Conn) error {
	c.Ready()
	err := echo(c)
	c.Close(err)
	<-h.done
	return nil
}

// TestDetachable dials again while the handler of the last connection has not
// returned.
func TestDetachable(t *testing.T) {
	events := newRecorder()
	ln := zmtptest.Listen(t)
	h := detained{make(chan struct{})}
	cfg := testConfig(zmtp.Dealer, events)
	cfg.Detachable = true
	g := NewGroup(cfg, h)
	t.Cleanup(func() {
		close(h.done)
		shutdown(t, g)
	})
	if err := g.Connect(ln.Endpoint); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		p := ln.NextAs("ROUTER")
		p.Ask("served")
		p.Close()
	}
	events.await(t, 0, Disconnected, 3)
}

func TestClosedGroup(t *testing.T) {
	ln := zmtptest.Listen(t)
	ep := ln.Endpoint
	g := NewGroup(testConfig(zmtp.Dealer, newRecorder()), handlerFunc(echo))
	shutdown(t, g)
	if err := g.Connect(ep); !errors.Is(err, ErrClosed) {
		t.Errorf("Connect: %v, want ErrClosed", err)
	}
	if _, err := g.Bind(ep); err == nil {
		t.Error("Bind gave no error")
	}
	shutdown(t, g) // a second time
}

// TestWanted checks that a long pause becomes short when somebody waits for a peer.
func TestWanted(t *testing.T) {
	events := newRecorder()
	cfg := testConfig(zmtp.Dealer, events)
	cfg.ReconnectMin, cfg.ReconnectMax = time.Hour, time.Hour
	ln := zmtptest.Listen(t)
	ep, addr := ln.Endpoint, ln.Addr().String()
	ln.Close()
	g := dialing(t, cfg, ep, func(g *Group) error { return g.Connect(ep) })
	events.await(t, 0, DialFailed, 1)
	release := g.Want()
	events.await(t, 0, DialFailed, 2) // again and again, as long as somebody waits
	ln = zmtptest.ListenOn(t, addr)
	p := ln.NextAs("ROUTER")
	p.Ask("served")
	release()
	ln.Close()
	p.Close()
	events.await(t, 0, Disconnected, 1)
	mark := events.Len()
	time.Sleep(2 * wantedPause)
	if n := len(events.all(mark, DialFailed)); n > 0 {
		t.Errorf("%d attempts were made while nobody waited", n)
	}
	defer g.Want()() // the pause is over already
	events.await(t, mark, DialFailed, 1)
}
