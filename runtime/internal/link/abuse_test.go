package link

import (
	"errors"
	"fmt"
	"net"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/transport"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// TestViolators: an address with too many violations waits, in the end for the
// longest time; others do not.
func TestViolators(t *testing.T) { synctest.Test(t, countViolations) }

func countViolations(t *testing.T) {
	o := newViolators()
	bad, good := &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 1}, &net.TCPAddr{IP: net.IPv4(10, 0, 0, 2), Port: 1}
	for n := range violationLimit.Burst {
		if d := o.wait(bad); d > 0 {
			t.Fatalf("a wait of %v after %d violations", d, n)
		}
		o.record(&net.TCPAddr{IP: bad.IP, Port: n}, zmtp.ErrReservedFlags)
	}
	for range violationLimit.Burst {
		o.record(bad, zmtp.ErrReservedFlags)
	}
	if d := o.wait(bad); d != violationLimit.Max {
		t.Errorf("a wait of %v, want %v", d, violationLimit.Max)
	}
	o.record(&net.UnixAddr{Name: "x"}, zmtp.ErrReservedFlags)
	for _, addr := range []net.Addr{good, &net.UnixAddr{Name: "x"}, nil} {
		if d := o.wait(addr); d > 0 {
			t.Errorf("%v waits %v for what others did", addr, d)
		}
	}
	for range 2 * violationLimit.Burst {
		o.record(good, &EndedError{})
	}
	if d := o.wait(good); d > 0 {
		t.Errorf("a wait of %v for saying why one goes", d)
	}
}

// TestViolatorsAreBounded: more addresses than are remembered cost no more
// memory.
func TestViolatorsAreBounded(t *testing.T) {
	o := newViolators()
	for i := range 3 * maxViolators {
		o.record(&net.TCPAddr{IP: net.IPv4(10, 1, byte(i>>8), byte(i)), Port: 1}, errors.New("bad"))
	}
	if n := o.Len(); n > maxViolators {
		t.Errorf("%d addresses are remembered, at most %d may be", n, maxViolators)
	}
}

// TestViolatorWaits has an address commit violations over and over: they cost it
// time, while peers that are connected are served.
func TestViolatorWaits(t *testing.T) {
	events := newRecorder()
	g, ep := bound(t, testConfig(zmtp.Router, events), handlerFunc(echo))
	good := zmtptest.DialAs(t, ep, "DEALER")
	begin := time.Now()
	for n := range violationLimit.Burst + 3 {
		bad := zmtptest.DialAs(t, ep, "DEALER")
		bad.Send([]byte{0x80, 0})
		bad.Drained()
		bad.Close()
		events.await(t, 0, Disconnected, n+1)
		good.Ask(fmt.Sprint("served ", n))
	}
	// What is beyond the burst is paid back by time.
	if d := g.violators.wait(good.LocalAddr()); d == 0 && time.Since(begin) < 3*violationLimit.Every {
		t.Errorf("%d violations within %v cost nothing", violationLimit.Burst+3, time.Since(begin))
	}
	zmtptest.DialAs(t, ep, "DEALER").Ask("served in the end")
}

// TestViolatorIsReported: who observes learns whom it makes wait, and why.
func TestViolatorIsReported(t *testing.T) {
	events := newRecorder()
	g, ep := bound(t, testConfig(zmtp.Router, events), handlerFunc(echo))
	good := zmtptest.DialAs(t, ep, "DEALER")
	if n := g.Stats().Delayed; n > 0 {
		t.Errorf("%d connections had to wait although none has done wrong", n)
	}
	late := delayed(t, g, ep, events, good.LocalAddr())
	e := events.await(t, 0, Delayed, 1)
	if e.Peer != late.LocalAddr().String() || e.Endpoint != ep.String() || e.Err == nil || !strings.Contains(e.Err.Error(), "waits for ") {
		t.Errorf("got event %+v", e)
	}
	if n := g.Stats().Delayed; n != 1 {
		t.Errorf("%d connections are counted, want 1", n)
	}
	late.Shake(zmtp.Dealer)
	late.Ask("served in the end")
}

// delayed returns a connection from addr that has to wait, because of violations
// that are counted for it.
func delayed(t *testing.T, g *Group, ep transport.Endpoint, events *recorder, addr net.Addr) *zmtptest.Peer {
	t.Helper()
	for {
		for range 3 * violationLimit.Burst {
			g.violators.record(addr, zmtp.ErrReservedFlags)
		}
		recorded := time.Now()
		p := zmtptest.Dial(t, ep)
		testkit.Eventually(t, "a wait, or its end", func() bool {
			return events.count(Delayed) > 0 || time.Since(recorded) > 2*violationLimit.Max
		})
		if events.count(Delayed) > 0 {
			return p
		}
		p.Close() // a pause of this process was longer than the wait
	}
}

// TestViolatorThatGoesTakesNothing: who goes while it has to wait leaves no
// connection open.
func TestViolatorThatGoesTakesNothing(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the kernel does not say that a peer has gone")
	}
	events := newRecorder()
	g, ep := bound(t, testConfig(zmtp.Router, events), handlerFunc(echo))
	good := zmtptest.DialAs(t, ep, "DEALER")
	begin := time.Now()
	late := delayed(t, g, ep, events, good.LocalAddr())
	late.Send(zmtptest.Hello(zmtp.Dealer))
	late.Close()
	wantReason(t, events.await(t, 0, HandshakeFailed, 1), errGone.Error())
	if d := time.Since(begin); d > violationLimit.Max-2*goneCheck {
		t.Logf("the connection was closed after %v only", d)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.accepted != 1 {
		t.Errorf("%d connections have a place, want the good one's", g.accepted)
	}
}

// TestOffend: what the pattern says is an offense makes the next ones wait, also
// when the connection breaks.
func TestOffend(t *testing.T) {
	events := newRecorder()
	g, ep := bound(t, testConfig(zmtp.Router, events), handlerFunc(func(c *Conn) error {
		c.Offend()
		return &net.OpError{Op: "read", Err: errors.New("broken")}
	}))
	for n := range violationLimit.Burst + 2 {
		zmtptest.DialAs(t, ep, "DEALER").Close()
		events.await(t, 0, Disconnected, n+1)
	}
	if g.violators.Len() == 0 {
		t.Error("no offense is counted")
	}
}
