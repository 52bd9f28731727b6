package socket

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// stopWord is what tells a peer to end in these tests.
type stopWord struct{}

func (stopWord) AppendMessage(b []byte) ([]byte, error) {
	return append(b, zmtptest.Message("", "stop")...), nil
}

// wantParcels reads the parcels of a peer, and nothing between them.
func wantParcels(t *testing.T, peer *zmtptest.Peer, numbers ...int) {
	t.Helper()
	for _, want := range numbers {
		if n, err := number(peer.Message()); err != nil || n != want {
			t.Fatalf("got %d, %v, want %d", n, err, want)
		}
	}
}

// What tells a peer to end, and was not sent when it went, ends no other; what
// else it was not sent goes on, in order.
func TestPushUnsentStopEndsNobodyElse(t *testing.T) {
	p := NewPush(pushConfig())
	closing(t, p.Shutdown)
	ep := bind(t, p.Links(), tcp)
	first := zmtptest.DialAs(t, ep, "PULL") // none of ours, so that more follows
	send := func(n int, size int) {
		t.Helper()
		if err := p.Send(testkit.Within(t), parcel{number: n, size: size}); err != nil {
			t.Fatal(err)
		}
	}
	send(0, halfSent)
	for range 2 {
		if err := p.Stop(stopWord{}); err != nil {
			t.Fatal(err)
		}
	}
	second := zmtptest.DialAs(t, ep, "PULL", zmtp.PropertyGozmq, "1")
	if err := p.WaitPeers(testkit.Within(t), 2); err != nil {
		t.Fatal(err)
	}
	first.Close()
	wantParcels(t, second, 0)
	send(1, 10)
	wantParcels(t, second, 1)
}

// A word that was cut off in the middle ends nobody else either.
func TestStoppedKeepsOthers(t *testing.T) {
	stop, _ := stopWord{}.AppendMessage(nil)
	other := zmtptest.Message("a", "stop")
	s := stopped{frames: stop}
	if !s.is(stop) || s.is(other) || s.is(nil) {
		t.Error("a message was taken for another")
	}
	for name, x := range map[string]struct{ in, want []byte }{
		"none":    {other, other},
		"one":     {stop, nil},
		"between": {zmtptest.Join(other, stop, other, stop, stop), zmtptest.Join(other, other)},
		"inside":  {zmtptest.Message("a", string(stop)), zmtptest.Message("a", string(stop))},
	} {
		if got := s.without(x.in); string(got) != string(x.want) {
			t.Errorf("%s: got %q, want %q", name, got, x.want)
		}
	}
}

// Nothing follows to a peer of ours that was told to end, and everything to what
// may be a proxy.
func TestPushNothingFollowsStop(t *testing.T) {
	p := NewPush(pushConfig())
	closing(t, p.Shutdown)
	ep := bind(t, p.Links(), tcp)
	ours := zmtptest.DialAs(t, ep, "PULL", zmtp.PropertyGozmq, "1")
	if err := errors.Join(p.WaitPeers(testkit.Within(t), 1), p.Stop(stopWord{})); err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	for _, x := range []struct {
		err  error
		want string
	}{{p.Send(short, parcel{}), "all peers were told to stop: 1"}, {p.WaitPeers(short, 1), "0 of 1 peers"}} {
		if x.err == nil || !strings.Contains(x.err.Error(), x.want) {
			t.Errorf("got %v, want %q", x.err, x.want)
		}
	}
	sent := make(chan error, 1)
	go func() { sent <- p.Send(testkit.Within(t), parcel{number: 1}) }()
	other := zmtptest.DialAs(t, ep, "PULL")
	wantParcels(t, other, 1)
	if err := errors.Join(testkit.Receive(t, sent, "the end of Send"), p.Stop(stopWord{})); err != nil {
		t.Fatal(err)
	}
	if m := other.Message(); string(m[1]) != "stop" {
		t.Errorf("got %q", m)
	}
	if err := p.Send(testkit.Within(t), parcel{number: 2}); err != nil {
		t.Fatal(err)
	}
	wantParcels(t, other, 2)
	for range 2 {
		if m := ours.Message(); string(m[1]) != "stop" {
			t.Errorf("got %q behind the word", m)
		}
	}
	ours.Close()
}
