package link

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/zmtp"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// TestOffenders: an address that offends too often waits, in the end as long as
// anyone may; others do not.
func TestOffenders(t *testing.T) {
	var o offenders
	bad, good := &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 1}, &net.TCPAddr{IP: net.IPv4(10, 0, 0, 2), Port: 1}
	for n := range offencesAtOnce {
		if d := o.penance(bad); d > 0 {
			t.Fatalf("a wait of %v after %d offences", d, n)
		}
		o.note(&net.TCPAddr{IP: bad.IP, Port: n}, zmtp.ErrReservedFlags)
	}
	for range offencesAtOnce {
		o.note(bad, zmtp.ErrReservedFlags)
	}
	if d := o.penance(bad); d < maxPenance/2 || d > maxPenance {
		t.Errorf("a wait of %v, want about %v", d, maxPenance)
	}
	o.note(&net.UnixAddr{Name: "x"}, zmtp.ErrReservedFlags)
	for _, addr := range []net.Addr{good, &net.UnixAddr{Name: "x"}, nil} {
		if d := o.penance(addr); d > 0 {
			t.Errorf("%v waits %v for what others did", addr, d)
		}
	}
	for range 2 * offencesAtOnce {
		o.note(good, &EndedError{})
	}
	if d := o.penance(good); d > 0 {
		t.Errorf("a wait of %v for saying why one goes", d)
	}
}

// TestOffendersAreBounded: more addresses than are remembered cost no more
// memory.
func TestOffendersAreBounded(t *testing.T) {
	var o offenders
	for i := range 3 * maxOffenders {
		o.note(&net.TCPAddr{IP: net.IPv4(10, 1, byte(i>>8), byte(i)), Port: 1}, errors.New("bad"))
	}
	if n := len(o.by); n > maxOffenders {
		t.Errorf("%d addresses are remembered, at most %d may be", n, maxOffenders)
	}
}

// TestOffenderWaits has an address offend over and over: what it does there
// costs it time, while peers that are connected are served.
func TestOffenderWaits(t *testing.T) {
	events := newRecorder()
	g, ep := bound(t, testConfig(zmtp.Router, events), handlerFunc(echo))
	good := zmtptest.DialAs(t, ep, "DEALER")
	begin := time.Now()
	for n := range offencesAtOnce + 3 {
		bad := zmtptest.DialAs(t, ep, "DEALER")
		bad.Send([]byte{0x80, 0})
		events.await(t, 0, Disconnected, n+1)
		bad.Close()
		good.Ask(fmt.Sprint("served ", n))
	}
	if d := g.offenders.penance(good.LocalAddr()); d == 0 && time.Since(begin) < offencesAtOnce*offenceEvery {
		t.Errorf("%d offences within %v cost nothing", offencesAtOnce+3, time.Since(begin))
	}
	zmtptest.DialAs(t, ep, "DEALER").Ask("served in the end")
}

// TestOffenderIsReported: who observes learns whom it makes wait, and why.
func TestOffenderIsReported(t *testing.T) {
	events := newRecorder()
	g, ep := bound(t, testConfig(zmtp.Router, events), handlerFunc(echo))
	good := zmtptest.DialAs(t, ep, "DEALER")
	if n := g.Stats().Delayed; n > 0 {
		t.Errorf("%d connections had to wait although none has done wrong", n)
	}
	for range 2 * offencesAtOnce {
		g.offenders.note(good.LocalAddr(), zmtp.ErrReservedFlags)
	}
	late := zmtptest.Dial(t, ep)
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
