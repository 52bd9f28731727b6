package socket

import (
	"errors"
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// TestDealerReplyTooLarge: such a reply ends its call, whoever reads, and no
// other; one that does not say whose it is ends the connection.
func TestDealerReplyTooLarge(t *testing.T) {
	large := string(make([]byte, 2<<20))
	d, events, peers := dealing(t, 1)
	other := calls(t, d, testkit.Within(t), 1)
	kept := peers[0].Message()
	one := &ask{who: 7, size: 10}
	done := make(chan error, 1)
	go func() { done <- one.do(t, d, testkit.Within(t)) }()
	m := peers[0].Message()
	peers[0].Send(zmtptest.Message("\xff\xff\xff\xff\xff\xff\xff\xff", "", large)) // nobody's
	peers[0].Send(zmtptest.Message(string(m[0]), "", "status", large, "header"))
	if err := testkit.Receive(t, done, "the end"); err != nil || one.tooLarge == nil || one.tooLarge.Size != 2<<20 || one.tooLarge.Limit != 1<<20 {
		t.Errorf("the call ended with %v, %+v", err, one.tooLarge)
	}
	peers[0].Send(reply(kept))
	if err := testkit.Receive(t, other, "a result"); err != nil {
		t.Error(err)
	}
	lost := calls(t, d, testkit.Within(t), 1)
	peers[0].Message()
	peers[0].Send(zmtp.AppendHeader(zmtptest.Join(begun("not an id"), begun("")), 0, len(large)))
	if err := testkit.Receive(t, lost, "a result"); !errors.As(err, new(*LostError)) {
		t.Errorf("got %v, want a LostError", err)
	}
	if e := events.await(t, link.Disconnected, 1); e.Err == nil {
		t.Error("the connection's end has no reason")
	}
}

// begun returns a frame that is followed by others.
func begun(frame string) []byte { return zmtp.AppendFrameString(nil, zmtp.FlagMore, frame) }

// TestRouterRequestTooLarge: the receiver answers such a request, or has the
// connection closed.
func TestRouterRequestTooLarge(t *testing.T) {
	large := string(make([]byte, 2<<20))
	events := newRecorder()
	_, ep := routing(t, testConfig(zmtp.Router, events), &echoServer{}, tcp)
	p := zmtptest.DialAs(t, ep, "DEALER")
	start := time.Now()
	for range 3 {
		p.Send(zmtptest.Message("12345678", "", large, "", ""))
		if m := p.Message(); len(m) != 3 || string(m[0]) != "12345678" || string(m[2]) != "too large" {
			t.Fatalf("got %.100q", m)
		}
		p.Ask("12345678", "", "served")
	}
	for range oversizedLimit.Burst {
		p.Send(zmtptest.Message("12345678", "", large))
		p.Message()
	}
	p.Ask("12345678", "", "served")
	if took := time.Since(start); took < 2*oversizedLimit.Every {
		t.Errorf("%d requests that are too large took %v", oversizedLimit.Burst+3, took)
	}
	p.Send(zmtp.AppendHeader(begun("1234567"), 0, len(large)))
	p.Drained()
	if e := events.await(t, link.Disconnected, 1); e.Err == nil {
		t.Error("the connection's end has no reason")
	}
}

// TestOversizedEvents: a request counts the more the larger it is.
func TestOversizedEvents(t *testing.T) {
	for size, want := range map[uint64]int{5 << 20: 1, 16 << 20: 2, 48 << 20: 4, 1 << 30: 65} {
		if got := oversizedEvents(size); got != want {
			t.Errorf("a request of %d bytes counts as %d, want %d", size, got, want)
		}
	}
}
